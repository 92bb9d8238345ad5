"""`roistat sync` and `roistat status` with a PostgreSQL database."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from roistat_async.sync.status import read_calls
from roistat_async.testing import FakeRoistat, RecordedRequest
from tests.helpers.postgres_server import PASSWORD, PostgresServer

from .conftest import Ended, Hold, Roistat, end, start, until

_ALL = ("--since", "60d")


@pytest.fixture(autouse=True)
def title(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the titles that commands give to this process, which keeps its own."""
    setproctitle = pytest.importorskip("setproctitle")
    titles: list[str] = []
    monkeypatch.setattr(setproctitle, "setproctitle", titles.append)
    return titles


@pytest.fixture
def url(postgres_schema_url: str) -> str:
    """Return the URL of an empty schema, with the password."""
    return postgres_schema_url


@pytest.fixture
def sync(roistat: Roistat, url: str) -> Roistat:
    """Run `roistat sync` with a database, and check that nothing shows its password."""

    def run(*arguments: str) -> Ended:
        ended = roistat("sync", "--to", url, *arguments)
        assert PASSWORD not in ended.out + ended.err
        return ended

    return run


def test_two_projects_and_their_recordings(
    fake: FakeRoistat, sync: Roistat, roistat: Roistat, url: str
) -> None:
    """They share the database and the folder; the status has both, without the password."""
    fake.add_project(678, calls=20)
    options = ("--project", str(fake.project), "--project", "678", "--recordings", "mp3")
    assert sync("--since", "8h", *options).code == 0
    for project in (fake.project, 678):
        copied = read_calls(url, project, ["status"])
        answered = {call_id for call_id, (status,) in copied.items() if status == "ANSWER"}
        saved = {path.stem for path in Path("mp3", str(project)).rglob("*.mp3")}
        assert saved == {*fake.projects[project].recordings} & answered
    download = roistat("recordings", "copy", "--from", url)
    assert (download.code, PASSWORD in download.out + download.err) == (0, False)
    status = roistat("status", url)
    assert [row["project"] for row in status.rows] == [678, fake.project]
    assert {item["state"] for row in status.rows for item in row["recordings"]} >= {"saved"}
    text = roistat("status", url, "--table").out
    assert text.startswith("postgresql://127.0.0.1:")
    assert "2 projects" in text
    assert PASSWORD not in status.out + status.err + text


def test_errors_have_no_password(roistat: Roistat, url: str, sync: Roistat) -> None:
    """Neither the error of a server that refuses it nor one about the command line shows it."""
    refused = roistat("sync", "--to", url.replace("/postgres?", "/missing?"), *_ALL)
    assert (refused.code, "database does not exist" in refused.err) == (1, True)
    wrong = roistat("sync", "--to", "calls.db", url)
    assert (wrong.code, "***@127.0.0.1" in wrong.err) == (2, True)
    full = sync("--full")
    assert (full.code, "run roistat sync into it first" in full.err) == (1, True)
    parameter = roistat("status", "calls.db", f"postgresql://host/calls?password={PASSWORD}")
    for ended in (refused, wrong, full, parameter):
        assert PASSWORD not in ended.out + ended.err


def test_s134_watch_outlives_a_restart_of_the_server(
    fake: FakeRoistat, sync: Roistat, postgres_server: PostgresServer, url: str
) -> None:
    """The run that it interrupts fails, and the next ones go on."""

    def act(_: RecordedRequest) -> None:
        if len(fake.requests) == 2:
            postgres_server.stop()
            postgres_server.start()
        if len(fake.requests) > 12:
            fake.api_key = "0" * 31 + "1"  # ends the watch

    fake.on_request = act
    ended = sync(*_ALL, "--watch", "0s")
    kinds = [row["error"]["type"] if "error" in row else "done" for row in ended.rows]
    assert (kinds[0], kinds[-1]) == ("SyncError", "AuthenticationError")
    assert "done" in kinds  # perhaps after more failures, while the server was starting
    assert set(read_calls(url, fake.project, ["date"])) == set(fake.state.calls.ids())


def test_s133_the_title_of_a_process_has_no_password(
    title: list[str], roistat: Roistat, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command that takes a URL replaces it; a URL without a password stays."""
    setproctitle = pytest.importorskip("setproctitle")
    monkeypatch.setattr(setproctitle, "getproctitle", lambda: f"roistat sync --to {url}")
    roistat("sync", "--to", url)
    roistat("status", url)
    assert len(title) == 2
    for text in title:
        assert text.startswith("roistat sync --to postgresql://127.0.0.1:")
        assert PASSWORD not in text
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    roistat("sync", "--to", url.replace(f":{PASSWORD}", ""), *_ALL)
    assert len(title) == 2


@pytest.mark.usefixtures("fake")
def test_s133_without_setproctitle_there_is_a_warning(
    sync: Roistat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run goes on, and stderr says how to hide the password."""
    monkeypatch.setitem(sys.modules, "setproctitle", None)
    ended = sync(*_ALL)
    assert ended.code == 0
    assert "ps shows the password of the URL to other users" in ended.err
    assert "pip install 'roistat_async[postgres]'" in ended.err


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc of Linux")
def test_s133_other_users_do_not_see_the_password(
    fake: FakeRoistat, hold: Hold, url: str, sync: Roistat
) -> None:
    """`ps` shows the masked URL, and an interrupted run names it so too; the next run resumes."""
    free = hold(3, "/list")
    options = (*_ALL, "--page-size", "5", "--concurrency", "1")
    with start("sync", "--to", url, *options) as process:
        until(lambda: len(fake.requests) > 3)
        title = Path(f"/proc/{process.pid}/cmdline").read_text()
        err = end(process, signal.SIGTERM, 143)
    free.set()
    assert "postgresql://127.0.0.1:" in title
    assert PASSWORD not in title + err
    assert "the next run resumes there" in err
    sync(*_ALL)
    assert set(read_calls(url, fake.project, ["date"])) == set(fake.state.calls.ids())
