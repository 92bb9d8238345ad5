"""The architecture: which module imports which, and what may stand in one file only."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from . import plain_names
from .helpers import source

MAX_LINES = 400  # lines

# Each may import what is in a line above; those of one line do not import each other.
LAYERS = [
    {"errors"},
    {"models"},
    {"clock", "extras", "scheduling", "tracebacks", "validation"},
    {"config"},
    {"hooks", "telemetry"},
    {"wire", "transport", "paging", "files"},
    {"api", "integrations.arrow", "integrations.objects", "web", "webhooks"},
    {"downloads"},
    {"resources", "integrations.background_loop", "integrations.dlt_tables", "integrations.xls"},
    {"client"},
    {"sync"},
    {"integrations.dask", "integrations.dlt", "report", "doctor"},
    {"__init__"},
    {"cli"},
    {"__main__"},
]
RANK = {part: rank for rank, parts in enumerate(LAYERS) for part in parts}
# The fake server knows nothing of the client. Only the command line starts it.
FAKE = "testing"
MAY_IMPORT_FAKE = {"cli"}

# library -> the only files that may import it at run time
ONLY_HERE = {
    "aiohttp": {
        "transport/http.py",
        "transport/aiohttp_errors.py",
        "transport/connector.py",
        "transport/gzip_backend.py",
        "webhooks/aiohttp_handler.py",
    },
    "yarl": {"transport/http.py", "transport/aiohttp_errors.py"},
    "tenacity": {"transport/retry.py"},
    "cattrs": {"wire/codec.py"},
    "click": {"cli/"},
    "rich": {"cli/"},
    "sqlite3": {"sync/", "transport/budget_file.py", "transport/shared_budget.py"},
    "psycopg": {"sync/postgres_address.py"},
    "setproctitle": {"cli/copies.py"},
    "python_calamine": {"integrations/xls/reader.py"},
    "altair": {"report/charts.py"},
    "jinja2": {"report/page.py"},
    "pyarrow": {"integrations/arrow.py", "sync/parquet_day.py"},
    "dlt": {"integrations/dlt.py"},
    "distributed": {"integrations/dask.py"},
    "isal": {"transport/gzip_backend.py"},
    "opentelemetry": {"telemetry.py"},
    "random": {"clock.py"},
}
# string of the API -> the only file that may contain it
API_STRINGS = {
    "Api-key": "wire/request.py",
    "Use-Http-Code": "wire/request.py",
    "success": "wire/envelope.py",
    "phoneCall": "wire/envelope.py",
    "request_limit_error": "wire/api_errors.py",
    "authentication_failed": "wire/api_errors.py",
    "0000-00-00": "wire/coerce.py",
}
# key of a body -> the only file that may contain it
BODY_KEYS = dict.fromkeys(("limit", "offset", "filters", "sort", "extend"), "wire/list_query.py")
BODY_KEYS["enabled"] = "wire/codec.py"
# call -> where it may be made
CALLS = {
    "os.fsync": {"files/", "sync/"},
    "os.replace": {"files/", "sync/"},
    "time.time": {"clock.py", "files/stale_parts.py"},  # there: the age of a file
    "datetime.now": {"clock.py", "models/period.py", "cli/"},
    "asyncio.sleep": {"clock.py", "cli/"},
}

OURS = [path for path in source.FILES if not source.short(path).startswith(f"{FAKE}/")]
REFUSED_OPENERS = {"Be", "Give", "Tell", "Say"}  # of a docstring
PROJECT = Path(__file__).parent.parent
SPOKEN = [
    path
    for folder in ("roistat_async", "tests", "benchmarks", "examples")
    for path in sorted((PROJECT / folder).rglob("*.py"))
]


each_file = pytest.mark.parametrize("path", source.FILES, ids=source.short)
each_of_ours = pytest.mark.parametrize("path", OURS, ids=source.short)


def _is_in(path: Path, prefixes: set[str]) -> bool:
    name = source.short(path)
    return any(
        name == prefix or (prefix[-1] == "/" and name.startswith(prefix)) for prefix in prefixes
    )


@each_file
def test_imports_run_one_way(path: Path) -> None:
    """Imports run from errors up to the command line, never to a sibling or upwards."""
    for statement in source.imports(path):
        if not source.is_ours(statement.target):
            continue
        own, target = source.part(statement.source), source.part(statement.target)
        if own == target:
            continue
        if target == FAKE:
            assert own in MAY_IMPORT_FAKE, f"{statement.source} imports the fake"
            continue
        assert own != FAKE, f"the fake imports {statement.target}"
        assert RANK[target] < RANK[own], f"{statement.source} imports {statement.target}"


def test_every_folder_has_a_layer() -> None:
    """Every folder of the package has its layer, and so has every integration."""
    parts = {source.part(module) for module in source.MODULES}
    assert parts <= {*RANK, FAKE, "integrations"}


def test_imports_have_no_cycle() -> None:
    """No modules import each other, not for types only or inside a function either."""
    graph = {
        module: {each.target for each in source.imports(path) if source.is_ours(each.target)}
        for module, path in source.MODULES.items()
    }
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"imports in a circle: {' -> '.join(error.args[1])}")


@each_file
def test_no_file_reexports(path: Path) -> None:
    """A name is imported from the module that defines it; only a package lists its parts' names."""
    for module, name in source.borrowed(path):
        if source.MODULES[module].name != "__init__.py" and not name.startswith("__"):
            assert name in source.defined(module), f"{source.short(path)}: {module} has {name}"


@pytest.mark.parametrize("path", SPOKEN, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_docstrings_open_with_a_standard_verb(path: Path) -> None:
    """A class docstring is a noun phrase, a function's an imperative with the field's verb."""
    for name, text in source.docstrings(path):
        assert text.split(maxsplit=1)[0] not in REFUSED_OPENERS, f"{name}: {text.splitlines()[0]}"


def test_names_are_standard_terms() -> None:
    """Under 0.5 % of the package's names are everyday words used as private terms."""
    names = plain_names.names_in(source.ROOT)
    everyday = [f"{name.file}:{name.line} {name.text}" for name in names if name.is_everyday]
    assert plain_names.share(names) < 0.005, everyday


@each_of_ours
def test_libraries_are_imported_by_their_files(path: Path) -> None:
    """A library is imported only by its files; for types it may be imported anywhere."""
    for statement in source.imports(path):
        top = statement.target.split(".")[0]
        if top in ONLY_HERE and not statement.is_for_types:
            assert _is_in(path, ONLY_HERE[top]), f"{source.short(path)} imports {statement.target}"


@each_of_ours
def test_strings_of_the_api_are_written_once(path: Path) -> None:
    """A string of the API is written in one file, and so is a key of a request body.

    Options of the command line may have the same name.
    """
    name = source.short(path)
    for word in set(source.words(path)) & set(API_STRINGS):
        assert name == API_STRINGS[word], f"{name} writes {word!r}"
    if not name.startswith("cli/"):
        for key in set(source.keys(path)) & set(BODY_KEYS):
            assert name == BODY_KEYS[key], f"{name} has the key {key!r}"


@each_of_ours
def test_calls_are_made_in_their_files(path: Path) -> None:
    """Time, sleep, fsync and rename are called only where a test can replace them."""
    for call in set(source.calls(path)) & set(CALLS):
        assert _is_in(path, CALLS[call]), f"{source.short(path)} calls {call}"


@pytest.mark.parametrize("word", [*API_STRINGS, *BODY_KEYS])
def test_listed_strings_are_still_used(word: str) -> None:
    """Every string of the tables above is still in use."""
    path = source.ROOT / (API_STRINGS | BODY_KEYS)[word]
    assert word in {*source.words(path), *source.keys(path)}


@each_file
def test_files_are_short_and_begin_with_a_docstring(path: Path) -> None:
    """A file has at most 400 lines: a longer one does more than one thing. It says what it is."""
    text = path.read_text(encoding="utf-8")
    lines = len(text.splitlines())
    assert lines <= MAX_LINES, f"{source.short(path)} has {lines} lines"
    assert text.startswith('"""') or not text.strip()
