"""Run the benchmarks: one table of ratios, ours over the peer's; lower is better.

What each line measures is told at the top of its file. All peers of a bench are measured in turn
in one run, so that a slow moment of the machine hits them all.
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from . import results
from .timing import HEADER, Ratio

BENCHES = (
    "codec",
    "pages",
    "windows",
    "requests",
    "gzip",
    "downloads",
    "sync",
    "scale",
    "startup",
)


def main() -> None:
    """Print the table and, unless told to be quick, write results.json."""
    asked = _parser().parse_args()
    told = results.about()
    print("\n".join([*results.lines(told), HEADER]))
    found = {name: _run(name, quick=asked.quick) for name in asked.only or BENCHES}
    target = asked.write or (None if asked.quick or asked.only else results.RESULTS)
    if target is not None:
        results.write(target, told, found)
        print(f"written: {target.name}")


def _run(name: str, *, quick: bool) -> list[Ratio]:
    rows: list[Ratio] = importlib.import_module(f".bench_{name}", __package__).run(quick=quick)
    for row in rows:
        print(row.row(), flush=True)
    return rows


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds; the figures mean little")
    parser.add_argument(
        "--only", action="append", choices=BENCHES, metavar="NAME", help=", ".join(BENCHES)
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the results here")
    return parser


if __name__ == "__main__":
    main()
