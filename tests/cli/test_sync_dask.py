"""`roistat sync --projects FILE` and `--dask`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from roistat_async.sync.status import read_calls
from roistat_async.testing import FakeRoistat, Fault

from .conftest import Roistat

SINCE = ("--since", "60d")


@pytest.fixture
def projects(fake: FakeRoistat, tmp_path: Path) -> Path:
    """Return a file of two projects that the fake has beside its first one."""
    for number in (222, 333):
        fake.add_project(number, calls=10)
    path = tmp_path / "projects.txt"
    path.write_text("# customers\n222\n\n333  # the shop\n", encoding="utf-8")
    return path


def test_projects_are_read_from_a_file(
    fake: FakeRoistat, roistat: Roistat, projects: Path, tmp_path: Path
) -> None:
    """They are added to --project; ROISTAT_PROJECT does not count."""
    copy = str(tmp_path / "calls.db")
    ended = roistat("sync", "--to", copy, *SINCE, "--projects", str(projects))
    assert [(row["project"], row["added"]) for row in ended.rows] == [(222, 10), (333, 10)]
    ended = roistat("sync", "--to", copy, *SINCE, "--projects", str(projects), "--project", "12345")
    assert [row["project"] for row in ended.rows] == [12345, 222, 333]
    projects.write_text("# none\n")
    ended = roistat("sync", "--to", copy, "--projects", str(projects))
    assert (ended.code, "names no project" in ended.err) == (2, True)


@pytest.mark.slow
def test_s151_projects_are_copied_on_local_workers(
    fake: FakeRoistat,
    roistat: Roistat,
    projects: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A refused one means exit code 3, the command that runs it alone, and no key in any output."""
    pytest.importorskip("distributed", reason="distributed is missing: extra `dask`")
    key_file = tmp_path / "key"
    key_file.write_text(fake.api_key)
    monkeypatch.delenv("ROISTAT_API_KEY")
    monkeypatch.setenv("ROISTAT_API_KEY", "")  # restored afterwards, as the command sets it
    fake.fail("*", Fault.error("access_denied"), when=lambda request: request.project == 222)
    copy = str(tmp_path / "calls-{project}.db")
    command = ["sync", "--to", copy, "--projects", str(projects), "--dask", "local:1"]
    ended = roistat(*command, *SINCE, "--api-key-file", str(key_file))
    assert ended.code == 3
    assert [row.get("added") for row in ended.rows] == [None, 10]
    assert "1 of 2 projects failed" in ended.err
    assert "To run these alone: --project 222" in ended.err
    assert fake.api_key not in ended.out + ended.err
    assert len(read_calls(tmp_path / "calls-333.db", 333, ["date"])) == 10


INVALID = {
    "remote key": (["--dask", "tcp://127.0.0.1:9", "--api-key-file", os.devnull], "on each worker"),
    "proxy": (["--dask", "local", "--proxy", "http://localhost:1"], "set HTTPS_PROXY"),
    "full": (["--dask", "local", "--full"], "needs --period"),
    "watch": (["--dask", "local", "--watch", "15m"], "--watch does not go with --dask"),
    "wait-for": (["--dask", "local", "--wait-for", "1h"], "do not go with --dask"),
    "one file": (["--dask", "local", *SINCE, "--project", "1", "--project", "2"], "{project}"),
    "workers": (["--dask", "local:0", *SINCE], "local:4"),
}


@pytest.mark.parametrize("name", INVALID)
def test_options_that_do_not_reach_the_workers(
    name: str, fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """They are refused before anything is started."""
    pytest.importorskip("distributed", reason="distributed is missing: extra `dask`")
    arguments, message = INVALID[name]
    if "api-key-file" in str(arguments):
        path = tmp_path / "key"
        path.write_text("k")
        arguments = [str(path) if value == os.devnull else value for value in arguments]
    ended = roistat("sync", "--to", str(tmp_path / "calls.db"), *arguments)
    assert (ended.code, fake.requests) == (2, [])
    assert message in ended.err
