"""A typo in the public API is a type error, for mypy and for pyright."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from textwrap import indent

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("untraced_processes")]

_IMPORTS = """\
from datetime import datetime
from roistat_async import (
    Call, CallDraft, CallField, CallStatus, ClientOptions, Filters, Limits, OnBadRecord, Period,
    Phone, RetryPolicy, Roistat, Sort, errors,
)
from roistat_async.sync import sync_calls
async def use(
    roistat: Roistat, call: Call, when: datetime, period: Period, error: errors.OutcomeUnknownError
) -> None:
"""
_VALID = """\
roistat.calls.list(period=period, status=CallStatus.ANSWER)
roistat.calls.list(period=period, status=[CallStatus.ANSWER, CallStatus.BUSY], extend=["visit"])
roistat.calls.list(filters=[("date", ">", when), ("status", "in", ["BUSY"])], sort=("id", "asc"))
roistat.calls.list(filters={"or": [("id", "=", "5"), ("visit_id", "null", True)]}, sort=None)
filters: Filters[CallField] = [("date", ">", when)]
sort: Sort[CallField] = ("date", "asc")
on_bad_record: OnBadRecord = "skip"
roistat.calls.list(filters=filters, sort=sort, on_bad_record=on_bad_record)
roistat.phones.list(filters=[("is_external", "=", 1)], sort=("id", "desc"))
Roistat.from_env(limits=Limits(per_second=5), project=5)
careful: ClientOptions = {"limits": Limits(per_second=2), "retry": RetryPolicy(max_attempts=2)}
Roistat.from_env(**careful)
await roistat.resolve(error, Phone)
"""
_INVALID = """\
roistat.calls.list(filters=[("dat", ">", when)])
roistat.calls.list(filters=[("date", "=>", when)])
roistat.calls.list(filters={"xor": [("date", ">", when)]})
roistat.calls.list(filters=[("is_external", "=", 1)])
roistat.calls.list(sort=("dates", "asc"))
roistat.calls.list(sort=("date", "up"))
roistat.calls.list(extend="visit")
roistat.calls.list(extend=["visits"])
roistat.calls.list(status="answered")
roistat.calls.list(period="2026-05-01..2026-05-31")
roistat.calls.list(on_bad_record="ignore")
roistat.calls.list(period)
roistat.calls.history(period, extend="visit")
roistat.phones.list(filters=[("caller", "=", "1")])
roistat.phones.list(sort=("date", "asc"))
Roistat.from_env(limits=3)
Roistat.from_env(limit=Limits())
ClientOptions(timeouts=5)
await roistat.resolve(error, str)
await roistat.scripts.update(5, name="New name")
await roistat.phones.update(5, 11)
await roistat.calls.update(5, coment="x")
await roistat.calls.create(callee="1", caller="2", date=when)
Limits(10)
Roistat(12345, "x")
await roistat.phones.buy(prefix="7499", count=1, spend_money=False)
call.id = "5"
CallDraft(callee="1", caller="2")
Period(when)
await sync_calls(roistat)
"""
_SOURCE = _IMPORTS + indent(_VALID + _INVALID, "    ")
_FIRST_INVALID = (_IMPORTS + _VALID).count("\n") + 1


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """File with valid lines, followed by invalid ones."""
    path = tmp_path / "snippets.py"
    path.write_text(_SOURCE, encoding="utf-8")
    return path


def check(lines: set[int], output: str) -> None:
    texts = _SOURCE.splitlines()
    expected = set(range(_FIRST_INVALID, len(texts) + 1))
    assert not [texts[line - 1] for line in expected - lines], "accepted"
    assert lines == expected, output


def test_mypy_reports_each_typo(source: Path) -> None:
    """Mypy in strict mode reports each invalid line, and no other line."""
    pytest.importorskip("mypy")
    # With the options and the cache of the checkout: an empty cache takes several seconds.
    output = _run([sys.executable, "-m", "mypy", str(source)])
    check({int(line) for line in re.findall(r"snippets\.py:(\d+): error", output)}, output)


def test_pyright_reports_each_typo(source: Path) -> None:
    """Pyright reports each invalid line, and no other line."""
    pytest.importorskip("pyright")
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    output = _run([*command, str(source)])
    if not output.startswith("{"):
        pytest.skip("pyright does not start here: it needs node")
    diagnostics = json.loads(output)["generalDiagnostics"]
    check({each["range"]["start"]["line"] + 1 for each in diagnostics}, output)


def _run(command: list[str]) -> str:
    root = Path(__file__).parents[1]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=root).stdout
