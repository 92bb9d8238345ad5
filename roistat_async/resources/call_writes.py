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
from ..models.period import Period, check_aware
from ..paging.pager import Pager
from ..wire import records, values
from ..wire.envelope import ApiResponse

CREATE = "project/phone-call"
_SECONDS = ("duration", "answer_duration")

ListCalls = Callable[[ProjectApi, Period], Pager[Call]]
"""Function that lists the calls of a period."""


def decode_created(response: ApiResponse) -> Call:
    """Return the call that was created."""
    # Roistat documents two places: `phoneCall` in the example, `data` in the table.
    if response.phone_call and bytes(response.phone_call) != b"null":
        return records.decode_record(response.phone_call, Call, path="$.phoneCall")
    return records.decode_record(response.data, Call)


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
        name: values.encode_scalar(value, name)
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
    return value is OMITTED or (is_number and 0 <= value < math.inf)  # type: ignore[operator]


def add_dedupe_token(draft: CallDraft) -> CallDraft:
    """Append a random token to the comment: the only field of a list that can hold one."""
    comment = "" if isinstance(draft.comment, Omitted) else draft.comment or ""
    return evolve(draft, comment=f"{comment} [{secrets.token_hex(6)}]".lstrip())


async def find_created(draft: CallDraft, list_calls: ListCalls, api: ProjectApi) -> Call | None:
    """Return the call that has the draft's second, numbers, duration and comment, or None."""
    second = draft.date.replace(microsecond=0)
    period = Period(second, second + timedelta(seconds=1))
    matches = [call async for call in list_calls(api, period) if _matches(call, draft)]
    if len(matches) > 1:
        raise ambiguous(CREATE, matches)
    return matches[0] if matches else None


def _matches(call: Call, draft: CallDraft) -> bool:
    if (call.callee, call.caller) != (draft.callee, draft.caller):
        return False
    return all(
        getattr(draft, name) in (OMITTED, getattr(call, name)) for name in ("duration", "comment")
    )
