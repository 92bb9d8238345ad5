"""Scripts: the rules by which numbers are substituted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from attrs import frozen

from ..api.project_api import ProjectApi, ambiguous
from ..errors import ConfigurationError
from ..models.omitted import OMITTED
from ..models.scripts import Script, ScriptDraft
from ..wire import codec, records, values
from ..wire.envelope import ApiResponse

_PATH = "project/calltracking/script"
_CLOCK_SKEW = timedelta(minutes=5)


@frozen(eq=False)
class Scripts:
    """Do what the vendor's page has under /project/calltracking/script."""

    _endpoint: ProjectApi

    async def create(self, draft: ScriptDraft) -> Script:
        """Create a script; sent once, never repeated after it left.

        Raises OutcomeUnknownError if no answer came; `roistat.resolve` looks whether it happened.
        """
        body = _checked(draft)
        if draft.options is OMITTED or not draft.options.replaceable_numbers:
            raise ConfigurationError("options.replaceable_numbers is needed (the page: required)")
        return await self._endpoint.create(
            f"{_PATH}/create", body, _created_script, partial(_look_for_script, draft)
        )

    async def list(self, *, is_deleted: bool | None = None) -> Sequence[Script]:
        """List all scripts: existing ones, deleted ones, or (None) what Roistat gives unasked."""
        body = (
            None
            if is_deleted is None
            else {"is_deleted": values.encode_bool(is_deleted, "is_deleted")}
        )
        return _scripts(await self._endpoint.read(f"{_PATH}/list", body))

    async def update(self, script_id: int, draft: ScriptDraft) -> None:
        """Change a script: only what the draft holds is sent, with the keys it was read with."""
        body = {"id": _id(script_id), **_checked(draft)}
        if len(body) == 1:
            raise ConfigurationError("the draft holds nothing to change")
        await self._endpoint.update(f"{_PATH}/update", body)

    async def delete(self, script_id: int) -> None:
        """Delete a script for good."""
        await self._endpoint.delete(f"{_PATH}/delete", {"id": _id(script_id)})


def _id(value: object) -> int:
    return int(values.validate_id(value, "script_id"))


def _checked(draft: ScriptDraft) -> dict[str, object]:
    if not isinstance(draft, ScriptDraft):
        raise ConfigurationError("give a ScriptDraft(name=..., options=ScriptOptions(...))")
    return codec.unstructure(draft)


def _created_script(answer: ApiResponse) -> Script:
    return records.decode_record(answer.data, Script)


def _scripts(answer: ApiResponse) -> Sequence[Script]:
    return records.decode_list(answer, Script, skip_bad=False).items


async def _look_for_script(
    draft: ScriptDraft, endpoint: ProjectApi, *, sent_at: datetime
) -> Script | None:
    """Find the one script of that name that is not older than the request."""
    name = None if draft.name is OMITTED else draft.name
    since = sent_at - _CLOCK_SKEW
    found = [
        script
        for script in await Scripts(endpoint).list()
        if script.name == name and script.creation_date and script.creation_date >= since
    ]
    if len(found) > 1:
        raise ambiguous(f"{_PATH}/create", found)
    return found[0] if found else None
