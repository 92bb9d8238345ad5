"""The order of the house: who imports whom, and what is written where and nowhere else."""

from __future__ import annotations

import importlib
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import roistat_async

from . import plain_names
from .helpers import source

LONGEST_FILE = 400  # lines

# Each may import what stands in a line above; those of one line do not see each other.
LAYERS = [
    {"errors"},
    {"models"},
    {"clock", "scheduling", "validation"},
    {"config"},
    {"hooks", "telemetry"},
    {"wire", "transport", "paging", "files"},
    {"api"},
    {"downloads"},
    {"resources"},
    {"client"},
    {"sync"},
    {"__init__"},
    {"cli"},
    {"__main__"},
]
RANK = {part: rank for rank, parts in enumerate(LAYERS) for part in parts}
# The fake is a server: it knows nothing of the client. The command line starts it, and only there.
FAKE = "testing"
MAY_START_THE_FAKE = {"cli"}

# name -> the only files that may import it while the program runs
ONLY_HERE = {
    "aiohttp": {"transport/http.py", "transport/connector.py", "transport/gzip_backend.py"},
    "yarl": {"transport/http.py"},
    "tenacity": {"transport/retry.py"},
    "cattrs": {"wire/codec.py"},
    "click": {"cli/"},
    "rich": {"cli/"},
    "sqlite3": {"sync/"},
    "pyarrow": {"sync/parquet.py"},
    "isal": {"transport/gzip_backend.py"},
    "opentelemetry": {"telemetry.py"},
    "random": {"clock.py"},
}
# word of the wire -> the only file that may write it
WORDS = {
    "Api-key": "wire/request.py",
    "Use-Http-Code": "wire/request.py",
    "success": "wire/envelope.py",
    "phoneCall": "wire/envelope.py",
    "request_limit_error": "wire/api_errors.py",
    "authentication_failed": "wire/api_errors.py",
    "0000-00-00": "wire/coerce.py",
}
# key of a body -> the only file that may write or read it
KEYS = dict.fromkeys(("limit", "offset", "filters", "sort", "extend"), "wire/list_query.py")
KEYS["enabled"] = "wire/codec.py"
# call -> where it may be made
CALLS = {
    "os.fsync": {"files/", "sync/"},
    "os.replace": {"files/", "sync/"},
    "time.time": {
        "clock.py",
        "files/stale_parts.py",
    },  # there: the age of a file, by its own time
    "datetime.now": {"clock.py", "models/period.py", "cli/"},
    "asyncio.sleep": {"clock.py", "cli/"},
}

PUBLIC = [  # design: other programs are written against these
    "CallDraft",
    "CallStatus",
    "Integration",
    "Limits",
    "Period",
    "Redirect",
    "RetryPolicy",
    "Roistat",
    "ScriptDraft",
    "ScriptOptions",
    "Timeouts",
    "errors",
]

OURS = [path for path in source.FILES if not source.short(path).startswith(f"{FAKE}/")]
REFUSED_OPENERS = {"Be", "Give", "Tell", "Say"}  # of a docstring
PROJECT = Path(__file__).parent.parent
SPOKEN = [
    path
    for folder in ("roistat_async", "tests", "benchmarks", "examples")
    for path in sorted((PROJECT / folder).rglob("*.py"))
]


def _relative(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


ids = pytest.mark.parametrize("path", OURS, ids=source.short)


def _is_in(path: Path, places: set[str]) -> bool:
    name = source.short(path)
    return any(name == place or (place[-1] == "/" and name.startswith(place)) for place in places)


@pytest.mark.parametrize("path", source.FILES, ids=source.short)
def test_imports_run_one_way(path: Path) -> None:
    """From errors up to the command line; a sibling, or what is above, is not seen."""
    for one in source.imports(path):
        if not source.is_ours(one.target):
            continue
        here, there = source.part(one.source), source.part(one.target)
        if here == there:
            continue
        if there == FAKE:
            assert here in MAY_START_THE_FAKE, f"{one.source} imports the fake"
            continue
        assert here != FAKE, f"the fake imports {one.target}"
        assert RANK[there] < RANK[here], f"{one.source} imports {one.target}"


def test_every_part_has_its_layer() -> None:
    """A new folder must say where it belongs."""
    parts = {source.part(module) for module in source.MODULES}
    assert parts <= {*RANK, FAKE}


def test_imports_have_no_cycle() -> None:
    """No modules import each other, not for types only or inside a function either."""
    graph = {
        module: {one.target for one in source.imports(path) if source.is_ours(one.target)}
        for module, path in source.MODULES.items()
    }
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"imports in a circle: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("path", source.FILES, ids=source.short)
def test_no_file_reexports(path: Path) -> None:
    """A name is imported from the module that defines it; only a package lists its parts' names."""
    for module, name in source.borrowed(path):
        if source.MODULES[module].name != "__init__.py":
            assert name in source.defined(module), f"{source.short(path)}: {module} has {name}"


@pytest.mark.parametrize("path", SPOKEN, ids=_relative)
def test_docstrings_open_with_a_standard_verb(path: Path) -> None:
    """A class docstring is a noun phrase, a function's an imperative with the field's verb."""
    for name, text in source.docstrings(path):
        assert text.split(maxsplit=1)[0] not in REFUSED_OPENERS, f"{name}: {text.splitlines()[0]}"


def test_names_are_standard_terms() -> None:
    """Under 0.5 % of the package's names are everyday words used as private terms."""
    names = plain_names.names_in(source.ROOT)
    everyday = [f"{name.file}:{name.line} {name.text}" for name in names if name.is_everyday]
    assert plain_names.share(names) < 0.005, everyday


@ids
def test_foreign_libraries_have_their_place(path: Path) -> None:
    """aiohttp is known to one file, and so on; for types it may be named anywhere."""
    for one in source.imports(path):
        top = one.target.split(".")[0]
        if top in ONLY_HERE and not one.is_for_types:
            assert _is_in(path, ONLY_HERE[top]), f"{source.short(path)} imports {one.target}"


@ids
def test_words_of_the_wire_have_their_place(path: Path) -> None:
    """How Roistat spells a thing is written once."""
    for word in set(source.words(path)) & set(WORDS):
        assert source.short(path) == WORDS[word], f"{source.short(path)} writes {word!r}"


@ids
def test_keys_of_a_body_have_their_place(path: Path) -> None:
    """limit, offset and their like are put into a body by one file; options may be named so."""
    if not source.short(path).startswith("cli/"):
        for key in set(source.keys(path)) & set(KEYS):
            assert source.short(path) == KEYS[key], f"{source.short(path)} has the key {key!r}"


@ids
def test_calls_have_their_place(path: Path) -> None:
    """Time, sleep, fsync and rename are asked for where a test can replace them."""
    for call in set(source.calls(path)) & set(CALLS):
        assert _is_in(path, CALLS[call]), f"{source.short(path)} calls {call}"


@pytest.mark.parametrize("word", [*WORDS, *KEYS])
def test_every_word_is_still_written(word: str) -> None:
    """The tables above are of this house, not of one that was."""
    path = source.ROOT / (WORDS | KEYS)[word]
    assert word in {*source.words(path), *source.keys(path)}


@pytest.mark.parametrize("path", source.FILES, ids=source.short)
def test_files_are_short(path: Path) -> None:
    """A file that needs more lines does more than one thing."""
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST_FILE, f"{source.short(path)} has {lines} lines"


@pytest.mark.parametrize("path", source.FILES, ids=source.short)
def test_files_say_what_they_are(path: Path) -> None:
    """Each begins with a docstring; only an empty `__init__` needs none."""
    text = path.read_text(encoding="utf-8")
    assert text.startswith('"""') or not text.strip()


def test_all_is_sorted() -> None:
    """In ruff's order: constants, classes, the rest."""
    names = roistat_async.__all__
    assert len(set(names)) == len(names)
    assert names == sorted(names, key=lambda name: (not name.isupper(), name.islower(), name))


@pytest.mark.parametrize("name", PUBLIC)
def test_promised_names_are_there(name: str) -> None:
    """What other programs import does not move."""
    assert name in roistat_async.__all__
    assert getattr(roistat_async, name) is not None


def test_every_name_of_all_is_there() -> None:
    """Also where names are only found when they are asked for."""
    assert all(hasattr(roistat_async, name) for name in roistat_async.__all__)
    assert set(roistat_async.__all__) <= set(dir(roistat_async))


def test_star_import_works() -> None:
    """It gives what `__all__` says."""
    found: dict[str, object] = {}
    exec("from roistat_async import *", found)
    assert set(roistat_async.__all__) <= set(found)


def test_unknown_name_is_an_attribute_error() -> None:
    """As of any module."""
    with pytest.raises(AttributeError):
        getattr(roistat_async, "no_such_" + "name")


@pytest.mark.parametrize("module", ["testing", "errors", "client", "models.calls"])
def test_documented_modules_can_be_imported(module: str) -> None:
    """By the names the documentation uses."""
    assert importlib.import_module(f"roistat_async.{module}").__doc__


def test_importing_the_client_starts_no_extras() -> None:
    """The package works without click, rich and xlwt, and does not load the fake."""
    code = (
        "import sys, roistat_async; roistat_async.Roistat; "
        "print([m for m in sys.modules if m.split('.')[0] in ('click', 'rich', 'xlwt')"
        " or m.split('.')[:2] in (['roistat_async', 'testing'], ['roistat_async', 'cli'])])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
