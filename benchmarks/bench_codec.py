"""Decoding a page of 1,000 calls from bytes into typed calls.

Ours is all that a page passes through: the envelope is parsed and checked, every call is made. The
peers decode the same bytes. In "all parts read" each visit, order and source is also accessed
once. cattrs and pydantic decode only the page that is as in the vendor's example: on some of the
others they fail. Measured in CPU seconds. The row "after other decoders" shows the same two where
the others ran in between, so that strings and pages of memory are no longer in the caches.

Each kind of page is measured in a process of its own. In a process that has decoded several kinds
`json.loads` gets its memory without page faults and takes about 0.8 of the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from roistat_async.models.calls import Call
from roistat_async.wire import envelope, records

from . import pages, peers
from .timing import Ratio, interleaved, missing, ratio

_DOCUMENTED = "as the vendor's example"
_JSON = "json.loads into dicts"
_PEER_GOALS = {"json + cattrs": 0.15, "pydantic": 0.33}


def ours(body: bytes) -> list[Call]:
    """Decode a page as the client does."""
    response = envelope.read(body)
    return records.decode_list(response, Call, skip_bad=False).items


def all_read(body: bytes) -> list[Call]:
    """Decode a page and access every part of every call."""
    calls = ours(body)
    for call in calls:
        _ = call.visit, call.order, call.static_source
    return calls


def run(*, quick: bool) -> list[Ratio]:
    """Measure each kind of page in a new process."""
    rows: list[Ratio] = []
    for kind in pages.KINDS:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            rows += process.submit(measure, kind, quick=quick).result()
    return rows


def measure(kind: str, *, quick: bool) -> list[Ratio]:
    """Measure one kind of page."""
    calls, rounds = (200, 3) if quick else (1000, 25)
    body = pages.page(calls, change=pages.KINDS[kind])
    is_documented = kind == _DOCUMENTED
    seconds = _measure({"ours": ours, _JSON: peers.json_loads}, body, rounds)
    rows = [ratio(kind, seconds, "ours", _JSON, 0.42 if is_documented else 0.45)]
    return rows + (_compare_others(body, rounds) if is_documented else [])


def _compare_others(body: bytes, rounds: int) -> list[Ratio]:
    seconds = _measure({"ours": ours, _JSON: peers.json_loads, **_other_decoders()}, body, rounds)
    rows = [
        ratio(_DOCUMENTED, seconds, "ours", peer, goal)
        for peer, goal in _PEER_GOALS.items()
        if peer in seconds
    ]
    rows.append(ratio("the same, after other decoders", seconds, "ours", _JSON, None))
    rows.append(ratio("the same, all parts read", seconds, "all read", _JSON, None))
    return rows


def _measure(
    decoders: Mapping[str, Callable[[bytes], object]], body: bytes, rounds: int
) -> dict[str, list[float]]:
    timed = {name: partial(decode, body) for name, decode in decoders.items()}
    return interleaved(timed, rounds, time.process_time)


def _other_decoders() -> dict[str, Callable[[bytes], object]]:
    decoders: dict[str, Callable[[bytes], object]] = {
        "all read": all_read,
        "json + cattrs": peers.json_and_cattrs(),
    }
    pydantic = peers.pydantic()
    if pydantic is None:
        missing("pydantic")
    else:
        decoders["pydantic"] = pydantic
    return decoders
