"""`roistat report` writes a page, from Roistat or from a copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Refuse, Roistat

for module in ("altair", "vl_convert", "jinja2"):
    pytest.importorskip(module, reason=f"{module} is missing: install the extra report")


def test_from_roistat_and_from_a_copy(roistat: Roistat) -> None:
    """Both pages count the calls of the same period, in the given time zone."""
    assert roistat("sync", "--to", "calls.db", "--since", "60d", "--extend", "visit").code == 0
    for source in ((), ("--from", "calls.db")):
        ended = roistat(
            "report", "--last", "30d", "--tz", "Europe/Moscow", "--html", "a.html", *source
        )
        assert ended.code == 0, ended.err
        page = Path("a.html").read_text(encoding="utf-8")
        (row,) = ended.rows
        assert (row["path"], row["size"]) == ("a.html", len(page.encode()))
        assert "Times are in Europe/Moscow." in page
        assert f"<dt>Calls</dt><dd>{row['calls']:,}</dd>" in page
        assert row["answered"] > 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("", "Missing option '--html'"),
        ("--html a.html", "add --period"),
        ("--html a.html --last 7d --from missing.db", "does not exist"),
        ("--html a.html --last 7d --tz Mars", "unknown time zone"),
        ("--html a.html --last 7d --from a.ndjson", "SQLite or PostgreSQL"),
        ("--html a.html --last 7d --from b.db --project x", "a number"),
    ],
)
def test_wrong_usage(refuse: Refuse, options: str, text: str) -> None:
    """A missing or invalid option is exit code 2 with its name, and no file is written."""
    for name in ("a.ndjson", "b.db"):
        Path(name).touch()
    assert text in refuse(f"report {options}")
