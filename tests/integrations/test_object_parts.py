"""Parts that write into an object store: again, two at once and killed, against an S3 server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from roistat_async.cli.app import run
from roistat_async.sync import arun_part, run_part
from roistat_async.testing import FakeRoistat
from tests.integrations.dask_cluster import running_cluster
from tests.integrations.s3_server import Bucket

pytest.importorskip("obstore", reason="obstore is missing: install the extra objects")
pytest.importorskip("moto.server", reason="moto is missing: install the extra test-integrations")
dataset = pytest.importorskip("pyarrow.dataset", reason="pyarrow is missing: extra `arrow`")
filesystems = pytest.importorskip("pyarrow.fs")
program = pytest.importorskip("tests.integrations.copy_program")


@pytest.fixture
def copy(bucket: Bucket) -> str:
    """Return the URL of a copy."""
    return f"{bucket.url}/calls.parquet"


def copied(bucket: Bucket) -> list[tuple[int, str]]:
    """Return project and id of each call of the copy, as pyarrow reads it from the store."""
    address = bucket.endpoint.removeprefix("http://")
    system = filesystems.S3FileSystem(scheme="http", endpoint_override=address)
    place = f"{bucket.name}/calls.parquet"
    table = dataset.dataset(place, filesystem=system, partitioning="hive").to_table()
    return sorted(zip(table["project"].to_pylist(), table["id"].to_pylist(), strict=True))


def served(server: FakeRoistat) -> list[tuple[int, str]]:
    """Return project and id of each call of the server."""
    projects = server.projects.items()
    return sorted((number, str(row["id"])) for number, state in projects for row in state.calls)


@pytest.mark.parametrize("condition", ["etag", "disabled"])
def test_s167_a_part_is_run_again(
    server: FakeRoistat, bucket: Bucket, copy: str, monkeypatch: pytest.MonkeyPatch, condition: str
) -> None:
    """It changes nothing, also in a store without conditional writes; `status` reads the state."""
    monkeypatch.setenv("AWS_CONDITIONAL_PUT", condition)
    for added in (60, 0):
        reports = [run_part(part) for part in program.parts_to(copy)]
        results = [(report.error, report.added, report.changed) for report in reports]
        assert results == [(None, added, 0)] * 2
        assert copied(bucket) == served(server)
    assert run(["status", copy]) == 0


def test_the_command_copies_into_a_store(
    server: FakeRoistat, bucket: Bucket, copy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`roistat sync --to` takes a URL; what needs a database says so."""
    projects = ["--project", "12345", "--project", "222"]
    assert run(["sync", "--to", copy, "--since", "2020-01-01", *projects]) == 0
    assert copied(bucket) == served(server)
    assert run(["recordings", "mp3", "--from", copy, "--project", "222"]) == 2
    assert "name a database" in capsys.readouterr().err
    assert run(["report", "--from", copy, "--last", "7d", "--html", "report.html"]) == 2
    assert "a report reads a copy in SQLite or PostgreSQL" in capsys.readouterr().err


def test_s168_two_runs_of_a_part_at_once(server: FakeRoistat, bucket: Bucket, copy: str) -> None:
    """At least one completes the copy; each call is in it once, and a run again adds nothing."""
    part, _ = program.parts_to(copy)

    async def run_both() -> list[str]:
        return [report.status for report in await asyncio.gather(arun_part(part), arun_part(part))]

    assert "ok" in asyncio.run(run_both())
    assert copied(bucket) == [item for item in served(server) if item[0] == 12345]
    assert run_part(part).added == 0


def recordings_in(bucket: Bucket) -> dict[tuple[str, str], bytes]:
    """Return the objects of recordings by project and id of the call."""
    keys = [key for key in bucket.list_keys() if key.startswith("rec/")]
    return {(key.split("/")[1], Path(key).stem): bucket.read(key) for key in keys}


def recordings_of(server: FakeRoistat) -> dict[tuple[str, str], bytes]:
    """Return the recordings of the server by project and id of the call."""
    return {
        (str(number), call_id): bytes(data)
        for number, state in server.projects.items()
        for call_id, data in state.recordings.items()
    }


@pytest.mark.slow
def test_workers_of_dask_write_into_a_store(
    server: FakeRoistat, bucket: Bucket, copy: str, tmp_path: Path
) -> None:
    """`--dask` takes the URLs of a copy and of recordings; the workers have the store's rights."""
    pytest.importorskip("distributed", reason="distributed is missing: extra `dask`")
    (tmp_path / "projects.txt").write_text("12345\n222\n", encoding="utf-8")
    with running_cluster(workers=1) as cluster:
        command = ["sync", "--projects", str(tmp_path / "projects.txt"), "--since", "2020-01-01"]
        command += ["--per-second", "1000", "--dask", cluster.address, "--to"]
        assert run([*command, copy]) == 0
        databases = str(tmp_path / "calls-{project}.db")
        assert run([*command, databases, "--recordings", f"{bucket.url}/rec"]) == 0
    assert copied(bucket) == served(server)
    assert recordings_in(bucket) == recordings_of(server)


PROGRAM = "tests.integrations.copy_program:run"
KILLED = -9


@pytest.mark.parametrize("number", [1, 3, 5, 7])
def test_s169_killed_parts(
    server: FakeRoistat, bucket: Bucket, copy: str, run_forked: Callable[..., int], number: int
) -> None:
    """After SIGKILL at any write each call is copied once, and a run again changes nothing."""
    for put in (number, 1):
        assert run_forked(PROGRAM, "put", put, copy) == KILLED
    assert [run_part(part).error for part in program.parts_to(copy)] == [None, None]
    assert copied(bucket) == served(server)
    assert [run_part(part).added for part in program.parts_to(copy)] == [0, 0]


def test_d107_s170_killed_parts_with_recordings(
    server: FakeRoistat, bucket: Bucket, run_forked: Callable[..., int], tmp_path: Path
) -> None:
    """After SIGKILL at any upload every recording is whole; the last run saves each once."""
    copy, place = str(tmp_path / "calls-{project}.db"), f"{bucket.url}/rec"
    expected = recordings_of(server)
    for number in (1, 5, 12):
        assert run_forked(PROGRAM, "open_writer_async", number, copy, place) == KILLED
        assert recordings_in(bucket).items() <= expected.items()
    parts = program.parts_to(copy, place)
    assert [run_part(part).error for part in parts] == [None, None]
    assert recordings_in(bucket) == expected
    again = [run_part(part).recordings for part in parts]
    assert [report and report.saved for report in again] == [0, 0]
