"""`roistat report` writes a page, from Roistat or from a copy."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from .conftest import Refuse, Roistat, examples_of

for module in ("altair", "vl_convert", "jinja2"):
    pytest.importorskip(module, reason=f"{module} is missing: install the extra report")


def test_examples(roistat: Roistat) -> None:
    """From Roistat and from a copy, a page counts the calls of the period, in the time zone."""
    assert roistat("sync", "--to", "calls.db", "--since", "60d", "--extend", "visit").code == 0
    for line in examples_of("report"):
        ended = roistat(*shlex.split(line)[1:], "--tz", "Europe/Moscow")
        assert ended.code == 0, ended.err
        (row,) = ended.rows
        page = Path(row["path"]).read_text(encoding="utf-8")
        assert row["size"] == len(page.encode())
        assert "Times are in Europe/Moscow." in page
        assert f"<dt>Calls</dt><dd>{row['calls']:,}</dd>" in page
        assert row["path"] in line
        assert (row["answered"] > 0) is ("--last 30d" in line)


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
