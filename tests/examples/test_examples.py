"""The programs in `examples/` are short, and run as a user starts them, against a fake Roistat."""

from __future__ import annotations

import ast
import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from examples import archive_recordings, nightly_sync
from roistat_async.testing import FakeRoistat, Fault
from tests.sync.databases import query

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("[!_]*.py"))
MAX_LINES = 60


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_program_is_short(path: Path) -> None:
    """A program has less than 60 lines of code, without comments and docstrings."""
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = node.body[1:] if ast.get_docstring(node) else node.body
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.stmt | ast.expr)]
    code = {line for node in nodes for line in range(node.lineno, (node.end_lineno or 0) + 1)}
    lines = source.splitlines()
    assert len([line for line in code if lines[line - 1].strip()]) < MAX_LINES


def _copied(folder: Path) -> dict[int, int]:
    """Return the number of calls of each project in the database."""
    return dict(query(folder / "calls.db", "SELECT project, count(*) FROM calls GROUP BY project"))


def test_nightly_sync_copies_calls_and_recordings_once(
    roistat_env: FakeRoistat, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The database has every call, the folder every recording; a second run requests neither."""
    project, state = roistat_env.project, roistat_env.state
    assert nightly_sync.main([str(tmp_path), "--days", "800"]) == 0
    files = [path.stem for path in (tmp_path / "recordings").rglob("*.mp3")]
    assert _copied(tmp_path) == {project: len(state.calls)}
    assert sorted(files) == sorted(state.recordings)
    caplog.set_level("INFO", logger="nightly_sync")
    assert nightly_sync.main([str(tmp_path)]) == 0
    assert f"project {project}: 0 calls added, complete" in caplog.text
    assert "0 recordings saved" in caplog.text


def test_nightly_sync_copies_all_projects_of_the_key(
    roistat_env: FakeRoistat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each project is copied, with the key from a file; a failing one does not stop the others."""
    roistat_env.add_project(678, calls=5)
    roistat_env.add_project(910, calls=5)
    denied = Fault.error("access_denied")
    roistat_env.fail("call/list", denied, 9, lambda request: request.project == 678)
    (tmp_path / "key").write_text(roistat_env.api_key + "\n")
    monkeypatch.delenv("ROISTAT_API_KEY")
    monkeypatch.delenv("ROISTAT_PROJECT")
    monkeypatch.setenv("ROISTAT_API_KEY_FILE", str(tmp_path / "key"))
    assert nightly_sync.main([str(tmp_path), "--days", "800"]) == 3
    assert _copied(tmp_path) == {roistat_env.project: len(roistat_env.state.calls), 910: 5}


def test_nightly_sync_copies_the_projects_it_is_given(
    roistat_env: FakeRoistat, tmp_path: Path
) -> None:
    """Only the projects on the command line are copied."""
    roistat_env.add_project(678, calls=5)
    assert nightly_sync.main([str(tmp_path), "678", "--days", "800"]) == 0
    assert _copied(tmp_path) == {678: 5}


@pytest.mark.usefixtures("roistat_env")
def test_nightly_sync_reports_a_refused_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused key ends the run with exit code 1."""
    monkeypatch.setenv("ROISTAT_API_KEY", "f" * 32)
    assert nightly_sync.main([str(tmp_path)]) == 1


def _archive(folder: Path) -> int:
    now = datetime.now(UTC)
    history = f"{now - timedelta(days=800):%Y-%m-%d}..{now:%Y-%m-%d}"
    return archive_recordings.main([history, str(folder), str(folder / "index.csv")])


def test_archive_has_a_row_for_each_answered_call(roistat_env: FakeRoistat, tmp_path: Path) -> None:
    """Every answered call of the period is in the index, and every file in the index is there."""
    assert _archive(tmp_path) == 0
    with (tmp_path / "index.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    answered = [row["id"] for row in roistat_env.state.calls if row["status"] == "ANSWER"]
    saved = {row["file"] for row in rows if row["status"] == "saved"}
    assert sorted(row["call_id"] for row in rows) == sorted(map(str, answered))
    assert saved == {path.name for path in tmp_path.glob("*.mp3")}
    assert saved


def test_archive_reports_a_failed_recording(roistat_env: FakeRoistat, tmp_path: Path) -> None:
    """One failed recording ends in exit code 3; the others are saved."""
    failing = next(iter(roistat_env.state.recordings))
    roistat_env.fail(f"call/{failing}/file", Fault.html())
    assert _archive(tmp_path) == 3
    assert len(list(tmp_path.glob("*.mp3"))) == len(roistat_env.state.recordings) - 1


def test_archive_explains_its_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    """A call without arguments prints the usage and returns 2."""
    assert archive_recordings.main([]) == 2
    assert "usage:" in capsys.readouterr().err


def test_warehouse_loads_the_calls(
    roistat_env: FakeRoistat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two nights in a row load each call once."""
    pytest.importorskip("dlt", reason="dlt is missing: install the extra test-integrations")
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is missing: install test-integrations")
    from examples import warehouse

    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.chdir(tmp_path)
    first = min(row["date"] for row in roistat_env.state.calls)
    warehouse.main(first)
    roistat_env.state.add_call()
    warehouse.main(first)
    with duckdb.connect("roistat.duckdb", read_only=True) as connection:
        rows = connection.execute("SELECT id FROM telephony.calls").fetchall()
    assert sorted(rows) == sorted((row["id"],) for row in roistat_env.state.calls)
