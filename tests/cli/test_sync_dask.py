"""`roistat sync --projects FILE` and `--dask`."""

from __future__ import annotations

from pathlib import Path

import pytest

from roistat_async.sync.status import read_calls
from roistat_async.testing import FakeRoistat, Fault

from .conftest import Refuse, Roistat

SINCE = ("--since", "60d")


@pytest.fixture
def projects(fake: FakeRoistat) -> str:
    """Return a file of two projects that the fake has beside its first one."""
    for number in (222, 333):
        fake.add_project(number, calls=10)
    Path("projects.txt").write_text("# customers\n222\n\n333  # the shop\n", encoding="utf-8")
    return "projects.txt"


def test_projects_are_read_from_a_file(roistat: Roistat, projects: str) -> None:
    """They are added to --project; ROISTAT_PROJECT does not count."""
    sync = ("sync", "--to", "calls.db", *SINCE, "--projects", projects)
    rows = roistat(*sync).rows
    assert [(row["project"], row["added"]) for row in rows] == [(222, 10), (333, 10)]
    rows = roistat(*sync, "--project", "12345").rows
    assert [row["project"] for row in rows] == [12345, 222, 333]
    Path(projects).write_text("# none\n")
    ended = roistat(*sync)
    assert (ended.code, "names no project" in ended.err) == (2, True)


@pytest.mark.slow
def test_s151_projects_are_copied_on_local_workers(
    fake: FakeRoistat, roistat: Roistat, projects: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused one means exit code 3, and the command that runs it alone."""
    pytest.importorskip("distributed", reason="distributed is missing: extra `dask`")
    Path("key").write_text(fake.api_key)
    monkeypatch.delenv("ROISTAT_API_KEY")
    monkeypatch.setenv("ROISTAT_API_KEY", "")  # restored afterwards, as the command sets it
    fake.fail("*", Fault.error("access_denied"), when=lambda request: request.project == 222)
    command = ["sync", "--to", "calls-{project}.db", "--projects", projects, "--dask", "local:1"]
    ended = roistat(*command, *SINCE, "--wait", "--api-key-file", "key")
    assert ended.code == 3
    assert [row.get("added") for row in ended.rows] == [None, 10]
    assert "1 of 2 projects failed" in ended.err
    assert "To run these alone: --project 222" in ended.err
    assert len(read_calls("calls-333.db", 333, ["date"])) == 10


def test_no_worker_is_refused(refuse: Refuse) -> None:
    """A number of workers that is none is refused with a valid one."""
    pytest.importorskip("distributed", reason="distributed is missing: extra `dask`")
    assert "local:4" in refuse("sync --to calls.db --dask local:0 --since 60d")
