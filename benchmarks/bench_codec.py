"""From the bytes of a page of 1,000 calls to typed calls.

Ours is all that a page passes through: the envelope opened and checked, every call made. The peers
get the same bytes. Ours with "all read" also looks at each visit, order and source once. Measured
are CPU seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from roistat_async.models.calls import Call
from roistat_async.wire import envelope, records

from . import pages, peers
from .timing import Ratio, interleaved, ratio

GOALS = {"json.loads into dicts": 0.60, "json + cattrs": 0.20, "pydantic": 0.35}


def ours(body: bytes) -> list[Call]:
    """Read a page as the client does."""
    answer = envelope.read(body)
    return records.decode_list(answer, Call, skip_bad=False).items


def all_read(body: bytes) -> list[Call]:
    """Read a page and look at every part of every call."""
    calls = ours(body)
    for call in calls:
        _ = call.visit, call.order, call.static_source
    return calls


def run(*, quick: bool) -> list[Ratio]:
    """Measure all ways in turn."""
    body = pages.page(200 if quick else 1000)
    ways: dict[str, Callable[[bytes], object]] = {
        "ours": ours,
        "ours, all read": all_read,
        "json.loads into dicts": peers.json_loads,
        "json + cattrs": peers.json_and_cattrs(),
    }
    by_pydantic = peers.pydantic()
    if by_pydantic is not None:
        ways["pydantic"] = by_pydantic
    else:
        print("pydantic is not installed: left out")
    timed = {name: _on(way, body) for name, way in ways.items()}
    seconds = interleaved(timed, 3 if quick else 40, time.process_time)
    found = [
        ratio("bytes -> typed calls", seconds, "ours", peer, goal)
        for peer, goal in GOALS.items()
        if peer in seconds
    ]
    found.append(
        ratio("the same, all parts read", seconds, "ours, all read", "json.loads into dicts", None)
    )
    return found


def _on(way: Callable[[bytes], object], body: bytes) -> Callable[[], object]:
    return lambda: way(body)
