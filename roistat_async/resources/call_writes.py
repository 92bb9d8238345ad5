"""Writes of calls: validation and encoding, the response, and the search for a lost call."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta

from attrs import evolve

from ..api.project_api import ProjectApi, ambiguous
from ..errors import ConfigurationError
from ..models.calls import Call, CallDraft
from ..models.omitted import OMITTED, Omitted
from ..models.period import Period, check_aware, to_utc
from ..paging.pager import Pager
from ..wire import records, values
from ..wire.envelope import ApiResponse

CREATE = "project/phone-call"
_COMPARED = ("callee", "caller", "duration", "comment")
_SECONDS = ("duration", "answer_duration")

ListCalls = Callable[[ProjectApi, Period], Pager[Call]]
"""Function that lists the calls of a period."""


def decode_created(draft: CallDraft, response: ApiResponse) -> Call:
    """Return the call that was created; it has the draft's date if the response has none."""
    date = values.format_datetime(draft.date)
    return records.decode_created(response, Call, date=date)[0]


def validate(draft: CallDraft) -> None:
    """Raise ConfigurationError if a draft is invalid."""
    if not isinstance(draft, CallDraft):
        raise ConfigurationError("draft must be a CallDraft(callee=..., caller=..., date=...)")
    values.validate_phone(draft.callee, "callee")
    values.validate_phone(draft.caller, "caller")
    check_aware(draft.date, "date")
    _validate_fields({name: getattr(draft, name) for name in (*_SECONDS, "status")})


def encode_changes(**fields: object) -> dict[str, object]:
    """Return the fields to change as they are sent, without the omitted ones."""
    _validate_fields(fields)
    changes = {
        name: values.encode_id(value) if name.endswith("_id") else values.encode_scalar(value, name)
        for name, value in fields.items()
        if not isinstance(value, Omitted)
    }
    if not changes:
        raise ConfigurationError("pass at least one field to change, e.g. comment=...")
    return changes


def _validate_fields(fields: Mapping[str, object]) -> None:
    """Raise ConfigurationError if the status or a duration is invalid."""
    for name in _SECONDS:
        if not _is_duration(fields.get(name, OMITTED)):
            raise ConfigurationError(f"{name} must be a number of seconds, 0 or more")
    status = fields.get("status", OMITTED)
    if status is not OMITTED and not (isinstance(status, str) and status):
        raise ConfigurationError("status must be a CallStatus, e.g. CallStatus.ANSWER")


def _is_duration(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value is OMITTED or (is_number and 0 <= value < math.inf)  # type: ignore[operator]  # a number


def add_dedupe_token(draft: CallDraft) -> CallDraft:
    """Append a random token to the comment: the only field of a list that can hold one."""
    comment = "" if isinstance(draft.comment, Omitted) else draft.comment or ""
    return evolve(draft, comment=f"{comment} [{secrets.token_hex(6)}]".lstrip())


async def find_created(draft: CallDraft, list_calls: ListCalls, api: ProjectApi) -> Call | None:
    """Return the call that has the draft's second, numbers, duration and comment, or None.

    A call in which one of them cannot be read may be the one that was created.
    """
    second = to_utc(draft.date, "date").replace(microsecond=0)
    pager = list_calls(api, Period(second, second + timedelta(seconds=1)))
    candidates = [call async for call in pager if _may_match(call, draft)]
    if pager.bad_records or len(candidates) > 1:
        raise ambiguous(CREATE, [*candidates, *pager.bad_records])
    if candidates and not _is_readable(candidates[0]):
        raise ambiguous(CREATE, candidates)
    return candidates[0] if candidates else None


def _may_match(call: Call, draft: CallDraft) -> bool:
    return all(
        name in call.extra or getattr(draft, name) in (OMITTED, getattr(call, name))
        for name in _COMPARED
    )


def _is_readable(call: Call) -> bool:
    return call.extra.keys().isdisjoint(_COMPARED)
