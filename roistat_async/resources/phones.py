"""Phone numbers of a project."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Literal

from attrs import field, frozen

from ..api.project_api import ProjectApi, ambiguous
from ..errors import ConfigurationError
from ..models.masking import mask_phones
from ..models.omitted import OMITTED, Omitted
from ..models.page import RowBatch
from ..models.period import check_aware
from ..models.phones import Phone, PhonePrefix
from ..paging.pager import Pager
from ..tracebacks import hides_arguments
from ..validation import OnBadRecord, parse_on_bad_record, require_int, require_iterable
from ..wire import list_query, records, values
from ..wire.envelope import ApiResponse
from ..wire.list_query import Filters, PhoneField, Sort

CREATE = "project/calltracking/phone/create"
_LIST = "project/calltracking/phone/list"
_UPDATE = "project/calltracking/phone/update"
_DELETE = "project/calltracking/phone/delete"
_LIST_PREFIXES = "project/calltracking/phone/prefix/list"
_BUY = "project/calltracking/phone/buy"


@frozen
class _MaskedNumbers:
    """Phone numbers that are masked when a traceback shows local variables."""

    numbers: Sequence[str] = field(repr=mask_phones)


@frozen(eq=False)
class Phones:
    """Phone numbers of a project: those bought from Roistat and those connected to it."""

    _api: ProjectApi

    @hides_arguments
    def list(
        self,
        *,
        filters: Filters[PhoneField] = (),
        sort: Sort[PhoneField] | None = ("id", "asc"),
        page_size: int = 1000,
        offset: int = 0,
        limit: int | None = None,
        prefetch: int = 4,
        on_bad_record: OnBadRecord = "raise",
    ) -> Pager[Phone]:
        """List phone numbers. The API key needs the owner's or read and write rights.

            async for phone in roistat.phones.list(filters=[("script_id", "=", 11)]): ...

        `filters` and the other arguments are those of `calls.list`, with the fields of a phone:
        id, phone, prefix, script_id, is_external, last_use_date, call_count, creation_date.
        """
        query = list_query.build_query(fields=list_query.PHONE_FIELDS, filters=filters, sort=sort)
        skip_bad = parse_on_bad_record(on_bad_record)

        async def fetch(limit: int, offset: int) -> ApiResponse:
            body = list_query.with_page(query, limit=limit, offset=offset)
            return await self._api.read(_LIST, body)

        def decode(response: ApiResponse) -> RowBatch[Phone]:
            return records.decode_list(response, Phone, skip_bad=skip_bad)

        return Pager(
            fetch, decode, page_size=page_size, offset=offset, limit=limit, prefetch=prefetch
        )

    @hides_arguments
    async def create(self, numbers: Iterable[str]) -> Sequence[Phone]:
        """Connect numbers that were bought from another operator: `create(["74997654321"])`.

        The numbers belong to no script yet. The request is sent once and never retried after it
        was sent. Raises OutcomeUnknownError if the response was lost;
        `roistat.resolve(error, Phone)` looks whether the numbers exist.
        """
        masked = _MaskedNumbers(
            [
                values.validate_phone(number, "each of numbers")
                for number in require_iterable(numbers, "numbers")
            ]
        )
        del numbers  # the traceback of an error shows the local variables of this frame
        if not masked.numbers:
            raise ConfigurationError("numbers must not be empty")
        return await self._api.create(
            CREATE, {"phones": masked.numbers}, _decode_created, partial(_find_created, masked)
        )

    async def update(
        self,
        phone: Phone | int,
        *,
        script_id: int,
        last_use_date: datetime | Omitted = OMITTED,
    ) -> None:
        """Assign a phone number to a script: `update(phone.id, script_id=script.id)`."""
        body: dict[str, Any] = {
            "id": _id_of(phone, "phone"),
            "script_id": int(values.validate_id(script_id, "script_id")),
        }
        if not isinstance(last_use_date, Omitted):
            check_aware(last_use_date, "last_use_date")
            body["last_use_date"] = values.format_datetime_ms(last_use_date)
        await self._api.update(_UPDATE, body)

    async def delete(self, phones: Iterable[Phone | int]) -> None:
        """Disconnect phone numbers for good: `delete([4, 5])`."""
        ids = [_id_of(phone, "each of phones") for phone in require_iterable(phones, "phones")]
        if not ids:
            raise ConfigurationError("phones must not be empty")
        await self._api.delete(_DELETE, {"phones": ids})

    async def list_prefixes(self) -> Sequence[PhonePrefix]:
        """List the prefixes under which Roistat sells numbers.

        Roistat does not document this method (docs/roistat-api-notes.md).
        """
        response = await self._api.read(_LIST_PREFIXES)
        return records.decode_plain_list(response.data, PhonePrefix)

    async def buy(self, *, prefix: str, count: int, spend_money: Literal[True]) -> Sequence[Phone]:
        """Buy phone numbers. This spends the project's money, so `spend_money=True` is required.

        Roistat does not document this method (docs/roistat-api-notes.md). The request is sent
        once. After an OutcomeUnknownError check `phones.list()`: `resolve` cannot tell the new
        numbers from the others.
        """
        if spend_money is not True:
            raise ConfigurationError("buying numbers spends money: pass spend_money=True")
        body = {
            "prefix": values.validate_phone(prefix, "prefix"),
            "count": require_int(count, "count"),
        }
        return await self._api.create(_BUY, body, _decode_created)


def _id_of(phone: Phone | int, name: str) -> int:
    return int(values.validate_id(phone.id if isinstance(phone, Phone) else phone, name))


def _decode_created(response: ApiResponse) -> Sequence[Phone]:
    return [] if bytes(response.data) == b"[]" else records.decode_created(response, Phone)


async def _find_created(masked: _MaskedNumbers, api: ProjectApi) -> Sequence[Phone] | None:
    """Return the phones with these numbers in order, or None unless all of them exist."""
    pager = Phones(api).list(on_bad_record="skip")
    phones = [phone async for phone in pager if phone.phone in (None, *masked.numbers)]
    created = {phone.phone: phone for phone in phones}
    if created.keys() >= set(masked.numbers):
        return [created[number] for number in masked.numbers]
    if None in created or pager.bad_records:
        raise ambiguous(CREATE, [*phones, *pager.bad_records])
    return None
