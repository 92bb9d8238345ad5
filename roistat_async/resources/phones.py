"""Phone numbers of the project."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Literal

from attrs import field, frozen

from .. import validation
from ..api.project_api import ProjectApi
from ..errors import ConfigurationError
from ..models.masking import mask_phones
from ..models.omitted import OMITTED, Omitted
from ..models.page import RowBatch
from ..models.period import check_aware
from ..models.phones import Phone, PhonePrefix
from ..paging.pager import Pager
from ..validation import OnBadRecord, parse_on_bad_record, require_iterable
from ..wire import list_query, records, values
from ..wire.envelope import ApiResponse

_PATH = "project/calltracking/phone"


@frozen
class _MaskedNumbers:
    """Be the numbers to connect, masked wherever a frame or a partial is printed."""

    numbers: Sequence[str] = field(repr=mask_phones)


@frozen(eq=False)
class Phones:
    """Do what the vendor's page has under /project/calltracking/phone."""

    _endpoint: ProjectApi

    def list(
        self,
        *,
        filters: list_query.Filters = (),
        sort: list_query.Sort | None = ("id", "asc"),
        page_size: int = 1000,
        offset: int = 0,
        limit: int | None = None,
        prefetch: int = 4,
        on_bad_record: OnBadRecord = "raise",
    ) -> Pager[Phone]:
        """List numbers; needs the project's owner or read and write rights.

        Raises ConfigurationError for a name Roistat would silently ignore.
        """
        request = list_query.build_query(fields=list_query.PHONE_FIELDS, filters=filters, sort=sort)
        skip_bad = parse_on_bad_record(on_bad_record)

        async def fetch(size: int, place: int) -> ApiResponse:
            body = list_query.with_page(request, limit=size, offset=place)
            return await self._endpoint.read(f"{_PATH}/list", body)

        def read(answer: ApiResponse) -> RowBatch[Phone]:
            return records.decode_list(answer, Phone, skip_bad=skip_bad)

        return Pager(
            fetch, read, page_size=page_size, offset=offset, limit=limit, prefetch=prefetch
        )

    async def create(self, phones: Iterable[str]) -> Sequence[Phone]:
        """Connect numbers bought elsewhere; they belong to no script yet. Sent once.

        Raises OutcomeUnknownError if no answer came; `roistat.resolve` looks whether it happened.
        """
        wanted = _MaskedNumbers(
            [
                values.validate_phone(one, "each of phones")
                for one in require_iterable(phones, "phones")
            ]
        )
        del phones  # an error's traceback shows what the frames it passed still hold
        if not wanted.numbers:
            raise ConfigurationError("phones must not be empty")
        return await self._endpoint.create(
            f"{_PATH}/create",
            {"phones": wanted.numbers},
            _phones,
            partial(_find_phones, wanted),
        )

    async def update(
        self,
        id: int,
        *,
        script_id: int,
        last_use_date: datetime | Omitted = OMITTED,
    ) -> None:
        """Put a number into a script."""
        body: dict[str, Any] = {
            "id": int(values.validate_id(id, "id")),
            "script_id": int(values.validate_id(script_id, "script_id")),
        }
        if not isinstance(last_use_date, Omitted):
            check_aware(last_use_date, "last_use_date")
            body["last_use_date"] = values.format_datetime_ms(last_use_date)
        await self._endpoint.update(f"{_PATH}/update", body)

    async def delete(self, ids: Iterable[int]) -> None:
        """Disconnect numbers, by their ids, for good."""
        checked = [
            int(values.validate_id(one, "each of ids")) for one in require_iterable(ids, "ids")
        ]
        if not checked:
            raise ConfigurationError("ids must not be empty")
        await self._endpoint.delete(f"{_PATH}/delete", {"phones": checked})

    async def list_prefixes(self) -> Sequence[PhonePrefix]:
        """List the prefixes Roistat sells numbers under. Not on the vendor's page (facts §6)."""
        answer = await self._endpoint.read(f"{_PATH}/prefix/list")
        return records.decode_plain_list(answer.data, PhonePrefix)

    async def buy(self, *, prefix: str, count: int, spend_money: Literal[True]) -> Sequence[Phone]:
        """Buy numbers: this spends the project's money, so `spend_money=True` must be said.

        Not on the vendor's page (facts §6). Sent once; if the answer is lost, look at the list.
        """
        if spend_money is not True:
            raise ConfigurationError("buying spends money: say spend_money=True")
        body = {
            "prefix": values.validate_phone(prefix, "prefix"),
            "count": validation.require_int(count, "count"),
        }
        return await self._endpoint.create(f"{_PATH}/buy", body, _phones, _no_lookup)


def _phones(answer: ApiResponse) -> Sequence[Phone]:
    return records.decode_list(answer, Phone, skip_bad=False).items


async def _find_phones(
    wanted: _MaskedNumbers, endpoint: ProjectApi, *, sent_at: datetime
) -> Sequence[Phone] | None:
    """Find all the numbers in the list; None unless every one is there."""
    del sent_at  # a number is in a project once, whenever it came
    pager = Phones(endpoint).list(on_bad_record="skip")
    matches = [phone async for phone in pager if phone.phone in wanted.numbers]
    found = {phone.phone: phone for phone in matches}
    is_whole = set(found) == set(wanted.numbers)
    return [found[number] for number in wanted.numbers] if is_whole else None


async def _no_lookup(endpoint: ProjectApi, *, sent_at: datetime) -> None:
    del endpoint, sent_at
    raise ConfigurationError("bought numbers cannot be told from others; look at phones.list()")
