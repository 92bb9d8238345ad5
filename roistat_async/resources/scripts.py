"""Scripts of a project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from attrs import frozen

from ..api.project_api import ProjectApi, ambiguous
from ..errors import ConfigurationError, MalformedResponseError
from ..models.omitted import OMITTED
from ..models.page import RowBatch
from ..models.scripts import Script, ScriptDraft, ScriptOptions
from ..paging.odd_values import OddValues
from ..tracebacks import hides_arguments
from ..wire import codec, records, values
from ..wire.envelope import ApiResponse

CREATE = "project/calltracking/script/create"
_LIST = "project/calltracking/script/list"
_UPDATE = "project/calltracking/script/update"
_DELETE = "project/calltracking/script/delete"
_MAX_CLOCK_SKEW = timedelta(minutes=5)


@frozen(eq=False)
class Scripts:
    """Scripts of a project: the rules by which phone numbers are shown on a site."""

    _api: ProjectApi

    @hides_arguments
    async def create(self, draft: ScriptDraft) -> Script:
        """Create a script. The request is sent once and never retried after it was sent.

        Raises OutcomeUnknownError if the response was lost; `roistat.resolve(error, Script)`
        looks whether the script exists.
        """
        _validate(draft)
        options = draft.options
        if not isinstance(options, ScriptOptions) or not _has_numbers(options):
            raise ConfigurationError(
                "a new script needs options=ScriptOptions(replaceable_numbers=[...])"
            )
        lookup = partial(_find_created, draft, self._api.clock.utc_now())
        return await self._api.create(CREATE, codec.unstructure(draft), _decode_created, lookup)

    async def list(self, *, is_deleted: bool | None = None) -> Sequence[Script]:
        """List the scripts.

        `is_deleted=False` lists the existing scripts, True the deleted ones. None leaves the
        choice to Roistat.
        """
        body = None
        if is_deleted is not None:
            body = {"is_deleted": values.encode_bool(is_deleted, "is_deleted")}
        return (await _fetch(self._api, body, skip_bad=False)).items

    @hides_arguments
    async def update(self, script: Script | int, draft: ScriptDraft) -> None:
        """Change a script: `update(script.id, ScriptDraft(name="New name"))`.

        Only the fields that the draft sets are sent. `script.to_draft()` returns a draft of all
        fields, with the keys that this library does not know.
        """
        _validate(draft)
        if draft == ScriptDraft():
            raise ConfigurationError("the draft is empty: set at least one field to change")
        await self._api.update(_UPDATE, {"id": _id_of(script), **codec.unstructure(draft)})

    async def delete(self, script: Script | int) -> None:
        """Delete a script for good."""
        await self._api.delete(_DELETE, {"id": _id_of(script)})


def _id_of(script: Script | int) -> int:
    return int(values.validate_id(script.id if isinstance(script, Script) else script, "script"))


def _validate(draft: ScriptDraft) -> None:
    if not isinstance(draft, ScriptDraft):
        raise ConfigurationError("draft must be a ScriptDraft(name=..., options=...)")


def _has_numbers(options: ScriptOptions) -> bool:
    """Return whether a script can be created; a static one replaces no numbers on the site."""
    return options.calltracking_type == "static" or bool(options.replaceable_numbers)


def _decode_created(response: ApiResponse) -> Script:
    return records.decode_created(response, Script)[0]


async def _fetch(
    api: ProjectApi, body: Mapping[str, Any] | None, *, skip_bad: bool
) -> RowBatch[Script]:
    response = await api.read(_LIST, body)
    rows = records.decode_list(response, Script, skip_bad=skip_bad)
    if rows.total and not rows.row_count:
        raise MalformedResponseError(
            f"the response has no scripts, although its total is {rows.total}; try again later",
            path="$.data",
        )
    OddValues().add(rows.odd)
    return rows


async def _find_created(draft: ScriptDraft, sent_at: datetime, api: ProjectApi) -> Script | None:
    """Return the script with the draft's name that was created since the request, or None.

    A script whose name or date cannot be read may be the one that was created.
    """
    name = None if draft.name is OMITTED else draft.name
    since = sent_at - _MAX_CLOCK_SKEW
    batch = await _fetch(api, None, skip_bad=True)
    candidates = [
        script
        for script in batch.items
        if (script.name == name or "name" in script.extra)
        and (script.creation_date is None or script.creation_date >= since)
    ]
    if batch.bad or len(candidates) > 1:
        raise ambiguous(CREATE, [*candidates, *batch.bad])
    if candidates and (candidates[0].creation_date is None or candidates[0].name != name):
        raise ambiguous(CREATE, candidates)
    return candidates[0] if candidates else None
