"""The report for a bug: nothing personal in it."""

from __future__ import annotations

import re

from roistat_async import Roistat
from roistat_async.doctor import format_report, run_checks
from roistat_async.testing import FakeRoistat, Quirks
from tests.helpers.clients import UNLIMITED


async def _report(fake: FakeRoistat) -> str:
    key, project = fake.api_key, fake.project
    async with Roistat(key, project, base_url=fake.base_url, limits=UNLIMITED) as roistat:
        checks = await run_checks(roistat)
        return format_report(checks, base_url=roistat.base_url)


async def test_a_report_holds_nothing_of_the_project() -> None:
    """No value of the server's state stands in it: no key, project, address, call or number."""
    async with FakeRoistat(calls=100, quirks=Quirks(visit_device="text")) as fake:
        report = await _report(fake)
    values = {fake.api_key, str(fake.project), fake.state.name, "127.0.0.1"}
    for call in fake.state.calls:
        values |= {str(call[name]) for name in ("id", "caller", "callee", "date", "visit_id")}
    found = {value for value in values if value and re.search(rf"\b{re.escape(value)}\b", report)}
    assert found <= {"None"}


async def test_a_report_names_versions_and_checks(fake: FakeRoistat) -> None:
    """It is a table in Markdown, below the versions that a maintainer asks for."""
    report = await _report(fake)
    assert re.search(r"^- roistat_async \d+\.\d+\.\d+$", report, re.MULTILINE)
    assert re.search(r"^- Python 3\.\d+\.\d+\S*, \w+$", report, re.MULTILINE)
    rows = [line for line in report.splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + 12
    assert "address: another" in report
