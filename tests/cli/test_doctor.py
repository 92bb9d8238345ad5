"""`roistat doctor`: its exit codes, its table, its JSON and its report."""

from __future__ import annotations

import json
from pathlib import Path

from roistat_async.testing import FakeRoistat, Fault

from .conftest import WRONG_KEY, Roistat


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


def test_a_refused_key_or_no_response_is_no_success(roistat: Roistat, fake: FakeRoistat) -> None:
    """A refused key exits with 4, and with 1 if nothing could be checked."""
    assert roistat("doctor", **WRONG_KEY).code == 4
    fake.fail("*", Fault.status(502), times=20)
    assert roistat("doctor").code == 1


def test_the_report_is_written(roistat: Roistat, fake: FakeRoistat) -> None:
    """`--report` writes Markdown, without the number of the project."""
    assert roistat("doctor", "--report", "doctor.md").code == 0
    text = Path("doctor.md").read_text(encoding="utf-8")
    assert text.startswith("# Report of `roistat doctor`")
    assert str(fake.project) not in text
