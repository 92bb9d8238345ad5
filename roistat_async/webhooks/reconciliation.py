"""Calls whose events never came."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from ..models.calls import Call, CallStatus
from ..validation import require_iterable


@frozen
class Reconciliation:
    """Difference between the calls that Roistat lists and the events that were received.

    `unlisted` are ids of events whose calls are not among those that were given: of another
    period, or deleted.
    """

    without_start: list[Call]
    without_end: list[Call]
    unlisted: list[str]


def reconcile(
    calls: Iterable[Call],
    *,
    started: Iterable[str] | None = None,
    ended: Iterable[str] | None = None,
) -> Reconciliation:
    """Return which calls had no event.

    `calls` are those of a period, `started` and `ended` the call ids of the events received.
    Omit the one that no webhook is set for. A call in progress needs no end yet.
    """
    start_ids, end_ids = _as_set(started, "started"), _as_set(ended, "ended")
    without_start, without_end, listed = [], [], set()
    for call in calls:
        listed.add(call.id)
        if start_ids is not None and call.id not in start_ids:
            without_start.append(call)
        if end_ids is not None and call.id not in end_ids and call.status != CallStatus.ACTIVE:
            without_end.append(call)
    received = (start_ids or set()) | (end_ids or set())
    return Reconciliation(without_start, without_end, sorted(received - listed))


def _as_set(ids: Iterable[str] | None, name: str) -> set[str] | None:
    return None if ids is None else {str(call_id) for call_id in require_iterable(ids, name)}
