"""The metrics in docs/web.md count what happened."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from roistat_async.testing import FakeRoistat, Fault

PAGE = Path(__file__).parents[2] / "docs" / "web.md"
LIST = 'operation="project/calltracking/call/list"'


def test_the_metrics_count_requests_and_retries(roistat_env: FakeRoistat, tmp_path: Path) -> None:
    """Each attempt, each retry and the requests that are left are exported."""
    pytest.importorskip("prometheus_client", reason="prometheus_client is missing")
    blocks = re.findall(r"^```python\n((?:(?!```).)*)^```$", PAGE.read_text("utf-8"), re.M | re.S)
    (block,) = [block for block in blocks if "prometheus_client" in block]
    roistat_env.fail("call/list", Fault.status(503))
    lines = subprocess.run(
        [sys.executable, "-W", "error", "-c", block],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    ).stdout.splitlines()  # fmt: skip
    assert f'roistat_request_seconds_count{{{LIST},status="503"}} 1.0' in lines
    assert f'roistat_request_seconds_count{{{LIST},status="200"}} 1.0' in lines
    assert f'roistat_retries_total{{error="ServerError",{LIST}}} 1.0' in lines
    assert "roistat_requests_left 4998.0" in lines
