"""The sealed walk over the call list: which requests it makes, and how their answers are read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from attrs import evolve

from ..api.project_api import ProjectApi
from ..models.calls import Call
from ..models.page import RowBatch
from ..models.period import Period
from ..paging.history import History
from ..paging.page_fetcher import PageQuery
from ..scheduling import fair_yield
from ..validation import OnBadRecord, parse_on_bad_record
from ..wire import list_query, records


def walk(
    endpoint: ProjectApi,
    path: str,
    period: Period,
    *,
    extend: Sequence[str],
    page_size: int,
    concurrency: int,
    settle: timedelta,
    resume_from: str | None,
    on_bad_record: OnBadRecord,
) -> History:
    """Make a walk that asks only for dates, ascending; nothing is sent before it is iterated."""
    skip_bad = parse_on_bad_record(on_bad_record)
    list_query.build_query(fields=list_query.CALL_FIELDS, filters=(), sort=None, extend=extend)

    async def fetch(ask: PageQuery) -> RowBatch[Call]:
        asked = list_query.build_query(
            fields=list_query.CALL_FIELDS,
            filters=[("date", ">", ask.after), ("date", "<", ask.before)],
            sort=("date", "asc"),
            extend=extend,
        )
        answer = await endpoint.read(
            path, list_query.with_page(asked, limit=ask.limit, offset=ask.offset)
        )
        await fair_yield()
        read = records.decode_list(answer, Call, skip_bad=skip_bad)
        return evolve(read, answered_at=answer.answered_at)

    return History(
        fetch,
        period,
        page_size=page_size,
        concurrency=concurrency,
        settle=settle,
        wants_less=list_query.reduction_hint,
        now=endpoint.clock.utc_now,
        resume_from=resume_from,
    )
