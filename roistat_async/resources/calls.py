"""Calls of a project: list, history, recordings and export."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, timedelta, tzinfo
from functools import partial
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from ..api.project_api import ProjectApi
from ..downloads import bulk
from ..downloads.body import Body
from ..downloads.file_download import FileDownload, Progress, SaveTarget, save_file
from ..downloads.file_kind import AudioFormat
from ..downloads.file_request import accepted_kinds, export_request, recording_request
from ..downloads.open_body import open_body
from ..downloads.range_response import strong_etag
from ..downloads.requested_range import RequestedRange
from ..errors import ConfigurationError, NotFoundError, PagingError
from ..integrations.objects import ObjectFolder, open_folder
from ..models.calls import Call, CallDraft, CallStatus
from ..models.downloads import Download
from ..models.omitted import OMITTED, Omitted
from ..models.page import Page, RowBatch
from ..models.period import Period
from ..paging.checked_page import PageQuery
from ..paging.history import History, Where
from ..paging.pager import Pager
from ..scheduling import fair_yield
from ..tracebacks import hides_arguments
from ..validation import OnBadRecord, parse_on_bad_record, require_int, require_iterable
from ..wire import codec, list_query, records, values
from ..wire.envelope import ApiResponse
from ..wire.list_query import CallExtension, CallField, Filters, Sort
from . import call_writes
from .call_items import call_id_of, check_calls, path_below

_LIST = "project/calltracking/call/list"
_UPDATE = "project/calltracking/call/update"
_DELETE = "project/calltracking/call/delete"


@frozen(eq=False)
class Calls:
    """Calls of a project: list, history, recordings and export; create, update and delete."""

    _api: ProjectApi

    @hides_arguments
    def list(
        self,
        *,
        period: Period | None = None,
        status: CallStatus | Iterable[CallStatus] | None = None,
        filters: Filters[CallField] = (),
        extend: Sequence[CallExtension] = (),
        sort: Sort[CallField] | None = ("date", "desc"),
        page_size: int = 1000,
        offset: int = 0,
        limit: int | None = None,
        prefetch: int = 4,
        on_bad_record: OnBadRecord = "raise",
    ) -> Pager[Call]:
        """List calls, the newest first.

            pager = roistat.calls.list(period=Period.last(days=7), status=CallStatus.ANSWER)
            async for call in pager: ...          # or pager.pages(), .first(), .collect()

        Nothing is requested before the pager is iterated. Calls that are added or deleted
        meanwhile can shift the rows, so that a call is missed: use `history` for every call of a
        period.

        * `period`: calls whose date is in it. `status`: one CallStatus, or several.
        * `filters`: further conditions (field, operator, value), all of which must match:
          `[("duration", ">", 60), ("caller", "like", "%1234")]`. With
          `{"or": [("status", "=", "BUSY"), ("duration", "<", 5)]}` one of them must match;
          this form cannot be combined with `period` or `status`. A list in a variable has the
          type `Filters[CallField]`.
        * Fields: id, callee, caller, date, duration, waiting_time, answer_duration, status, link,
          visit_id, order_id, static_source, comment, marker, script_name, google_client_id, tags.
        * Operators: < <= = != > >=, like (% stands for any text), in (with a list of values), null
          (with True or False). A date must have a time zone.
        * `extend`: parts to load with each call, "visit" and "order"; they are None otherwise.
        * `sort`: field and direction, `("date", "asc")`; None leaves the order to Roistat.
        * `page_size`: calls per request. `prefetch`: pages requested in advance.
        * `offset`: calls to skip. `limit`: the maximum number of calls.
        * `on_bad_record`: "skip" collects records that cannot be parsed in `pager.bad_records`;
          "raise" raises MalformedResponseError.

        Raises ConfigurationError for an unknown name, which Roistat would silently ignore.
        """
        query = list_query.build_query(
            fields=list_query.CALL_FIELDS,
            filters=list_query.call_filters(period=period, status=status, filters=filters),
            sort=sort,
            extend=extend,
        )
        skip_bad = parse_on_bad_record(on_bad_record)

        async def fetch(limit: int, offset: int) -> ApiResponse:
            body = list_query.with_page(query, limit=limit, offset=offset)
            return await self._api.read(_LIST, body)

        def decode(response: ApiResponse) -> RowBatch[Call]:
            return records.decode_list(response, Call, skip_bad=skip_bad)

        return Pager(
            fetch,
            decode,
            page_size=page_size,
            offset=offset,
            limit=limit,
            prefetch=prefetch,
            collect_table=_collect_table,
        )

    async def get(self, call: Call | str | int, *, extend: Sequence[CallExtension] = ()) -> Call:
        """Return a call by its id, or the present state of a call: `get(call, extend=("visit",))`.

        It is a list request, because Roistat has no method for one call. Raises NotFoundError if
        there is no call with this id.
        """
        call_id = call_id_of(call)
        record = await self.list(filters=[("id", "=", call_id)], extend=extend, page_size=1).first()
        if record is None:
            raise NotFoundError("not_listed", message=f"there is no call with the id {call_id}")
        if record.id != call_id:
            raise PagingError("Roistat ignored the filter by id; look for the call in `history`")
        return record

    def history(
        self,
        period: Period,
        *,
        extend: Sequence[CallExtension] = (),
        page_size: int = 1000,
        concurrency: int = 4,
        settle: timedelta = timedelta(seconds=120),
        resume_from: str | None = None,
        where: Where | None = None,
        on_bad_record: OnBadRecord = "raise",
    ) -> History:
        """Return every call of a period exactly once, in order of date.

            walk = roistat.calls.history(Period.last(days=30))
            async for call in walk: ...
            print(walk.report)                    # rows, requests, sealed_until, ...

        Calls that are added or deleted meanwhile cause no gap and no duplicate; a call whose date
        is edited meanwhile may be missed or returned twice (docs/history-walk.md). Roistat may
        still add calls dated within the last `settle` before the walk started. `report` counts
        them, and says up to when the history is complete.

        `where` is a function of a call: `where=lambda call: call.is_missed` returns the calls for
        which it is true. It is applied here, to every call of the period, so the history is as
        complete as without it, and costs as many requests; `report` counts all calls. Roistat must
        not filter: a call that changes during the walk could leave or enter the filter and be
        missed.

        `concurrency` is the number of requests at the same time. `resume_from` is the
        resume token of an earlier walk over the same period. The other arguments are those of
        `list`. Raises PagingError if the history cannot be proved complete.
        """
        skip_bad = parse_on_bad_record(on_bad_record)
        build_query = partial(
            list_query.build_query,
            fields=list_query.CALL_FIELDS,
            sort=("date", "asc"),
            extend=extend,
        )
        build_query(filters=())  # raises for an unknown `extend` before the walk starts

        async def fetch(query: PageQuery) -> RowBatch[Call]:
            body = build_query(filters=[("date", ">", query.after), ("date", "<", query.before)])
            page = list_query.with_page(body, limit=query.limit, offset=query.offset)
            response = await self._api.read(_LIST, page)
            await fair_yield()
            rows = records.decode_list(response, Call, skip_bad=skip_bad)
            return evolve(rows, answered_at=response.answered_at)

        return History(
            fetch,
            period,
            page_size=page_size,
            concurrency=concurrency,
            settle=settle,
            reduction_hint=list_query.reduction_hint,
            now=self._api.clock.utc_now,
            resume_from=resume_from,
            where=where,
            to_batches=_to_batches,
        )

    @hides_arguments
    async def create(self, draft: CallDraft, *, dedupe_token: bool = False) -> Call:
        """Create a call. The request is sent once and never retried after it was sent.

        Raises OutcomeUnknownError if the response was lost; `roistat.resolve(error, Call)` looks
        whether the call exists. `dedupe_token=True` appends a random token to the comment, so
        that `resolve` finds this call and no similar one.
        """
        call_writes.validate(draft)
        draft = call_writes.add_dedupe_token(draft) if dedupe_token else draft
        return await self._api.create(
            call_writes.CREATE,
            codec.unstructure(draft),
            partial(call_writes.decode_created, draft),
            partial(call_writes.find_created, draft, _list_period),
        )

    @hides_arguments
    async def update(
        self,
        call: Call | str | int,
        *,
        comment: str | Omitted | None = OMITTED,
        status: CallStatus | str | Omitted = OMITTED,
        duration: int | Omitted = OMITTED,
        answer_duration: int | Omitted = OMITTED,
        order_id: str | Omitted | None = OMITTED,
        link: str | Omitted | None = OMITTED,
    ) -> None:
        """Change a call: `update(call.id, comment="Call back")`. Other fields are not sent.

        Roistat does not document this method (docs/roistat-api-notes.md).
        """
        changes = call_writes.encode_changes(
            comment=comment,
            status=status,
            duration=duration,
            answer_duration=answer_duration,
            order_id=order_id,
            link=link,
        )
        update = self._api.update(_UPDATE, {"id": call_id_of(call), **changes})
        del comment, link, changes  # a traceback shows the local variables of this frame
        await update

    async def delete(self, calls: Iterable[Call | str | int]) -> None:
        """Delete calls for good: `delete([call.id])`.

        Roistat does not document this method (docs/roistat-api-notes.md).
        """
        ids = [int(call_id_of(call)) for call in require_iterable(calls, "calls")]
        if not ids:
            raise ConfigurationError("calls must not be empty")
        await self._api.delete(_DELETE, {"ids": ids})

    async def download_recording(
        self,
        call: Call | str | int,
        *,
        to: SaveTarget,
        progress: Progress | None = None,
        accept: Iterable[AudioFormat] = (),
        check: bool = True,
    ) -> Download:
        """Save the MP3 recording of a call as the file `to`, or as an object (`s3://bucket/1.mp3`).

        An existing file is replaced only by a complete one. `progress(received, total)` is called
        after each chunk with the bytes received so far and the bytes expected, None if unknown.
        `accept=["wav"]` also saves recordings of other formats. They get the ending of their
        format in place of `.mp3`, and the result has the path. `check=False` saves whatever a
        successful response holds, under the name `to`.
        Raises NoRecordingError, TruncatedError, ContentError or ChangedError.
        """
        request = recording_request(call_id_of(call), accept, check=check)
        return await save_file(self._api, request, to, progress)

    def recording(
        self,
        call: Call | str | int,
        *,
        start: int | None = None,
        end: int | None = None,
        if_range: str | None = None,
        accept: Iterable[AudioFormat] = (),
        check: bool = True,
    ) -> AbstractAsyncContextManager[Body]:
        """Open the MP3 recording of a call without saving it.

            async with roistat.calls.recording(call) as body:
                async for chunk in body: ...

        `body.length` is the size in bytes, None if unknown. `accept` and `check` are those of
        `download_recording`.

        `start` and `end` are offsets as in a slice: `start=1000` leaves the first 1,000 bytes
        out, `start=-1000` gives the last 1,000, and `end` is the offset behind the last byte.
        Where Roistat ignores ranges, the bytes around them are received and dropped. Where it
        states no size either, the recording is read into memory first. A range that Roistat itself
        cut out is not checked for its kind.
        `if_range` is the ETag of an earlier body: if the recording no longer has it, all of it is
        returned, and `body.content_range` is None. A service that passes a recording on uses
        `body.status` and `body.headers` (docs/web.md).

        Raises RangeNotSatisfiableError if the recording has no byte of the range.
        """
        if if_range is not None and strong_etag(if_range) is None:
            start = end = if_range = None  # it proves nothing, as a weak ETag or a date
        requested = RequestedRange(start=start, end=end, if_range=if_range)
        request = recording_request(call_id_of(call), accept, check=check)
        return open_body(self._api, request, requested)

    def download_recordings(
        self,
        calls: Iterable[Call | str | int] | AsyncIterable[Call | str | int],
        folder: str | os.PathLike[str] | ObjectFolder,
        *,
        template: str | None = None,
        tz: tzinfo = UTC,
        concurrency: int = 8,
        accept: Iterable[AudioFormat] = (),
        check: bool = True,
    ) -> bulk.BulkDownload:
        """Save recordings as `<call id>.mp3` in a folder; existing files cost no request.

        The folder may be in an object store: `s3://bucket/prefix` (docs/object-stores.md).
        `template` gives other paths, from the date in `tz`: "{year}/{month}/{day}/{call_id}.mp3".
        It needs Calls in place of ids; {hour} and {project} are fields as well.

            async for outcome in roistat.calls.download_recordings(calls, "recordings/"):
                print(outcome.call_id, outcome.status)

        Each outcome is yielded as soon as it is known. A failed recording does not stop the
        others, nor does an invalid id of an iterator; in a list it is refused at once. At most
        `concurrency` and `Limits.concurrency` recordings are loaded at once. `accept` and `check`
        are those of `download_recording`.
        To leave the loop early, use `async with roistat.calls.download_recordings(...) as outcomes`
        around it: leaving the block cancels what is under way.
        """
        require_int(concurrency, "concurrency")
        path_of = path_below(template, self._api.config, tz)
        check_calls(calls, path_of)
        limit = min(concurrency, self._api.config.limits.concurrency)
        formats = tuple(require_iterable(accept, "accept"))
        patient = Calls(self._api.waiting_for_limits())
        opened = open_folder(folder)
        objects = None if isinstance(opened, Path) else opened
        return bulk.download_all(
            calls,
            opened,
            save=partial(patient._save, accept=formats, check=check, objects=objects),
            id_of=call_id_of,
            path_of=path_of,
            now=self._api.clock.monotonic,
            has_subfolders=template is not None,
            kinds=accepted_kinds(formats),
            concurrency=limit,
        )

    async def export_xls(
        self,
        period: Period,
        *,
        to: str | os.PathLike[str],
        progress: Progress | None = None,
        check: bool = True,
    ) -> Download:
        """Save the calls of a period as an Excel 97-2003 file (.xls).

        `to`, `progress` and `check` are those of `download_recording`.
        """
        request = export_request(values.encode_period(period), check=check)
        return await save_file(self._api, request, to, progress)

    async def _save(
        self,
        call_id: str,
        target: Path,
        progress: Progress,
        *,
        accept: Iterable[AudioFormat],
        check: bool,
        objects: ObjectFolder | None,
    ) -> Download:
        request = recording_request(call_id, accept, check=check)
        return await FileDownload(self._api, request, target, progress, folder=objects).run()


async def _collect_table(pages: AsyncGenerator[Page[Call], None]) -> Any:
    from ..integrations.arrow import collect_table  # needs pyarrow

    return await collect_table(pages)


def _to_batches(pages: AsyncGenerator[Page[Call], None]) -> AsyncGenerator[Any, None]:
    from ..integrations.arrow import to_batches  # needs pyarrow

    return to_batches(pages)


def _list_period(api: ProjectApi, period: Period) -> Pager[Call]:
    return Calls(api).list(period=period, sort=("date", "asc"), on_bad_record="skip")
