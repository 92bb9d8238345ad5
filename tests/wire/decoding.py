"""Pages of records, decoded as the library does."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from roistat_async import Call
from roistat_async.models.page import RowBatch
from roistat_async.wire import records
from roistat_async.wire.envelope import ApiResponse


def raw(value: Any) -> msgspec.Raw:
    """Return the JSON of a value."""
    return msgspec.Raw(json.dumps(value).encode())


def decode_page(data: Any, model: type[Any] = Call, *, skip_bad: bool = True) -> RowBatch[Any]:
    """Decode the records of a page, given as objects or as JSON, whose total is 7."""
    page = data if isinstance(data, msgspec.Raw) else raw(data)
    return records.decode_list(ApiResponse(page, 7, msgspec.Raw()), model, skip_bad=skip_bad)
