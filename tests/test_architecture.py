"""The architecture: which module imports which, and what may stand in one file only."""

from __future__ import annotations

import re
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
SPOKEN = ("roistat_async", "tests", "benchmarks", "examples")


def _is_in(path: Path, prefixes: set[str]) -> bool:
    name = source.short(path)
    return name in prefixes or any(name.startswith(each) for each in prefixes if each[-1] == "/")


def _may_import(own: str, target: str) -> bool:
    """Whether a part of the package may import one."""
    if FAKE in (own, target):
        return target == own or (target == FAKE and own in MAY_IMPORT_FAKE)
    return target == own or RANK[target] < RANK[own]


def test_imports_run_one_way() -> None:
    """Imports run from errors up to the command line, never to a sibling or upwards."""
    imports = {
        (each.source, each.target)
        for path in source.FILES
        for each in source.imports(path)
        if source.is_ours(each.target)
    }
    assert [pair for pair in imports if not _may_import(*map(source.part, pair))] == []


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


def test_no_file_reexports() -> None:
    """A name is imported from the module that defines it; only a package lists its parts' names."""
    defined = {module: source.defined(module) for module in source.MODULES}
    borrowed = [
        (source.short(path), module, name)
        for path in source.FILES
        for module, name in source.borrowed(path)
        if source.MODULES[module].name != "__init__.py" and not name.startswith("__")
    ]
    assert [each for each in borrowed if each[2] not in defined[each[1]]] == []


def test_docstrings_open_with_a_standard_verb() -> None:
    """A class docstring is a noun phrase, a function's an imperative with the field's verb."""
    refused = re.compile(rf"\b(?:{'|'.join(REFUSED_OPENERS)})\b")
    paths = [path for folder in SPOKEN for path in (PROJECT / folder).rglob("*.py")]
    suspects = [path for path in paths if refused.search(path.read_text(encoding="utf-8"))]
    texts = [(path.name, *each) for path in suspects for each in source.docstrings(path)]
    assert [text for text in texts if text[2].split(maxsplit=1)[0] in REFUSED_OPENERS] == []


def test_names_are_standard_terms() -> None:
    """Under 0.5 % of the package's names are everyday words used as private terms."""
    names = plain_names.names_in(source.ROOT)
    everyday = [f"{name.file}:{name.line} {name.text}" for name in names if name.is_everyday]
    assert plain_names.share(names) < 0.005, everyday


def test_libraries_are_imported_by_their_files() -> None:
    """A library is imported only by its files; for types it may be imported anywhere."""
    refused = [
        (source.short(path), each.target)
        for path in OURS
        for each in source.imports(path)
        if (library := each.target.split(".")[0]) in ONLY_HERE
        and not (each.is_for_types or _is_in(path, ONLY_HERE[library]))
    ]
    assert refused == []


def test_strings_of_the_api_are_written_once() -> None:
    """A string of the API is written in one file only, and is still in use there."""
    writers = {
        (word, source.short(path))
        for path in OURS
        for word in API_STRINGS.keys() & set(source.words(path))
    }
    assert writers == set(API_STRINGS.items())


def test_keys_of_a_body_are_written_once() -> None:
    """A key of a request body is written in one file only, and is still in use there.

    Options of the command line may have the same name.
    """
    writers = {
        (key, source.short(path))
        for path in OURS
        if not source.short(path).startswith("cli/")
        for key in BODY_KEYS.keys() & set(source.keys(path))
    }
    assert writers == set(BODY_KEYS.items())


def test_calls_are_made_in_their_files() -> None:
    """Time, sleep, fsync and rename are called only where a test can replace them."""
    calls = [(path, call) for path in OURS for call in CALLS.keys() & set(source.calls(path))]
    assert [
        (source.short(path), call) for path, call in calls if not _is_in(path, CALLS[call])
    ] == []


def test_files_are_short_and_begin_with_a_docstring() -> None:
    """A file has at most 400 lines: a longer one does more than one thing. It says what it is."""
    texts = {source.short(path): path.read_text(encoding="utf-8") for path in source.FILES}
    assert {name for name, text in texts.items() if len(text.splitlines()) > MAX_LINES} == set()
    assert [name for name, text in texts.items() if text.strip() and text[:3] != '"""'] == []
