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


def test_copy_of_another_kind(refuse: Refuse) -> None:
    """A copy that is neither SQLite nor PostgreSQL is refused."""
    Path("a.ndjson").touch()
    assert "SQLite or PostgreSQL" in refuse("report --html a.html --last 7d --from a.ndjson")
