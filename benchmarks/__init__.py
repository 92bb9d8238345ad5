"""Ratios against named peers, measured in turn in the same run: `python -m benchmarks`."""
