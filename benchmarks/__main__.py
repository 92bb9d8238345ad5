"""Run the benchmarks: one table of ratios, ours over the peer's; lower is better.

The docstring of each file says what its rows measure. All peers of a benchmark are measured in
turn in one run, so that a slow phase of the machine affects all of them.
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
    "arrow",
    "windows",
    "limit",
    "shared_limit",
    "requests",
    "gzip",
    "downloads",
    "objects",
    "sync",
    "dlt",
    "scale",
    "dask",
    "startup",
)


def main() -> None:
    """Print the table and, if all benchmarks run in full, write results.json."""
    arguments = _parser().parse_args()
    environment = results.about()
    print("\n".join([*results.lines(environment), HEADER]))
    rows = {name: _run(name, quick=arguments.quick) for name in arguments.only or BENCHES}
    target = arguments.write or (None if arguments.quick or arguments.only else results.RESULTS)
    if target is not None:
        results.write(target, environment, rows)
        print(f"written: {target.name}")


def _run(name: str, *, quick: bool) -> list[Ratio]:
    measured: list[Ratio] = importlib.import_module(f".bench_{name}", __package__).run(quick=quick)
    for row in measured:
        print(row.row(), flush=True)
    return measured


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
