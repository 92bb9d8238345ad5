"""Pages of calls from bytes into an Arrow table, all objects flattened into columns.

Ours is all that a page passes through: the envelope is parsed and checked, every call is made, and
its values go into 56 typed columns. The peer parses the same bytes with `json.loads` and flattens
them with `pandas.json_normalize`, into columns of objects. Measured in CPU seconds, a page of 1,000
and one of 10,000 calls.
"""

from __future__ import annotations

import json
import time
from functools import partial

from . import pages
from .bench_codec import ours as decode
from .timing import Ratio, interleaved, missing, ratio

_PEER = "json + pandas.json_normalize"
_GOAL = 0.15


def run(*, quick: bool) -> list[Ratio]:
    """Measure pages of both sizes."""
    try:
        import pandas

        from roistat_async.integrations.arrow import calls_to_table
    except ImportError:
        missing("pandas")
        return []

    def ours(body: bytes) -> object:
        return calls_to_table(decode(body))

    def peer(body: bytes) -> object:
        return pandas.json_normalize(json.loads(body)["data"])

    rows = []
    for calls, rounds in ((200, 3),) if quick else ((1000, 25), (10_000, 7)):
        body = pages.page(calls)
        timed = {"ours": partial(ours, body), _PEER: partial(peer, body)}
        seconds = interleaved(timed, rounds, time.process_time)
        rows.append(ratio(f"{calls} calls into a table", seconds, "ours", _PEER, _GOAL))
    return rows
