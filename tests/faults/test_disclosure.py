"""Tests that nothing secret is shown and no link is fetched (docs/secrets.md)."""

from __future__ import annotations

import io
import json
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from roistat_async import CallDraft, Period, Redirect, Roistat, ScriptDraft, ScriptOptions, errors
from roistat_async.cli.app import run
from roistat_async.models.calls import Call, CallStatus, Order, Visit
from roistat_async.models.downloads import Download, DownloadOutcome, DownloadStatus
from roistat_async.models.phones import Phone
from roistat_async.sync import sync_calls, sync_recordings
from roistat_async.sync.report import RecordingsReport, SyncReport
from roistat_async.sync.state_file import StateFile
from roistat_async.sync.target_factory import open_target
from roistat_async.testing import FakeRoistat
from tests.helpers import source
from tests.helpers.clients import KEY, PROJECT
from tests.helpers.raw_server import RawServer, silent
from tests.lifecycle.conftest import fake as fake
from tests.lifecycle.conftest import roistat as roistat
from tests.lifecycle.operation_context import settings_of

PHONE = "79161234567"
NOW = datetime(2026, 5, 1, tzinfo=UTC)
CALL = Call(
    "1", NOW, CallStatus.ANSWER, callee=PHONE, caller=PHONE, link=f"https://x.example/{PHONE}",
    comment=f"call {PHONE}", visit=Visit(ip=PHONE, google_client_id=PHONE),
    order=Order(custom_fields={"phone": PHONE}), extra={"phone": PHONE},
)  # fmt: skip
OUTCOME = DownloadOutcome("1", DownloadStatus.FAILED, error=errors.DownloadError("x"))
SHOWN: dict[str, Any] = {
    "S2 resource": Roistat(KEY, PROJECT).calls,
    "S2 call": CALL,
    "S2 call draft": CallDraft(PHONE, PHONE, NOW, comment=PHONE, file_url=PHONE),
    "S2 phone": Phone(id=5, phone=PHONE),
    "S2 script draft": ScriptDraft(options=ScriptOptions(replaceable_numbers=[PHONE])),
    "S2 redirect": ScriptDraft(options=ScriptOptions(redirect=Redirect("phone", PHONE))),
    "S2 download": Download(Path("1.mp3"), 1, "00"),
    "S2 outcome": OUTCOME,
    "S2 sync report": SyncReport(project=PROJECT, start=NOW, sealed_until=NOW),
    "S2 recordings report": RecordingsReport(project=PROJECT, failures=[OUTCOME]),
    **{f"S2 {name}": open_target(name) for name in ("calls.db", "calls.ndjson", "calls.parquet")},
}


@pytest.mark.parametrize("name", SHOWN)
def test_s2_what_is_printed(name: str) -> None:
    """No number is printed, alone, in a list or as a local variable of a traceback."""
    shown, text = SHOWN[name], io.StringIO()
    try:
        raise ValueError
    except ValueError as error:
        traceback.TracebackException.from_exception(error, capture_locals=True).print(file=text)
    assert "shown = " in text.getvalue()
    assert PHONE not in f"{shown!r} {shown} {[shown]} {text.getvalue()}"


def test_s2_a_state_holds_no_number() -> None:
    """The state of a copy holds keyed hashes of calls, since a plain hash could be guessed."""
    one, other = (StateFile(base_url="x", key=bytes([key]) * 16) for key in (1, 2))
    assert one.digest(PHONE.encode()) != other.digest(PHONE.encode())


EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp\u2028\r"
CONTROL = set("\x1b\x07\x9b\u202e\u2028\r")


@pytest.fixture
def environment(fake: FakeRoistat, monkeypatch: pytest.MonkeyPatch) -> FakeRoistat:
    """Configure the command for a server whose names all hold control characters."""
    for name, value in settings_of(fake).items():
        monkeypatch.setenv(name, value)
    for row in fake.state.calls:
        row.update(script_name=EVIL, comment=EVIL, link=EVIL, marker=EVIL)
    for script in fake.state.scripts:
        script["name"] = EVIL
    return fake


@pytest.mark.parametrize(
    "command", ["calls --limit 3", "scripts", "phones", "sync --to - --since 1d"]
)
@pytest.mark.parametrize("form", ["--table", "--json"])
def test_s7_no_name_steers_a_terminal(
    command: str, form: str, environment: FakeRoistat, capfd: pytest.CaptureFixture[str]
) -> None:
    """A table and NDJSON hold no control characters, and NDJSON still has the whole value."""
    stdout = "--to -" in command
    assert run([*command.split(), *([] if stdout else [form])]) == 0
    out, err = capfd.readouterr()
    assert out
    assert not CONTROL & set(out + err)
    if stdout or (form == "--json" and "calls" in command):
        assert json.loads(out.splitlines()[0])["script_name"] == EVIL


def test_s8_csv_is_written_in_one_place() -> None:
    """Only the module that takes formulas out of cells writes CSV (docs/fault-matrix.md C23)."""
    imports = {source.short(path): source.imports(path) for path in source.FILES}
    writers = [path for path, names in imports.items() if "csv" in {name.target for name in names}]
    assert writers == ["cli/csv_output.py"]


async def test_s9_a_link_is_never_fetched(
    fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """Listing, copying and downloading send nothing to the host of a `link`."""
    async with RawServer(silent) as server:
        link = f"{server.base_url}/recording.mp3"
        for row in fake.state.calls:
            row["link"] = link
        since = datetime.now(UTC) - timedelta(days=30)
        calls = await roistat.calls.list(extend=("visit", "order")).collect()
        assert {call.link for call in calls} == {link}
        async for _ in roistat.calls.history(Period(since, datetime.now(UTC))):
            pass
        async for _ in roistat.calls.download_recordings(calls[:8], tmp_path / "some"):
            pass
        await sync_calls(roistat, tmp_path / "calls.db", since=since)
        await sync_recordings(roistat, tmp_path / "calls.db", tmp_path / "mp3", limit=8)
        assert server.connections == 0
