"""Exit codes, and one or two lines on stderr instead of a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from roistat_async import errors
from roistat_async.cli import exit_codes
from roistat_async.testing import FakeRoistat, Fault

from .conftest import Roistat


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("calls", "--nonsense"),
        ("calls", "--limit", "-1"),
        ("calls", "--page-size", "0"),
        ("calls", "--sort", "dat:desc"),
        ("calls", "--extend", "visits"),
        ("calls", "--filter", "caller"),
        ("calls", "--filter", "caler = 1"),
        ("calls", "--filter", "comment null maybe"),
        ("calls", "--filter", "date > yesterday"),
        ("calls", "--period", "2026-05-01"),
        ("calls", "--last", "a week"),
        ("calls", "--last", "7d", "--period", "2026-05-01..2026-05-02"),
        ("calls", "--period", "2026-05-01..2026-05-02", "--tz", "Moscow"),
        ("calls", "--period", "2026-05-01..2026-05-02", "--tz", "Europe"),
        ("calls", "--period", "2026-05-01..2026-05-02", "--tz", "../etc/passwd"),
        ("calls", "--project", "mine"),
        ("calls", "--base-url", "http://roistat.example"),
        ("calls", "--api-key-file", "/nowhere"),
        ("analytics",),
        ("export", "x.xls"),
        ("recordings", "x", "--call-id", "../x"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], fake: FakeRoistat, roistat: Roistat) -> None:
    """Wrong usage exits with 2, prints two lines at most, and sends nothing."""
    ended = roistat(*arguments)
    assert (ended.code, ended.out, fake.requests) == (2, "", [])
    assert 1 <= len(ended.err.splitlines()) <= 3
    assert "Traceback" not in ended.err


def test_no_arguments(roistat: Roistat) -> None:
    """`roistat` alone prints the help on stderr, as wrong usage."""
    ended = roistat()
    assert (ended.code, ended.out) == (2, "")
    assert "recordings" in ended.err


def test_without_configuration(roistat: Roistat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing configuration exits with 2 and names the variables to set."""
    for name in ("API_KEY", "PROJECT", "BASE_URL"):
        monkeypatch.delenv(f"ROISTAT_{name}", raising=False)
    ended = roistat("calls")
    assert ended.code == 2
    assert "ROISTAT_API_KEY and ROISTAT_PROJECT" in ended.err


def test_wrong_key(fake: FakeRoistat, roistat: Roistat, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong key exits with 4 and says what to check, without the key."""
    monkeypatch.setenv("ROISTAT_API_KEY", "f" * 32)
    ended = roistat("calls")
    assert (ended.code, ended.out) == (4, "")
    assert "ROISTAT_API_KEY" in ended.err
    assert "f" * 32 not in ended.err


def test_no_rights(fake: FakeRoistat, roistat: Roistat) -> None:
    """A project that the key does not open exits with 4 too."""
    assert roistat("phones", "--project", "999").code == 4


def test_key_from_a_file(
    fake: FakeRoistat, roistat: Roistat, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """--api-key-file reads the key without its newline; --project and --base-url do the rest."""
    for name in ("API_KEY", "PROJECT", "BASE_URL"):
        monkeypatch.delenv(f"ROISTAT_{name}")
    key = tmp_path / "key"
    key.write_text(f"{fake.api_key}\n")
    where = ("--base-url", fake.base_url, "--project", str(fake.project))
    ended = roistat("scripts", "--api-key-file", str(key), *where)
    assert ended.code == 0


def test_invalid_key_file_is_not_shown(fake: FakeRoistat, roistat: Roistat, tmp_path: Path) -> None:
    """A file that holds no key is wrong usage, and its content is not printed."""
    file = tmp_path / "key"
    file.write_bytes(b"secret \xff words\n")
    ended = roistat("scripts", "--api-key-file", str(file))
    assert ended.code == 2
    assert "secret" not in ended.err


def test_error_of_roistat(fake: FakeRoistat, roistat: Roistat) -> None:
    """An error of Roistat exits with 1 and prints its text escaped, in two lines at most."""
    fake.fail("*/call/list", Fault.error("option_not_enabled", "\x1b[31mnope\nsecond"))
    ended = roistat("calls")
    assert (ended.code, ended.out) == (1, "")
    assert "option_not_enabled" in ended.err
    assert "\x1b" not in ended.err
    assert len(ended.err.splitlines()) <= 2


def test_closed_port(roistat: Roistat, monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed port exits with 1 and says that nothing was sent."""
    monkeypatch.setenv("ROISTAT_API_KEY", "0" * 32)
    arguments = ("scripts", "--project", "1", "--base-url", "http://127.0.0.1:9/api/v1")
    ended = roistat(*arguments)
    assert ended.code == 1
    assert "Nothing was sent" in ended.err


def test_impossible_folder(fake: FakeRoistat, roistat: Roistat, tmp_path: Path) -> None:
    """An error of the disk exits with 1 and names the file."""
    (tmp_path / "file").write_text("")
    ended = roistat("export", str(tmp_path / "file" / "x.xls"), "--last", "30d")
    assert ended.code == 1
    assert "Traceback" not in ended.err


def test_a_bug_keeps_its_traceback() -> None:
    """An unexpected exception keeps its traceback."""
    assert exit_codes.exit_code_for(ZeroDivisionError()) is None


def test_every_error_has_a_code() -> None:
    """Each error of the library has an exit code."""
    for name in errors.__all__:
        kind = getattr(errors, name)
        code = exit_codes.exit_code_for(kind.__new__(kind))
        refused = name in ("AuthenticationError", "AccessDeniedError")
        assert code == (4 if refused else 2 if name == "ConfigurationError" else 1)


def test_key_is_never_shown(fake: FakeRoistat, roistat: Roistat, tmp_path: Path) -> None:
    """No command shows the key, on stdout or on stderr."""
    for arguments in (
        ("calls", "--extend", "visit,order"),
        ("phones",),
        ("scripts",),
        ("recordings", str(tmp_path), "--last", "30d"),
        ("analytics", "--last", "30d"),
        ("export", str(tmp_path / "x.xls"), "--last", "30d"),
    ):
        ended = roistat(*arguments)
        assert fake.api_key not in ended.out + ended.err
