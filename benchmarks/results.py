"""Results and their environment: lines for the terminal, and `results.json` for programs.

They identify no machine: they contain no path and no name of a host or user.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .timing import Ratio

RESULTS = Path(__file__).parent / "results.json"
_LIBRARIES = ("roistat_async", "aiohttp", "attrs", "cattrs", "msgspec", "tenacity", "yarl")
_PEERS = (
    "httpx",
    "pydantic",
    "orjson",
    "isal",
    "zlib-ng",
    "uvloop",
    "pyarrow",
    "dlt",
    "duckdb",
    "distributed",
)
_PROGRAMS = ("curl", "aria2c")
_MISSING = "not installed"


def about() -> dict[str, Any]:
    """Return the versions and the machine."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "peers": {
            **{name: _version(name) for name in _PEERS},
            **{name: _program(name) for name in _PROGRAMS},
        },
        "machine": {
            "cores": os.cpu_count(),
            "architecture": platform.machine(),
            "system": f"{platform.system()} {platform.release().split('-')[0]}",
        },
    }


def lines(environment: Mapping[str, Any]) -> list[str]:
    """Return what `about` returns as lines of text."""
    machine = environment["machine"]
    versions = {**environment["libraries"], **environment["peers"]}
    installed = [f"{name} {number}" for name, number in versions.items() if number != _MISSING]
    absent = [name for name, number in versions.items() if number == _MISSING]
    text = [
        f"{environment['python']}, {machine['cores']} cores, {machine['architecture']}, "
        f"{machine['system']}",
        ", ".join(installed),
    ]
    return [*text, f"not installed, so not measured: {', '.join(absent)}"] if absent else text


def write(
    path: Path, environment: Mapping[str, Any], results: Mapping[str, Sequence[Ratio]]
) -> None:
    """Write everything into a file."""
    rows = [_plain(bench, row) for bench, measured in results.items() for row in measured]
    text = json.dumps({**environment, "results": rows}, indent=1, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8")


def _plain(bench: str, row: Ratio) -> dict[str, Any]:
    return {
        "bench": bench,
        "what": row.what,
        "peer": row.peer,
        "unit": row.unit,
        "goal": row.goal,
        "is_met": row.is_met,
        "median": _rounded(row.median),
        "min": _rounded(min(row.rounds)),
        "max": _rounded(max(row.rounds)),
        "rounds": [_rounded(figure) for figure in row.rounds],
    }


def _rounded(figure: float) -> float:
    return float(f"{figure:.4g}")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return _MISSING


def _program(name: str) -> str:
    if shutil.which(name) is None:
        return _MISSING
    done = subprocess.run([name, "--version"], capture_output=True, text=True, check=False)
    match = re.search(r"\d+\.\d[\w.]*", done.stdout)
    return match[0] if match else "of unknown version"
