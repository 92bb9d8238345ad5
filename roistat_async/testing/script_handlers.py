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
    merge,
    stored_script,
)

_SETTABLE = ("name", "is_enabled", "creation_date", "options", "integration")


def list_scripts(request: ApiRequest) -> FakeResponse:
    """Answer script/list."""
    project, deleted = request.project, integer(request.args.get("is_deleted"))
    rows = [] if deleted == 1 else list(project.scripts)
    if deleted == 1 or (deleted is None and request.quirks.scripts_listed == "all"):
        rows += project.deleted_scripts
    body = b",".join(to_json(answered(row)) for row in rows)
    return with_total(request, body, len(rows), len(rows))


def create_script(request: ApiRequest) -> FakeResponse:
    """Answer script/create."""
    sent = _sent(request)
    options = sent.get("options")
    numbers = options.get("replaceable_numbers") if isinstance(options, dict) else None
    is_static = isinstance(options, dict) and options.get("calltracking_type") == "static"
    if request.quirks.replaceable_numbers_required and not (numbers or is_static):
        raise FakeApiError("request_data_validation_error", "Invalid: replaceable_numbers")
    project = request.project
    number = project.next_id([*project.scripts, *project.deleted_scripts])
    script = blank(number, project.now())
    # The vendor's page sends one creation date and is answered another: the time of the request.
    merge(script, {name: value for name, value in sent.items() if name != "creation_date"})
    project.scripts.append(script)
    return success(data=_just_created(script), total=1)


def update_script(request: ApiRequest) -> FakeResponse:
    """Answer script/update."""
    script = _find(request)
    merge(script, _sent(request))
    return success()


def delete_script(request: ApiRequest) -> FakeResponse:
    """Answer script/delete; its phones stay, without a script."""
    script = _find(request)
    request.project.scripts.remove(script)
    request.project.deleted_scripts.append(script)
    for phone in request.project.phones:
        if phone["script_id"] == script["id"]:
            phone["script_id"] = None
    return success()


def _sent(request: ApiRequest) -> Row:
    sent = {name: request.args[name] for name in _SETTABLE if name in request.args}
    check(sent)
    return stored_script(sent)


def _find(request: ApiRequest) -> Row:
    script = find_script(request.project, integer(request.required("id")))
    if script is None:
        raise FakeApiError("resource_not_found")
    return script


def _just_created(script: Row) -> Row:
    # The create response has the lead flag as a number, the list as text.
    integration = dict(script["integration"])
    integration["is_lead_auto_create"] = integer(integration["is_lead_auto_create"])
    return answered(script) | {"integration": integration}
