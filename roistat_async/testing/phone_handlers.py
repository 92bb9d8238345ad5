"""The methods on phones."""

from __future__ import annotations

import re
from typing import Any

from . import sample_data
from .api_errors import FakeApiError
from .api_request import (
    ApiRequest,
    integer,
    read_listing,
    sort_key,
)
from .call_handlers import with_total
from .responses import (
    FakeResponse,
    Row,
    success,
    to_json,
)
from .script_rows import answered, find_script

_FIELDS = frozenset(
    {
        "id",
        "phone",
        "prefix",
        "script_id",
        "is_external",
        "last_use_date",
        "call_count",
        "creation_date",
    }
)
_DIGITS = re.compile(r"[0-9]{10,15}", re.ASCII)


def list_phones(request: ApiRequest) -> FakeResponse:
    """Answer phone/list."""
    arguments = read_listing(request, _FIELDS, "id")
    rows = [row for row in request.project.phones if arguments.criteria.matches(row.get)]
    rows.sort(
        key=lambda row: sort_key(row.get(arguments.sort), arguments.sort),
        reverse=arguments.descending,
    )
    end = None if arguments.limit is None else arguments.offset + arguments.limit
    page = [to_json(_answered(request, row)) for row in rows[arguments.offset : end]]
    return with_total(request, b",".join(page), len(page), len(rows))


def create_phones(request: ApiRequest) -> FakeResponse:
    """Answer phone/create: all of the numbers, or none."""
    numbers = request.required("phones")
    if not isinstance(numbers, list) or not numbers or not all(map(_is_phone, numbers)):
        raise FakeApiError("request_data_validation_error", "Invalid: phones")
    known = {row["phone"] for row in request.project.phones}
    if len(set(numbers)) < len(numbers) or known & set(numbers):
        raise FakeApiError("resource_already_exists")
    return _added(request, [(digits, None) for digits in numbers])


def buy_phones(request: ApiRequest) -> FakeResponse:
    """Answer phone/buy, which only other clients document."""
    prefix, count = str(request.required("prefix")), integer(request.required("count"))
    if all(prefix != known["system_name"] for known in sample_data.PREFIXES):
        raise FakeApiError("resource_not_found")
    if count is None or not 0 < count <= 100:
        raise FakeApiError("request_data_validation_error", "Invalid: count")
    first = request.project.next_id(request.project.phones)
    # 000 after the code: numbers nobody can have.
    return _added(request, [(f"{prefix}000{first + n:04}", prefix) for n in range(count)])


def list_prefixes(request: ApiRequest) -> FakeResponse:
    """Answer phone/prefix/list, which only other clients document."""
    return success(data=list(sample_data.PREFIXES), total=len(sample_data.PREFIXES))


def update_phone(request: ApiRequest) -> FakeResponse:
    """Answer phone/update: put a number into a script."""
    phone = _find(request, request.required("id"))
    script_id = integer(request.required("script_id"))
    if find_script(request.project, script_id) is None:
        raise FakeApiError("resource_not_found")
    phone["script_id"] = script_id
    if "last_use_date" in request.args:
        phone["last_use_date"] = request.args["last_use_date"]
    return success()


def delete_phones(request: ApiRequest) -> FakeResponse:
    """Answer phone/delete: all of the ids, or none."""
    ids = request.required("phones")
    if not isinstance(ids, list) or not ids:
        raise FakeApiError("request_data_validation_error", "Invalid: phones")
    deleted = {_find(request, phone_id)["id"] for phone_id in ids}
    request.project.phones[:] = [row for row in request.project.phones if row["id"] not in deleted]
    return success()


def _is_phone(value: object) -> bool:
    return isinstance(value, str) and _DIGITS.fullmatch(value) is not None


def _find(request: ApiRequest, phone_id: object) -> Row:
    for row in request.project.phones:
        if row["id"] == integer(phone_id):
            return row
    raise FakeApiError("resource_not_found")


def _added(request: ApiRequest, numbers: list[tuple[str, str | None]]) -> FakeResponse:
    project, rows = request.project, []
    for digits, prefix in numbers:
        row = sample_data.phone(project.next_id(project.phones), digits, None, project.now())
        row |= {"prefix": prefix, "is_external": int(prefix is None)}
        project.phones.append(row)
        rows.append(_answered(request, row))
    return success(data=rows, total=len(rows))


def _answered(request: ApiRequest, row: Row) -> dict[str, Any]:
    script = find_script(request.project, row.get("script_id"))
    shown = row | {"script": None if script is None else answered(script)}
    if request.quirks.script_id_as_string and row.get("script_id") is not None:
        shown["script_id"] = str(row["script_id"])
    return shown
