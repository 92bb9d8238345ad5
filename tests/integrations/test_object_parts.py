"""Parts that write into an object store: again, two at once and killed, against an S3 server."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from roistat_async import Limits
from roistat_async.cli.app import run
from roistat_async.sync import Part, arun_part, plan, run_part
from roistat_async.testing import FakeRoistat, Quirks
from tests.helpers.s3_server import Bucket

pytest.importorskip("obstore", reason="obstore is missing: install the extra objects")
pytest.importorskip("moto.server", reason="moto is missing: install the extra test-integrations")
dataset = pytest.importorskip("pyarrow.dataset", reason="pyarrow is missing: extra `arrow`")
filesystems = pytest.importorskip("pyarrow.fs")

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
UNLIMITED = Limits(per_second=None, per_hour=None)
CALLS = 200


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRoistat]:
    """Yield a server of two projects, whose key is in the environment."""
    quirks = Quirks(rate_per_second=None, rate_per_hour=None)
    with FakeRoistat(projects=[222], calls=CALLS, quirks=quirks).in_thread() as fake:
        monkeypatch.setenv("ROISTAT_API_KEY", fake.api_key)
        monkeypatch.setenv("ROISTAT_BASE_URL", fake.base_url)
        yield fake


def parts_to(bucket: Bucket) -> list[Part]:
    """Plan both projects into one copy."""
    return plan([12345, 222], to=f"{bucket.url}/calls.parquet", since=SINCE, limits=UNLIMITED)


def copied(bucket: Bucket) -> list[tuple[int, str]]:
    """Return project and id of each call of the copy, as pyarrow reads it from the store."""
    system = filesystems.S3FileSystem(
        access_key="a",
        secret_key="b",
        scheme="http",
        region="eu-north-1",
        endpoint_override=urlsplit(bucket.endpoint).netloc,
    )
    place = f"{bucket.name}/calls.parquet"
    table = dataset.dataset(place, filesystem=system, partitioning="hive").to_table()
    return sorted(zip(table["project"].to_pylist(), table["id"].to_pylist(), strict=True))


def served(fake: FakeRoistat) -> list[tuple[int, str]]:
    """Return project and id of each call of the server."""
    return sorted(
        (number, str(row["id"])) for number in (12345, 222) for row in fake.projects[number].calls
    )


@pytest.mark.parametrize("condition", ["etag", "disabled"])
def test_s167_a_part_is_run_again(
    fake: FakeRoistat, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, condition: str
) -> None:
    """It changes nothing, also in a store without conditional writes; `status` reads the state."""
    monkeypatch.setenv("AWS_CONDITIONAL_PUT", condition)
    for added in (CALLS, 0):
        reports = [run_part(part) for part in parts_to(bucket)]
        assert [(report.error, report.added, report.changed) for report in reports] == [
            (None, added, 0)
        ] * 2
        assert copied(bucket) == served(fake)
    assert run(["status", f"{bucket.url}/calls.parquet"]) == 0


def test_the_command_copies_into_a_store(
    fake: FakeRoistat, bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    """`roistat sync --to` takes a URL; what needs a database says so."""
    copy, projects = f"{bucket.url}/calls.parquet", ["--project", "12345", "--project", "222"]
    assert run(["sync", "--to", copy, "--since", "2020-01-01", *projects]) == 0
    assert copied(bucket) == served(fake)
    assert run(["recordings", "mp3", "--from", copy, "--project", "222"]) == 2
    assert "name a database" in capsys.readouterr().err
    assert run(["report", "--from", copy, "--last", "7d", "--html", "report.html"]) == 2
    assert "a report reads a copy in SQLite or PostgreSQL" in capsys.readouterr().err


def test_s168_two_runs_of_a_part_at_once(fake: FakeRoistat, bucket: Bucket) -> None:
    """At least one completes the copy; each call is in it once, and a run again adds nothing."""
    part = parts_to(bucket)[0]

    async def run_both() -> list[str]:
        return [report.status for report in await asyncio.gather(arun_part(part), arun_part(part))]

    assert "ok" in asyncio.run(run_both())
    assert copied(bucket) == [item for item in served(fake) if item[0] == 12345]
    assert run_part(part).added == 0


def test_recordings_of_a_part_are_objects(
    fake: FakeRoistat, bucket: Bucket, tmp_path: Path
) -> None:
    """They lie below the number of their project, and a run again requests none of them."""
    to, place = tmp_path / "calls-{project}.db", f"{bucket.url}/rec"
    parts = plan([12345], to=to, since=SINCE, limits=UNLIMITED, recordings=place)
    first = run_part(parts[0]).recordings
    keys = bucket.list_keys()
    assert first is not None
    assert first.saved == len(keys) > 0
    assert {key.split("/")[1] for key in keys} == {"12345"}
    again = run_part(parts[0]).recordings
    assert again is not None
    assert again.saved == 0


@pytest.mark.slow
def test_workers_of_dask_write_into_a_store(
    fake: FakeRoistat, bucket: Bucket, tmp_path: Path
) -> None:
    """`--dask` takes the URLs of a copy and of recordings; the workers have the store's rights."""
    pytest.importorskip("distributed", reason="distributed is missing: extra `dask`")
    (tmp_path / "projects.txt").write_text("12345\n222\n", encoding="utf-8")
    command = ["sync", "--projects", str(tmp_path / "projects.txt"), "--dask", "local:1"]
    command += ["--since", "2020-01-01", "--per-second", "1000", "--to"]
    assert run([*command, f"{bucket.url}/calls.parquet"]) == 0
    assert copied(bucket) == served(fake)
    databases = str(tmp_path / "calls-{project}.db")
    assert run([*command, databases, "--recordings", f"{bucket.url}/rec"]) == 0
    assert recordings_in(bucket) == recordings_of(fake)


def recordings_in(bucket: Bucket) -> dict[tuple[str, str], bytes]:
    """Return the objects of recordings by project and id of the call."""
    keys = [key for key in bucket.list_keys() if key.startswith("rec/")]
    return {(key.split("/")[1], Path(key).stem): bucket.read(key) for key in keys}


def recordings_of(fake: FakeRoistat) -> dict[tuple[str, str], bytes]:
    """Return the recordings of the server by project and id of the call."""
    return {
        (str(number), call_id): bytes(data)
        for number in (12345, 222)
        for call_id, data in fake.projects[number].recordings.items()
    }


CHILD = """
import sys
from datetime import UTC, datetime
from roistat_async import Limits
from roistat_async.sync import plan, run_part
limits = Limits(per_second=None, per_hour=None)
since = datetime(2020, 1, 1, tzinfo=UTC)
options = {"since": since, "limits": limits, "recordings": (sys.argv[2:] or [None])[0]}
for part in plan([12345, 222], to=sys.argv[1], page_size=20, **options):
    run_part(part)
"""


def kill_often(bucket: Bucket, counts: tuple[int, ...], *arguments: str) -> None:
    """Run both parts in processes that are killed as soon as there are so many objects."""
    for count in counts:
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD, *arguments], stderr=subprocess.DEVNULL
        )
        while len(bucket.list_keys()) < count and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is of POSIX")
def test_s169_killed_parts(fake: FakeRoistat, bucket: Bucket) -> None:
    """After SIGKILL at any time each call is copied once, and a run again changes nothing."""
    kill_often(bucket, (2, 5, 8), f"{bucket.url}/calls.parquet")
    assert [run_part(part).error for part in parts_to(bucket)] == [None, None]
    assert copied(bucket) == served(fake)
    assert [run_part(part).added for part in parts_to(bucket)] == [0, 0]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is of POSIX")
def test_s170_killed_parts_with_recordings(
    fake: FakeRoistat, bucket: Bucket, tmp_path: Path
) -> None:
    """After SIGKILL at any time every recording is whole, and the last run saves each once."""
    place = f"{bucket.url}/rec"
    to = tmp_path / "calls-{project}.db"
    kill_often(bucket, (1, 20, 60), str(to), place)
    saved, expected = recordings_in(bucket), recordings_of(fake)
    assert saved.items() <= expected.items()
    parts = plan([12345, 222], to=to, since=SINCE, limits=UNLIMITED, recordings=place)
    assert [run_part(part).error for part in parts] == [None, None]
    assert recordings_in(bucket) == expected
    again = [run_part(part).recordings for part in parts]
    assert [report and report.saved for report in again] == [0, 0]
