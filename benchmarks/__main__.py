"""Run every benchmark and print its ratios; `--quick` only shows that they run."""

from __future__ import annotations

import argparse
import platform
from importlib.metadata import version

from . import bench_codec
from .timing import HEADER


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds; the figures mean little")
    quick = parser.parse_args().quick
    names = ("attrs", "cattrs", "msgspec")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    print(f"Python {platform.python_version()}, {versions}; time of ours / time of the peer")
    print(HEADER)
    for bench in (bench_codec,):
        for ratio in bench.run(quick=quick):
            print(ratio.row())


if __name__ == "__main__":
    main()
