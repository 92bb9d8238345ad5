"""Calls: the history, its recordings and its export."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from attrs import frozen

from ..api.project_api import ProjectApi
from ..downloads import bulk, files
from ..downloads.body import Body
from ..downloads.file_kind import FileKind
from ..errors import ConfigurationError
from ..models.calls import Call, CallDraft, CallStatus
from ..models.downloads import Download, DownloadOutcome
from ..models.omitted import OMITTED, Omitted
from ..models.page import RowBatch
from ..models.period import Period
from ..paging.history import History
from ..paging.pager import Pager
from ..validation import (
    OnBadRecord,
    parse_on_bad_record,
    require_int,
    require_iterable,
)
from ..wire import (
    codec,
    list_query,
    records,
    values,
)
from ..wire.envelope import ApiResponse
from . import call_creation, history

_LIST = "project/calltracking/call/list"
_EXPORT = "project/calltracking/call/xls/export"
_UPDATE = "project/calltracking/call/update"
_DELETE = "project/calltracking/call/delete"


@frozen(eq=False)
class Calls:
    """Do what the vendor's page has under /project/calltracking/call and /project/phone-call."""

    _endpoint: ProjectApi

    def list(
        self,
        *,
        filters: list_query.Filters = (),
        extend: Sequence[str] = (),
        sort: list_query.Sort | None = ("date", "desc"),
        page_size: int = 1000,
        offset: int = 0,
        limit: int | None = None,
        prefetch: int = 4,
        on_bad_record: OnBadRecord = "raise",
    ) -> Pager[Call]:
        """List calls; `filters` like [("date", ">", start)], `extend` of "visit" and "order".

        Raises ConfigurationError for a name Roistat would silently ignore. A list that changes
        meanwhile may shift under an offset: rows can be missed, not doubled.
        """
        request = list_query.build_query(
            fields=list_query.CALL_FIELDS, filters=filters, sort=sort, extend=extend
        )
        skip_bad = parse_on_bad_record(on_bad_record)

        async def fetch(size: int, place: int) -> ApiResponse:
            return await self._endpoint.read(
                _LIST, list_query.with_page(request, limit=size, offset=place)
            )

        def read(answer: ApiResponse) -> RowBatch[Call]:
            return records.decode_list(answer, Call, skip_bad=skip_bad)

        return Pager(
            fetch, read, page_size=page_size, offset=offset, limit=limit, prefetch=prefetch
        )

    def history(
        self,
        period: Period,
        *,
        extend: Sequence[str] = (),
        page_size: int = 1000,
        concurrency: int = 4,
        settle: timedelta = timedelta(seconds=120),
        resume_from: str | None = None,
        on_bad_record: OnBadRecord = "raise",
    ) -> History:
        """Walk every call of a period once, in order of date, whatever changes meanwhile.

        Calls of the last `settle` before the walk began may be incomplete: `report` tells how many
        (`provisional`), and up to when all is proved (`sealed_until`). Raises PagingError.
        """
        return history.walk(
            self._endpoint,
            _LIST,
            period,
            extend=extend,
            page_size=page_size,
            concurrency=concurrency,
            settle=settle,
            resume_from=resume_from,
            on_bad_record=on_bad_record,
        )

    async def create(self, draft: CallDraft, *, dedupe_token: bool = False) -> Call:
        """Record a call (POST /project/phone-call); sent once, never repeated after it left.

        Raises OutcomeUnknownError if no answer came; `roistat.resolve` looks whether it happened.
        A `dedupe_token` is added to the comment, so that it finds this call and no twin of it.
        """
        call_creation.validate(draft)
        draft = call_creation.add_dedupe_token(draft) if dedupe_token else draft
        return await self._endpoint.create(
            call_creation.PATH,
            codec.unstructure(draft),
            call_creation.parse_created,
            partial(call_creation.find_created, draft, _find),
        )

    async def update(
        self,
        call_id: str | int,
        *,
        comment: str | Omitted | None = OMITTED,
        status: CallStatus | str | Omitted = OMITTED,
        duration: int | Omitted = OMITTED,
        answer_duration: int | Omitted = OMITTED,
        order_id: str | Omitted | None = OMITTED,
        link: str | Omitted | None = OMITTED,
    ) -> None:
        """Change a call. Not on the vendor's page: known from other clients (facts §6)."""
        body = {
            "comment": comment,
            "status": status,
            "duration": duration,
            "answer_duration": answer_duration,
            "order_id": order_id,
            "link": link,
        }
        call_creation.validate_fields(body)
        given = {
            name: values.encode_scalar(value, name)
            for name, value in body.items()
            if not isinstance(value, Omitted)
        }
        if not given:
            raise ConfigurationError("name at least one field to change")
        given = {"id": values.validate_id(call_id, "call_id"), **given}
        await self._endpoint.update(_UPDATE, given)

    async def delete(self, ids: Iterable[str | int]) -> None:
        """Delete calls. Not on the vendor's page: known from one other client (facts §6)."""
        checked = [values.validate_id(one, "ids") for one in require_iterable(ids, "ids")]
        if not checked:
            raise ConfigurationError("ids must not be empty")
        await self._endpoint.delete(_DELETE, {"ids": checked})

    async def download_recording(
        self,
        call_id: Call | str | int,
        *,
        to: str | os.PathLike[str],
        progress: files.Progress | None = None,
    ) -> Download:
        """Save a call's MP3 as `to`, replacing it only with a whole one.

        `progress(bytes so far, bytes expected or None)`. Raises NoRecordingError,
        TruncatedError, ContentError; or what Roistat said instead.
        """
        return await files.save(self._endpoint, _recording(call_id_of(call_id)), to, progress)

    def recording(self, call_id: Call | str | int) -> AbstractAsyncContextManager[Body]:
        """Open a call's MP3 without a file: `async with ... as body: async for chunk in body`."""
        return files.open_body(self._endpoint, _recording(call_id_of(call_id)))

    def download_recordings(
        self,
        ids: Iterable[Call | str | int] | AsyncIterable[Call | str | int],
        folder: str | os.PathLike[str],
        *,
        concurrency: int = 8,
    ) -> AsyncGenerator[DownloadOutcome, None]:
        """Save the recordings of calls or ids as `<call id>.mp3`; files that exist cost no request.

        Gives an outcome for each id as it comes; one that fails does not stop the others. At most
        `concurrency` and `Limits.concurrency` are under way.
        """
        require_int(concurrency, "concurrency")
        if not isinstance(ids, AsyncIterable):
            require_iterable(ids, "ids")
        if isinstance(ids, Sequence):  # checked before any I/O where they can be
            for one in ids:
                call_id_of(one)
        limit = min(concurrency, self._endpoint.config.limits.concurrency)
        return bulk.download_all(ids, folder, save=self._save, id_of=call_id_of, concurrency=limit)

    async def export_xls(
        self,
        period: Period,
        *,
        to: str | os.PathLike[str],
        progress: files.Progress | None = None,
    ) -> Download:
        """Save the call history of a period as an Excel 97-2003 sheet."""
        asked = files.FileRequest(_EXPORT, values.encode_period(period), FileKind.XLS)
        return await files.save(self._endpoint, asked, to, progress)

    async def _save(self, call_id: str, target: Path) -> Download:
        asked = _recording(call_id, is_bulk=True)
        return await files.save_checked(self._endpoint, asked, target)


def call_id_of(call: Call | str | int) -> str:
    """Give the checked id of a call: it is about to be part of a path and of a file name."""
    return values.validate_id(call.id if isinstance(call, Call) else call, "a call's id")


def _recording(call_id: str, **options: Any) -> files.FileRequest:
    path = f"project/calltracking/call/{call_id}/file"
    return files.FileRequest(path, None, FileKind.MP3, **options)


def _find(endpoint: ProjectApi, filters: list_query.Filters) -> Pager[Call]:
    return Calls(endpoint).list(filters=filters, sort=("date", "asc"), on_bad_record="skip")
