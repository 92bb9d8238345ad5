"""Start-up time: that of a whole Python process.

Ours is `import roistat_async`, which loads names on first use, and the first use of `Roistat`, each
against importing what it depends on and nothing of ours (the time of a bare interpreter taken off
all); and `roistat --help`.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from statistics import median

from .timing import Ratio, interleaved

_DEPENDENCIES = "import aiohttp, attrs, cattrs.preconf.json, msgspec, tenacity"
_CODE = {
    "bare": "pass",
    "import": "import roistat_async",
    "client": "import roistat_async; roistat_async.Roistat",
    "dependencies": _DEPENDENCIES,
}
_HELP = ("-m", "roistat_async", "--help")
HELP_GOAL = 0.1


def run(*, quick: bool) -> list[Ratio]:
    """Start each process in turn."""
    ways = {name: partial(_start, "-c", code) for name, code in _CODE.items()}
    ways["help"] = partial(_start, *_HELP)
    seconds = interleaved(ways, 2 if quick else 15)
    return [
        _over_dependencies("import roistat_async", seconds["import"], seconds, 1.0),
        _over_dependencies("the first use of Roistat", seconds["client"], seconds, None),
        Ratio("roistat --help", "", HELP_GOAL, tuple(seconds["help"]), "s"),
        Ratio("a bare interpreter", "", None, tuple(seconds["bare"]), "s"),
    ]


def _over_dependencies(
    what: str, ours: list[float], seconds: dict[str, list[float]], goal: float | None
) -> Ratio:
    bare = median(seconds["bare"])
    pairs = zip(ours, seconds["dependencies"], strict=True)
    ratios = tuple((own - bare) / max(other - bare, 0.001) for own, other in pairs)
    return Ratio(what, "its dependencies", goal, ratios)


def _start(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
