"""The pytest plugin in separate runs of pytest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from roistat_async.testing import FakeRoistat, Quirks

USER_TEST = """
import aiohttp, pytest, urllib.request, json

@pytest.mark.asyncio
async def test_async(fake_roistat):
    fake_roistat.state.add_call(id="777")
    url = f"{fake_roistat.base_url}/project/calltracking/call/list?project={fake_roistat.project}"
    async with aiohttp.ClientSession(headers={"Api-key": fake_roistat.api_key}) as session:
        async with session.post(url, json={"limit": 1}) as response:
            assert (await response.json())["data"][0]["id"] == "777"

def test_sync(fake_roistat):
    url = f"{fake_roistat.base_url}/user/projects?key={fake_roistat.api_key}"
    with urllib.request.urlopen(url) as response:
        assert json.load(response)["projects"][0]["id"] == 12345
    assert len(fake_roistat.requests) == 1
"""


MARKED_TEST = """
import json, pytest, urllib.request

@pytest.mark.roistat(calls=50, projects=[678])
class TestMarked:
    def test_class(self, fake_roistat):
        assert [len(each.calls) for each in fake_roistat.projects.values()] == [50, 50]

    @pytest.mark.roistat(calls=3)
    def test_method(self, fake_roistat):
        assert len(fake_roistat.state.calls) == 3

def test_plain(fake_roistat):
    assert len(fake_roistat.state.calls) == 200
"""


ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "testing.md").read_text("utf-8")
EXAMPLE = PAGE.split("```python\n")[1].partition("```")[0]


@pytest.mark.parametrize(("mode", "code"), [("auto", EXAMPLE), ("strict", MARKED_TEST)])
def test_fixture_and_marker(tmp_path: Path, mode: str, code: str) -> None:
    """Async and sync tests pass in both modes, and so do marked ones and the page's example."""
    (tmp_path / "test_user.py").write_text(USER_TEST, "utf-8")
    (tmp_path / "test_other.py").write_text(code, "utf-8")
    options = ["-q", "-p", "no:cacheprovider", "--strict-markers", "-p", "pytest_asyncio.plugin"]
    for setting in (f"asyncio_mode={mode}", "asyncio_default_fixture_loop_scope=function"):
        options += ["-o", setting]
    # An installed copy of the package would bring its own plugin through its entry point.
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-W", "error", "-m", "pytest", "-p", "roistat_async.testing.plugin"]
    done = subprocess.run(
        [*command, *options], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60
    )
    passed = sum(text.count("def test_") for text in (USER_TEST, code))
    assert passed > 3
    assert f"{passed} passed" in done.stdout, done.stdout + done.stderr


def test_c11_a_stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a test stops all clocks, as freezegun does, limits count seconds that really pass."""
    noon = 1_900_000_000.0

    def status() -> tuple[str, str | None]:
        url = f"{fake.base_url}/project/calltracking/call/list"
        query = f"project={fake.project}&key={fake.api_key}"
        with urllib.request.urlopen(f"{url}?{query}", timeout=20) as response:
            return json.load(response)["status"], response.headers["Date"]

    with FakeRoistat(calls=1, quirks=Quirks(rate_per_second=2)).in_thread() as fake:
        monkeypatch.setattr("time.time", lambda: noon)
        monkeypatch.setattr("time.monotonic", lambda: 0.0)
        statuses = [status() for _ in range(3)]
        time.sleep(1.1)
        statuses.append(status())
        monkeypatch.undo()
    assert [text for text, _ in statuses] == ["success", "success", "error", "success"]
    assert {date for _, date in statuses} == {"Sun, 17 Mar 2030 17:46:40 GMT"}
