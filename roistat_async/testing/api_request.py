"""What a method is asked: its project and its arguments."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from attrs import frozen

from .api_errors import FakeApiError
from .dates import DAY, read_date
from .filters import DATE_FIELDS, Filter, read_filters
from .project import FakeProject
from .quirks import Quirks

_INTEGER = re.compile(r"-?[0-9]+", re.ASCII)


@frozen
class ApiRequest:
    """One request that passed the door."""

    project: FakeProject
    args: dict[str, Any]
    method: str
    headers: Mapping[str, str]

    @property
    def quirks(self) -> Quirks:
        """The quirks of the moment."""
        return self.project.quirks

    def required(self, name: str) -> Any:
        """Return an argument, or refuse as Roistat does when one is missing."""
        if self.args.get(name) is None:
            raise FakeApiError("incorrect_request", f"Required argument {name} is missing")
        return self.args[name]

    def period_argument(self) -> tuple[float, float]:
        """Return the first and last second of the period asked for."""
        period = self.required("period")
        names = ("from", "to") if isinstance(period, dict) else ()
        edges = [read_date(period.get(name)) for name in names]
        if len(edges) != 2 or edges[0] is None or edges[1] is None or edges[0] > edges[1]:
            raise FakeApiError("incorrect_request", "Argument period is not a valid date interval")
        check_period(edges[0], edges[1], self.quirks)
        return edges[0], edges[1]

    def integer_argument(self, name: str, default: int | None) -> int | None:
        """Return a number that may come as text."""
        value = integer(self.args.get(name, default))
        if value is None and self.args.get(name) is not None:
            raise FakeApiError("incorrect_request", f"Argument {name} is invalid")
        return default if value is None else value


@frozen
class ListArguments:
    """The words of a list method, read."""

    criteria: Filter
    sort: str
    descending: bool
    limit: int | None
    offset: int


def integer(value: object) -> int | None:
    """Read 12 or "12"."""
    if isinstance(value, int):
        return int(value)
    return int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else None


def check_period(start: float | None, end: float | None, quirks: Quirks) -> None:
    """Refuse a period longer than the quirk allows; an open one is too long."""
    if quirks.max_period_days is None:
        return
    if start is None or end is None or end - start > quirks.max_period_days * DAY:
        raise FakeApiError("incorrect_request", "Too much data. Try smaller period")


def read_listing(request: ApiRequest, known: Collection[str], default: str) -> ListArguments:
    """Read filters, sort, limit and offset; what is unknown is ignored, as Roistat does."""
    quirks = request.quirks
    sort, descending = _sort(request, known, default)
    offset = request.integer_argument("offset", 0) or 0
    if offset < 0:
        raise FakeApiError("incorrect_request", "Argument offset is invalid")
    return ListArguments(
        read_filters(request.args.get("filters"), known, quirks),
        sort,
        descending or quirks.descending_only,
        _limit(request),
        0 if quirks.ignore_offset else offset,
    )


def _sort(request: ApiRequest, known: Collection[str], default: str) -> tuple[str, bool]:
    sort = request.args.get("sort")
    if not sort or request.quirks.ignore_sort:
        return default, True
    if not isinstance(sort, list) or not all(isinstance(word, str) for word in sort):
        raise FakeApiError("incorrect_request", "Argument sort is invalid")
    if sort[0] not in known:
        return default, True
    return sort[0], len(sort) > 1 and sort[1].lower() == "desc"


def _limit(request: ApiRequest) -> int | None:
    quirks = request.quirks
    limit = request.integer_argument("limit", quirks.default_limit)
    if limit is None:
        return quirks.max_limit
    if limit < 0 or (quirks.refuse_limit_above is not None and limit > quirks.refuse_limit_above):
        raise FakeApiError("incorrect_request", "Argument limit is invalid")
    return limit if quirks.max_limit is None else min(limit, quirks.max_limit)


def sort_key(value: object, field: str) -> tuple[int, float, str]:
    """Order anything: nothing first, then numbers, then texts."""
    number = read_date(value) if field in DATE_FIELDS else None
    number = integer(value) if number is None else number
    if number is not None:
        return 1, number, ""
    return (0, 0, "") if value is None else (2, 0, str(value))
