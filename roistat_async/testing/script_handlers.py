"""The methods on scripts."""

from __future__ import annotations

from .api_errors import FakeApiError
from .api_request import ApiRequest, integer
from .call_handlers import with_total
from .responses import (
    FakeResponse,
    Row,
    success,
    to_json,
)
from .script_rows import (
    answered,
    blank,
    check,
    find_script,
    kept,
    merge,
)

_SETTABLE = ("name", "is_enabled", "creation_date", "options", "integration")


def list_scripts(asked: ApiRequest) -> FakeResponse:
    """Answer script/list."""
    project, deleted = asked.project, integer(asked.args.get("is_deleted"))
    rows = [] if deleted == 1 else list(project.scripts)
    if deleted == 1 or (deleted is None and asked.quirks.scripts_listed == "all"):
        rows += project.deleted_scripts
    body = b",".join(to_json(answered(row)) for row in rows)
    return with_total(asked, body, len(rows), len(rows))


def create_script(asked: ApiRequest) -> FakeResponse:
    """Answer script/create."""
    sent = _sent(asked)
    options = sent.get("options")
    numbers = options.get("replaceable_numbers") if isinstance(options, dict) else None
    if asked.quirks.replaceable_numbers_required and not numbers:
        raise FakeApiError("request_data_validation_error", "Invalid: replaceable_numbers")
    project = asked.project
    number = project.next_id([*project.scripts, *project.deleted_scripts])
    script = blank(number, project.now())
    # The page sends one creation date and is answered another: the time of the request.
    merge(script, {name: value for name, value in sent.items() if name != "creation_date"})
    project.scripts.append(script)
    return success(data=_just_created(script), total=1)


def update_script(asked: ApiRequest) -> FakeResponse:
    """Answer script/update."""
    script = _find(asked)
    merge(script, _sent(asked))
    return success()


def delete_script(asked: ApiRequest) -> FakeResponse:
    """Answer script/delete; its phones stay, without a script."""
    script = _find(asked)
    asked.project.scripts.remove(script)
    asked.project.deleted_scripts.append(script)
    for phone in asked.project.phones:
        if phone["script_id"] == script["id"]:
            phone["script_id"] = None
    return success()


def _sent(asked: ApiRequest) -> Row:
    sent = {name: asked.args[name] for name in _SETTABLE if name in asked.args}
    check(sent)
    return kept(sent)


def _find(asked: ApiRequest) -> Row:
    script = find_script(asked.project, integer(asked.required("id")))
    if script is None:
        raise FakeApiError("resource_not_found")
    return script


def _just_created(script: Row) -> Row:
    # The create answer has the lead flag as a number, the list as text.
    integration = dict(script["integration"])
    integration["is_lead_auto_create"] = integer(integration["is_lead_auto_create"])
    return answered(script) | {"integration": integration}
