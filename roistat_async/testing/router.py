"""Router: authenticates a request, counts it against the limits and calls its handler."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from . import (
    analytics_handler,
    call_handlers,
    phone_handlers,
    script_handlers,
    xls,
)
from .api_errors import FakeApiError, error_response
from .api_request import ApiRequest
from .clocks import limit_time
from .project import FakeProject
from .recorded_request import RecordedRequest
from .responses import FakeResponse, success
from .server_state import ServerState

Method = Callable[[ApiRequest], FakeResponse]
PREFIX = "/api/v1/"
_BRACKETS = re.compile(r"(\w+)\[(\w+)\]")
_RECORDING = re.compile(r"project/calltracking/call/([^/]+)/file")
_METHODS: dict[str, Method] = {
    "project/phone-call": call_handlers.create_call,
    "project/calltracking/data": analytics_handler.report,
    "project/calltracking/call/list": call_handlers.list_calls,
    "project/calltracking/call/update": call_handlers.update_call,
    "project/calltracking/call/delete": call_handlers.delete_calls,
    "project/calltracking/call/xls/export": xls.export,
    "project/calltracking/phone/list": phone_handlers.list_phones,
    "project/calltracking/phone/create": phone_handlers.create_phones,
    "project/calltracking/phone/update": phone_handlers.update_phone,
    "project/calltracking/phone/delete": phone_handlers.delete_phones,
    "project/calltracking/phone/buy": phone_handlers.buy_phones,
    "project/calltracking/phone/prefix/list": phone_handlers.list_prefixes,
    "project/calltracking/script/list": script_handlers.list_scripts,
    "project/calltracking/script/create": script_handlers.create_script,
    "project/calltracking/script/update": script_handlers.update_script,
    "project/calltracking/script/delete": script_handlers.delete_script,
}
# The vendor's page says "GET or POST" for these; about /list the vendor says so in general.
_BY_GET = frozenset({"project/calltracking/data", "project/calltracking/call/xls/export"})


def dispatch(state: ServerState, request: RecordedRequest) -> FakeResponse:
    """Carry one request out and return the response as Roistat would."""
    try:
        return _answer(state, request)
    except FakeApiError as no:
        real = request.headers.get("Use-Http-Code") == "1"
        limited = no.code == "request_limit_error" and state.quirks.retry_after is not None
        headers = {"Retry-After": str(state.quirks.retry_after)} if limited else {}
        return error_response(no.code, no.description, use_http_code=real, headers=headers)


def _answer(state: ServerState, request: RecordedRequest) -> FakeResponse:
    path = request.path.removeprefix(PREFIX)
    if (request.headers.get("Api-key") or request.query.get("key")) != state.api_key:
        raise FakeApiError("authentication_failed")
    if path == "user/projects":
        return _projects(state)
    project = _project(state, request)
    with project.lock:
        # The limiter refuses before anything is touched, so a refused write did not happen.
        now = limit_time(state.clock, request.at)
        if not project.windows.admits(now, state.quirks):
            raise FakeApiError("request_limit_error")
        method, path_arguments = _method(path, request.method)
        return method(
            ApiRequest(
                project, _arguments(request) | path_arguments, request.method, request.headers
            )
        )


def _projects(state: ServerState) -> FakeResponse:
    rows = [
        {
            "id": project.number,
            "name": project.name,
            "profit": None,
            "creation_date": project.created,
            "currency": "RUB",
            "is_owner": 1,
        }
        for project in state.projects.values()
    ]
    return success(projects=rows)


def _project(state: ServerState, request: RecordedRequest) -> FakeProject:
    if "project" not in request.query:
        raise FakeApiError("incorrect_request", "Required argument project is missing")
    project = None if request.project is None else state.projects.get(request.project)
    if project is None:
        raise FakeApiError(state.quirks.wrong_project)
    return project


def _method(path: str, verb: str) -> tuple[Method, dict[str, str]]:
    recording = _RECORDING.fullmatch(path)
    if recording and verb in {"GET", "POST"}:
        return call_handlers.download, {"call_id": recording[1]}
    method = _METHODS.get(path)
    by_get = path.endswith("/list") or path in _BY_GET
    # How Roistat responds to GET where only POST is documented is unknown: a missing method fits.
    if method is None or not (verb == "POST" or (verb == "GET" and by_get)):
        raise FakeApiError("resource_not_found")
    return method, {}


def _arguments(request: RecordedRequest) -> dict[str, Any]:
    if isinstance(request.body, dict):
        return dict(request.body)
    if request.raw and request.body is None:
        raise FakeApiError("incorrect_request", "Request body is not valid JSON")
    return _from_query(request.query) if request.method == "GET" else {}


def _from_query(query: Mapping[str, str]) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    for name, value in query.items():
        nested = _BRACKETS.fullmatch(name)
        if nested:
            arguments.setdefault(nested[1], {})[nested[2]] = value
        elif name not in {"key", "project"}:
            arguments[name] = value
    return arguments
