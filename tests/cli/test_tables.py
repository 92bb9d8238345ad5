"""Tables that fit the terminal, and the time zone of their dates."""

from __future__ import annotations

import shlex

import pytest

from roistat_async.testing import FakeRoistat

from .conftest import OnTerminal, Roistat

COMMANDS = (
    "calls --extend visit,order --limit 60", "phones", "scripts", "analytics --last 30d",
    "sync --to calls.db --since 60d", "status calls.db --days 5", "doctor",
)  # fmt: skip


@pytest.mark.parametrize("columns", [1, 40, 60, 80, 200])
def test_c8_c20_every_command_fits_the_terminal(columns: int, roistat: Roistat) -> None:
    """No line of a table, chart or report is wider than the terminal, or ends in spaces.

    On a terminal of one column, no command fails.
    """
    for line in COMMANDS:
        ended = roistat(*shlex.split(line), "--table", COLUMNS=str(columns))
        assert (ended.code, "Traceback" in ended.err) == (0, False), line
        assert ended.out
        for shown in ended.out.splitlines():
            assert len(shown) <= columns or columns == 1, line
            assert shown == shown.rstrip(), line


@pytest.mark.parametrize("no_color", [False, True])
def test_c20_the_width_of_a_real_terminal(
    no_color: bool, fake: FakeRoistat, on_terminal: OnTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal a list is a table of its width; only the heading is bold, unless NO_COLOR."""
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    code, shown = on_terminal("stdout", "scripts", columns=50)
    heading, *lines = shown.splitlines()
    assert (code, len(lines)) == (0, len(fake.state.scripts))
    assert heading.startswith("ID" if no_color else "\x1b[1mID")
    assert 40 < max(map(len, lines)) <= 50
    assert not any("\x1b" in line for line in lines)


def test_c20_values_are_whole_or_left_out(fake: FakeRoistat, roistat: Roistat) -> None:
    """Numbers and dates are never cut: their columns are left out, and stderr names them."""
    newest = fake.state.calls[-1]
    for columns in ("", "40"):
        ended = roistat("calls", "--table", "--limit", "1", COLUMNS=columns)
        assert newest["id"] in ended.out
        for name in ("caller", "callee"):
            assert (newest[name] in ended.out, name in ended.err) == (not columns, bool(columns))


def test_c20_a_column_of_wide_letters_is_aligned(fake: FakeRoistat, roistat: Roistat) -> None:
    """A letter that is two cells wide counts as two, and a text that is too long is cut."""
    fake.state.scripts[0]["name"] = "電話" * 30
    lines = roistat("scripts", "--table", COLUMNS="50").out.splitlines()
    wide = sum(letter in "電話" for letter in lines[1])
    assert "…" in lines[1]
    assert lines[1].index("yes") + wide == lines[2].index("yes")


def test_numbers_are_aligned_at_their_end(fake: FakeRoistat, roistat: Roistat) -> None:
    """Numbers are aligned at the right, words at the left."""
    fake.state.calls = []
    for duration in (5, 1234):
        fake.state.add_call(duration=duration, script_name="x" * (duration % 7 + 1))
    lines = roistat("calls", "--table", "--columns", "id,script_name,duration").out.splitlines()
    assert len({len(line) for line in lines}) == 1
    assert len({line.index("x") for line in lines[1:]}) == 1


@pytest.mark.parametrize(
    ("zone", "heading", "shown"),
    [
        ("UTC", "Date, UTC", "05-01 21:30"),
        ("Europe/Moscow", "Date, MSK", "05-02 00:30"),
        ("Europe/Berlin", "Date, Europe/Berlin", "05-01 23:30"),
        ("Asia/Dubai", "Date, Asia/Dubai", "05-02 01:30"),
    ],
)
def test_the_heading_names_the_zone(
    zone: str, heading: str, shown: str, fake: FakeRoistat, roistat: Roistat
) -> None:
    """Dates are in the zone of --tz, and the heading of a table names it."""
    fake.state.calls = []
    fake.state.add_call(date="2026-05-01T21:30:00+0000")
    out = roistat("calls", "--table", "--tz", zone).out
    assert heading in out.splitlines()[0]
    assert f"2026-{shown}:00" in out


def test_the_zone_of_the_environment(roistat: Roistat) -> None:
    """ROISTAT_TZ is the zone of all commands, unless --tz names another; JSON stays in UTC."""
    moscow = {"ROISTAT_TZ": "Europe/Moscow"}
    assert "MSK" in roistat("calls", "--table", **moscow).out
    assert "MSK" in roistat("scripts", "--table", **moscow).out
    assert "UTC" in roistat("calls", "--table", "--tz", "utc", **moscow).out
    assert roistat("calls", "--limit", "1", **moscow).rows[0]["date"].endswith("Z")
    ended = roistat("calls", ROISTAT_TZ="Europe/Moskow")
    assert (ended.code, "Europe/Moskow" in ended.err) == (2, True)
