"""`roistat report` writes a page, from Roistat or from a copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Roistat

for module in ("altair", "vl_convert", "jinja2"):
    pytest.importorskip(module, reason=f"{module} is missing: install the extra report")


@pytest.mark.usefixtures("fake")
def test_from_roistat_and_from_a_copy(roistat: Roistat, tmp_path: Path) -> None:
    """Both pages count the calls of the same period, in the given time zone."""
    copy = tmp_path / "calls.db"
    assert roistat("sync", "--to", str(copy), "--since", "60d", "--extend", "visit").code == 0
    period = ("--last", "30d", "--tz", "Europe/Moscow")
    ended = [
        roistat("report", *period, "--html", str(tmp_path / name), *source)
        for name, source in (("a.html", ()), ("b.html", ("--from", str(copy))))
    ]
    assert [one.code for one in ended] == [0, 0], [one.err for one in ended]
    for name, one in zip(("a.html", "b.html"), ended, strict=True):
        page = (tmp_path / name).read_text(encoding="utf-8")
        (row,) = one.rows
        assert row["path"] == str(tmp_path / name)
        assert row["size"] == len(page.encode())
        assert "Times are in Europe/Moscow." in page
        assert f"<dt>Calls</dt><dd>{row['calls']:,}</dd>" in page
    assert ended[0].rows[0]["answered"] > 0


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ((), "Missing option '--html'"),
        (("--html", "a.html"), "add --period"),
        (("--html", "a.html", "--last", "7d", "--from", "missing.db"), "does not exist"),
        (("--html", "a.html", "--last", "7d", "--tz", "Mars"), "unknown time zone"),
        (("--html", "a.html", "--last", "7d", "--from", "a.ndjson"), "SQLite or PostgreSQL"),
        (("--html", "a.html", "--last", "7d", "--from", "b.db", "--project", "x"), "a number"),
    ],
)
def test_wrong_usage(
    roistat: Roistat,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    text: str,
) -> None:
    """A missing or invalid option is exit code 2 with its name, and no file is written."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.ndjson", "b.db"):
        (tmp_path / name).touch()
    ended = roistat("report", *options)
    assert ended.code == 2
    assert text in ended.err
    assert not (tmp_path / "a.html").exists()
