"""A call to be recorded: checked before it is sent, read when it was, found when it is lost."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from attrs import evolve

from ..api.project_api import ProjectApi, ambiguous
from ..errors import ConfigurationError
from ..models.calls import Call, CallDraft
from ..models.omitted import OMITTED, Omitted
from ..models.period import check_aware
from ..paging.pager import Pager
from ..wire import list_query, records, values
from ..wire.envelope import ApiResponse

PATH = "project/phone-call"
_SECONDS = ("duration", "answer_duration")

Find = Callable[[ProjectApi, list_query.Filters], Pager[Call]]
"""List the calls that answer filters."""


def parse_created(answer: ApiResponse) -> Call:
    """Read the call that was recorded."""
    # The example of the page answers under `phoneCall`, its table says `data`.
    if answer.phone_call and bytes(answer.phone_call) != b"null":
        return records.decode_record(answer.phone_call, Call, path="$.phoneCall")
    return records.decode_record(answer.data, Call)


def validate(draft: CallDraft) -> None:
    """Raise ConfigurationError for a draft that cannot be right."""
    if not isinstance(draft, CallDraft):
        raise ConfigurationError("give a CallDraft(callee=..., caller=..., date=...)")
    values.validate_phone(draft.callee, "callee")
    values.validate_phone(draft.caller, "caller")
    check_aware(draft.date, "date")
    validate_fields({name: getattr(draft, name) for name in (*_SECONDS, "status")})


def validate_fields(given: Mapping[str, object]) -> None:
    """Raise ConfigurationError for a status or seconds that cannot be; left out is well."""
    for name in _SECONDS:
        if not _is_seconds(given.get(name, OMITTED)):
            raise ConfigurationError(f"{name} must be seconds, 0 or more")
    status = given.get("status", OMITTED)
    if status is not OMITTED and not (isinstance(status, str) and status):
        raise ConfigurationError('status must be a CallStatus or a text like "ANSWER"')


def _is_seconds(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value is OMITTED or (is_number and 0 <= value < math.inf)  # type: ignore[operator]


def add_dedupe_token(draft: CallDraft) -> CallDraft:
    """Add to the comment what no other call has: the list shows comments, and no other mark."""
    comment = "" if isinstance(draft.comment, Omitted) else draft.comment or ""
    return evolve(draft, comment=f"{comment} [{secrets.token_hex(6)}]".lstrip())


async def find_created(
    draft: CallDraft, find: Find, endpoint: ProjectApi, *, sent_at: datetime
) -> Call | None:
    """Find the one call with the draft's second, numbers and duration (fault matrix §4)."""
    del sent_at  # a call has the date of the draft, not of the request
    second = draft.date.replace(microsecond=0)
    around = [
        ("date", ">", second - timedelta(seconds=1)),
        ("date", "<", second + timedelta(seconds=1)),
    ]
    found = [call async for call in find(endpoint, around) if _matches(call, draft)]
    if len(found) > 1:
        raise ambiguous(PATH, found)
    return found[0] if found else None


def _matches(call: Call, draft: CallDraft) -> bool:
    same = (call.callee, call.caller) == (draft.callee, draft.caller)
    return same and all(
        getattr(draft, name) in (OMITTED, getattr(call, name)) for name in ("duration", "comment")
    )
