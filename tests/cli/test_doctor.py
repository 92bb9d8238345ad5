"""`roistat doctor`: its exit codes, its table, its JSON and its report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from roistat_async.testing import FakeRoistat, Fault
from tests.cli.conftest import Roistat


def test_json_lists_the_checks(roistat: Roistat) -> None:
    """JSON is one object with name, status and detail of each check; a warning exits with 0."""
    ended = roistat("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(ended.out)["checks"]}
    assert ended.code == 0
    assert checks["key"]["status"] == "ok"
    assert {check["status"] for check in checks.values()} <= {"ok", "warn", "fail", "unknown"}
    assert all(check["detail"] for check in checks.values())


def test_the_table_says_what_the_library_does(roistat: Roistat, fake: FakeRoistat) -> None:
    """Each check has a line, and a failed one says what it means; it exits with 1."""
    fake.quirks.descending_only = True
    ended = roistat("doctor", "--table")
    assert ended.code == 1
    lines = ended.out.splitlines()
    (number,) = (number for number, line in enumerate(lines) if line.startswith("✗ sorting"))
    assert "ascending order is ignored" in lines[number]
    assert "→ calls.history and sync raise PagingError" in lines[number + 1]


def test_a_refused_key_exits_with_4(roistat: Roistat, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused key has the exit code of missing rights."""
    monkeypatch.setenv("ROISTAT_API_KEY", "f" * 32)
    assert roistat("doctor").code == 4


def test_a_server_without_answers_is_no_success(roistat: Roistat, fake: FakeRoistat) -> None:
    """If nothing could be checked, the exit code is 1."""
    fake.fail("*", Fault.status(502), times=20)
    assert roistat("doctor").code == 1


def test_the_report_is_written(roistat: Roistat, fake: FakeRoistat) -> None:
    """`--report` writes Markdown, without the number of the project."""
    assert roistat("doctor", "--report", "doctor.md").code == 0
    text = Path("doctor.md").read_text(encoding="utf-8")
    assert text.startswith("# Report of `roistat doctor`")
    assert str(fake.project) not in text
