"""Every check of this repository, for people and for CI.

`bash .ci/run` makes an environment and runs all sessions; `nox -s quick` is for between edits.
Sessions without a Python of their own run in the environment that nox is installed in, which needs
`pip install -e '.[dev,bench]'`: one installation serves them all.
"""

from __future__ import annotations

import atexit
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import nox

ROOT = Path(__file__).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHONS = nox.project.python_versions({"project": PROJECT})
THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
FAST = ("-m", "not long and not slow")
FEW_EXAMPLES = "--hypothesis-profile=quick"  # of generated data; `tests` runs them all
# These tests start programs, wait for real seconds or read much; the other sessions run them.
NOT_QUICK = (
    "tests/cli/test_exit_codes.py",
    "tests/cli/test_help.py",
    "tests/cli/test_process.py",
    "tests/cli/test_recordings.py",
    "tests/cli/test_report.py",
    "tests/cli/test_streams.py",
    "tests/cli/test_sync.py",
    "tests/examples",
    "tests/integrations",
    "tests/report",
    "tests/sync/test_lateness.py",
    "tests/sync/test_odd_values.py",
    "tests/sync/test_parquet.py",
    "tests/sync/test_parts.py",
    "tests/testing/test_plugin.py",
    "tests/transport/test_shared_budget.py",
    "tests/wire/test_two_readings.py",
)
# What shows that the wheel is complete; `tests` and `lowest` run all others.
WHEEL_TESTS = (
    "tests/test_client.py",
    "tests/test_packaging.py",
    "tests/test_public_api.py",
    "tests/cli",
    "tests/downloads",
    "tests/examples",
    "tests/models",
    "tests/resources",
    "tests/testing",
    "tests/wire",
)
# Workers of pytest-xdist: two for each core, since many tests wait for processes or for time.
PARALLEL = ("-n", str(2 * (os.cpu_count() or 1)))
# program -> Debian package that has it, and the tests that need it
DEBIAN_PROGRAMS = {
    "strace": ("strace", "the tests of a failing disk"),
    "postgres": ("postgresql", "the tests against a PostgreSQL server"),
    "chromium": ("chromium", "the tests in a browser"),
}
# Share of the public names whose type must be known to pyright, from 0 to 1.
MIN_TYPE_COMPLETENESS = 0.99
# Extras whose lower bounds are tested; the others are tools, which need no bounds for users.
BOUNDED_EXTRAS = (
    "cli",
    "testing",
    "arrow",
    "dask",
    "dlt",
    "objects",
    "postgres",
    "speed",
    "xls",
    "report",
)

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "types", "docs", "tests", "pythons", "bench", "wheel", "lowest"]
nox.options.error_on_missing_interpreters = False  # `pythons` skips what is not on the machine
nox.options.download_python = "never"

# The caller's settings must reach neither the package nor the tests. Without bytecode, each program
# that a test starts would compile the package anew.
for name in ("PYTHONPATH", "PYTHONHOME", "PYTEST_ADDOPTS", "PYTHONDONTWRITEBYTECODE"):
    os.environ.pop(name, None)
for name in [name for name in os.environ if name.startswith("ROISTAT_")]:
    del os.environ[name]

notes: list[str] = []


@atexit.register
def print_notes() -> None:
    """Print, below nox's own table, what the test runs counted and what was skipped inside them."""
    if notes:
        print("\n==> results", *notes, sep="\n", flush=True)


@nox.session(venv_backend="none")
def quick(session: nox.Session) -> None:
    """Run the checks for between edits, in about a minute: ruff, mypy, the fast tests."""
    lint(session)
    python(session, "mypy")
    for path in NOT_QUICK:
        if not (ROOT / path).exists():
            session.error(f"{path} was renamed; adjust NOT_QUICK in noxfile.py")
    ignored = [f"--ignore={path}" for path in NOT_QUICK]
    # Tests that run with each kind of database do so with SQLite only.
    chosen = ("-k", "not postgres", *FAST, *ignored)
    arguments = ("-q", FEW_EXAMPLES, *chosen, *session.posargs)
    run_tests(session, sys.executable, *PARALLEL, *arguments, "tests")  # without those of docs


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    """Check format and rules with ruff."""
    python(session, "ruff", "format", "--check", ".")
    python(session, "ruff", "check", ".")


@nox.session(venv_backend="none")
def types(session: nox.Session) -> None:
    """Check the types with mypy, strict, and with pyright that the public ones are complete."""
    python(session, "mypy")
    check_type_completeness(session)


@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """Run all tests with branch coverage; with arguments for pytest, run those without coverage."""
    ensure_debian_programs(session)
    if session.posargs:
        run_tests(session, sys.executable, *session.posargs)
        return
    python(session, "coverage", "erase")
    run_tests(session, sys.executable, *PARALLEL, command=("coverage", "run", "-m", "pytest"))
    python(session, "coverage", "combine", "--quiet")
    python(session, "coverage", "report")


@nox.session(python=[version for version in PYTHONS if version != THIS_PYTHON])
def pythons(session: nox.Session) -> None:
    """Run the tests in each other supported Python that is on the machine."""
    session.install("-e", ".[test]")
    run_tests(session, "python", *PARALLEL, *session.posargs)


@nox.session(venv_backend="none")
def docs(session: nox.Session) -> None:
    """Build the documentation into `site/`; a broken link or a wrong docstring is an error."""
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    output = result.stdout + result.stderr
    session.log(output.strip())
    if result.returncode or "griffe:" in output:  # griffe's warnings are not zensical's
        session.error("the documentation has the faults above")


@nox.session(venv_backend="none")
def bench(session: nox.Session) -> None:
    """Run the benchmarks in their short form, to see that they work."""
    python(session, "benchmarks", *(session.posargs or ["--quick"]))


@nox.session
def wheel(session: nox.Session) -> None:
    """Build sdist and wheel, and test the installed wheel where the source cannot be imported."""
    folder = new_folder()
    python(session, "build", "--outdir", str(folder / "dist"), ".", silent=True)
    (built,) = folder.glob("dist/*.whl")
    check_wheel_content(session, built)
    copy_without_package(folder / "checkout")
    with session.chdir(folder / "checkout"):
        session.install(str(built))
        session.run("python", "-W", "error", "-c", "import roistat_async")  # without the extras
        session.install(f"{built}[cli,testing,test]")
        session.run("python", "-m", "pip", "check")
        session.run(
            "python", "-c", "import roistat_async as r; assert 'site-packages' in r.__file__"
        )
        session.run("roistat", "--help", silent=True)
        session.run("python", "-m", "roistat_async", "--help", silent=True)
        # Without the other extras, every file of tests must still be read: it skips what it must.
        session.run("python", "-m", "pytest", "--collect-only", "-qq", "tests", silent=True)
        run_tests(session, "python", *PARALLEL, *FAST, FEW_EXAMPLES, *WHEEL_TESTS)


@nox.session
def lowest(session: nox.Session) -> None:
    """Run the tests with the lowest versions that pyproject.toml allows."""
    # uv resolves to the lowest versions by itself, but does not read an index from pip's settings.
    constraints = new_folder() / "lowest.txt"
    lines = lowest_versions()
    constraints.write_text("\n".join(lines) + "\n", encoding="utf-8")
    session.log(", ".join(lines))
    session.install("-c", str(constraints), "-e", ".[test,test-integrations]")
    run_tests(session, "python", *PARALLEL, *FAST, FEW_EXAMPLES)


def python(session: nox.Session, module: str, *arguments: str, silent: bool = False) -> None:
    """Run a module with the Python that runs nox."""
    session.run(sys.executable, "-m", module, *arguments, external=True, silent=silent)


def run_tests(
    session: nox.Session, program: str, *arguments: str, command: tuple[str, ...] = ("pytest",)
) -> None:
    """Run pytest and note how many tests passed, failed and were skipped."""
    report = new_folder() / "junit.xml"
    try:
        session.run(program, "-m", *command, f"--junit-xml={report}", *arguments, external=True)
    finally:
        if report.exists():
            notes.append(f"{session.name}: {count_tests(report)}")


def new_folder() -> Path:
    """Return an empty folder outside the checkout; it is removed when nox ends."""
    # Not session.create_tmp(): pytest in a folder of the checkout would read our pyproject.toml.
    folder = Path(tempfile.mkdtemp(prefix="nox-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def count_tests(report: Path) -> str:
    """Return the counts of a JUnit report in pytest's words."""
    suites = ElementTree.parse(report).getroot().iter("testsuite")
    counts = [
        [int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")]
        for suite in suites
    ]
    total, failures, errors, skipped = (sum(column) for column in zip(*counts, strict=True))
    failed = failures + errors
    return f"{total - failed - skipped} passed, {failed} failed, {skipped} skipped"


def note_skip(session: nox.Session, reason: str) -> None:
    """Warn that a check was left out, at once and again at the end."""
    session.warn(f"SKIPPED: {reason}")
    notes.append(f"{session.name}: SKIPPED: {reason}")


def check_type_completeness(session: nox.Session) -> None:
    """Fail if too many public names have no complete type."""
    command = [sys.executable, "-m", "pyright"]
    if subprocess.run([*command, "--version"], capture_output=True).returncode:
        note_skip(session, "pyright does not start here; it needs node from the package index")
        return
    command += ["--verifytypes", "roistat_async", "--ignoreexternal", "--outputjson"]
    output = subprocess.run(command, capture_output=True, text=True).stdout
    report = json.loads(output)["typeCompleteness"]
    for symbol in report["symbols"]:
        if symbol["isExported"] and not symbol["isTypeKnown"]:
            session.log(f"type not complete: {symbol['name']}")
    score = report["completenessScore"]
    session.log(f"complete types of public names: {score:.1%}")
    if score < MIN_TYPE_COMPLETENESS:
        session.error(f"less than {MIN_TYPE_COMPLETENESS:.0%} of the public types are complete")


def ensure_debian_programs(session: nox.Session) -> None:
    """Install the programs that some tests use, if root may; note those that are still missing."""
    missing = {name: entry for name, entry in DEBIAN_PROGRAMS.items() if not find_program(name)}
    if missing and shutil.which("apt-get") and os.geteuid() == 0:
        packages = [package for package, _ in missing.values()]
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        install = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *packages]
        subprocess.run(
            install, check=False, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        )
    for name, (_, tests) in missing.items():
        if not find_program(name):
            note_skip(session, f"no {name}: {tests} are left out")


def find_program(name: str) -> bool:
    """Return whether a program is on the path, or where Debian puts a PostgreSQL server."""
    return bool(shutil.which(name) or glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))


def check_wheel_content(session: nox.Session, built: Path) -> None:
    """Fail unless the wheel holds the package, its type marker and nothing else."""
    names = zipfile.ZipFile(built).namelist()
    folders = sorted({name.split("/")[0] for name in names})
    session.log(f"{len(names)} files in {', '.join(folders)}")
    if folders[0] != "roistat_async" or not folders[1].endswith(".dist-info") or folders[2:]:
        session.error(f"unexpected content of the wheel: {folders}")
    if "roistat_async/py.typed" not in names:
        session.error("py.typed is not in the wheel")


def copy_without_package(target: Path) -> None:
    """Copy what the tests need beside the package, and never the package itself."""
    left_out = shutil.ignore_patterns(
        "roistat_async",
        ".git",
        ".nox",
        ".venv*",
        ".*_cache",
        ".coverage*",
        ".hypothesis",
        "__pycache__",
        "site",
    )
    shutil.copytree(ROOT, target, ignore=left_out)


def lowest_versions() -> list[str]:
    """Return the lower bounds of all dependencies of the package as exact versions."""
    extras = PROJECT["optional-dependencies"]
    requirements = PROJECT["dependencies"] + [
        requirement for extra in BOUNDED_EXTRAS for requirement in extras[extra]
    ]
    bounds = [
        re.match(r"([\w-]+)(?:\[\w+\])?>=([\d.]+)", requirement) for requirement in requirements
    ]
    return [f"{bound[1]}=={bound[2]}" for bound in bounds if bound]
