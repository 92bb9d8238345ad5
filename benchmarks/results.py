"""What was measured, on what: the table, and `results.json` for other programs.

Nothing in it tells whose machine it was: no path, no name of a host or a user.
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
_PEERS = ("httpx", "pydantic", "orjson", "isal", "zlib-ng", "uvloop", "pyarrow")
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


def lines(told: Mapping[str, Any]) -> list[str]:
    """Write what `about` tells for a reader."""
    machine = told["machine"]
    versions = {**told["libraries"], **told["peers"]}
    there = [f"{name} {found}" for name, found in versions.items() if found != _MISSING]
    gone = [name for name, found in versions.items() if found == _MISSING]
    found = [
        f"{told['python']}, {machine['cores']} cores, {machine['architecture']}, "
        f"{machine['system']}",
        ", ".join(there),
    ]
    return [*found, f"not installed, so not measured: {', '.join(gone)}"] if gone else found


def write(path: Path, told: Mapping[str, Any], found: Mapping[str, Sequence[Ratio]]) -> None:
    """Write everything into a file."""
    results = [_plain(bench, row) for bench, rows in found.items() for row in rows]
    text = json.dumps({**told, "results": results}, indent=1, ensure_ascii=False)
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
    told = subprocess.run([name, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"\d+\.\d[\w.]*", told.stdout)
    return found[0] if found else "of unknown version"
