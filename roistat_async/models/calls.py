"""Call, its visit, its order, and the draft of a call."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from attrs import field, frozen

from .flat import to_flat
from .lazy import lazy_attributes
from .masking import mask, mask_phone
from .omitted import OMITTED, Omitted
from .plain import Record


class CallStatus(StrEnum):
    """Status of a call: one that the vendor documents, or another that Roistat sent.

    `docs/filters.md` says what each of them means.
    """

    ACTIVE = "ACTIVE"
    ANSWER = "ANSWER"
    BUSY = "BUSY"
    NOANSWER = "NOANSWER"
    CANCEL = "CANCEL"
    CONGESTION = "CONGESTION"
    CHANUNAVAIL = "CHANUNAVAIL"
    DONTCALL = "DONTCALL"
    TORTURE = "TORTURE"

    @classmethod
    def _missing_(cls, value: object) -> CallStatus | None:
        """Return a status for any text: a new one is no reason to refuse the call."""
        if not isinstance(value, str) or not value:
            return None
        status = str.__new__(cls, value)
        status._name_ = status._value_ = value
        return status

    @property
    def is_known(self) -> bool:
        """Whether the vendor documents this status."""
        return self._name_ in type(self).__members__


def is_missed(status: str | None) -> bool:
    """Return whether a call ended without an answer, by its status; "" is no status, as None is."""
    return bool(status) and status not in (CallStatus.ANSWER, CallStatus.ACTIVE)


@frozen(kw_only=True)
class Source(Record):
    """Advertising channel of a visit, or of a static number.

    A call has it as `call.visit.source` if the list was requested with `extend=("visit",)`, and
    as `call.static_source` if its number belongs to a static script. Otherwise there is none.
    """

    system_name: str | None = None
    display_name: str | None = None
    icon_url: str | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    utm_term: str | None = None
    utm_content: str | None = None
    openstat: str | None = None
    referrer: str | None = None
    system_name_by_level: list[str | None] | None = field(default=None, hash=False)
    display_name_by_level: list[str | None] | None = field(default=None, hash=False)
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class Geo(Record):
    """Location of a visitor. Not documented by the vendor (docs/roistat-api-notes.md)."""

    country: str | None = None
    region: str | None = None
    city: str | None = None
    icon_url: str | None = None
    country_iso: str | None = None
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class Device(Record):
    """Device of a visitor. Not documented by the vendor (docs/roistat-api-notes.md)."""

    os: str | None = None
    os_icon: str | None = None
    agent: str | None = None
    agent_icon: str | None = None
    is_mobile: bool | None = None
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class Visit(Record):
    """Visit to the site from which a call was made."""

    id: str | None = None
    first_id: str | None = None
    date: datetime | None = None
    referrer: str | None = None
    host: str | None = None
    landing_page: str | None = None
    agent: str | None = None
    device: Device | None = None
    ip: str | None = field(default=None, repr=mask)
    google_client_id: str | None = field(default=None, repr=mask)
    metrika_client_id: str | None = field(default=None, repr=mask)
    geo: Geo | None = None
    source: Source | None = None
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class OrderStatus(Record):
    """Status of an order."""

    id: str | None = None
    type: str | None = None
    name: str | None = None
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class Order(Record):
    """Order that resulted from a call. The project defines the keys of `custom_fields`."""

    id: str | None = None
    url: str | None = None
    source_type: str | None = None
    creation_date: datetime | None = None
    update_date: datetime | None = None
    revenue: float | None = None
    cost: float | None = None
    client_id: str | None = None
    visit_id: str | None = None
    page: str | None = None
    status: OrderStatus | None = None
    custom_fields: dict[str, Any] | list[Any] = field(factory=dict, repr=mask, hash=False)
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@lazy_attributes(static_source=Source, visit=Visit, order=Order, extra=dict)
@frozen
class Call(Record):
    """Call. Durations are in seconds; `duration` is `waiting_time` plus `answer_duration`.

    `link` does not prove that there is a recording. It is never requested: it may be of any host.
    `visit` and `order` are None unless requested by `extend`. A value that its field cannot hold is
    in `extra` of its object under its own name, and the field is None.
    """

    id: str
    date: datetime
    status: CallStatus | None = None
    callee: str | None = field(default=None, repr=mask_phone)
    caller: str | None = field(default=None, repr=mask_phone)
    duration: int | None = None
    waiting_time: int | None = None
    answer_duration: int | None = None
    link: str | None = field(default=None, repr=mask)
    visit_id: str | None = None
    order_id: str | None = None
    static_source: Source | None = None
    comment: str | None = field(default=None, repr=mask)
    visit: Visit | None = None
    order: Order | None = None
    marker: str | None = None
    google_client_id: str | None = field(default=None, repr=mask)
    script_name: str | None = None
    tags: dict[str, Any] | list[Any] | None = field(default=None, hash=False)
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)

    def to_dict(self, *, flat: bool = False) -> dict[str, Any]:
        """Return the attributes as plain values: dates are `2026-05-01T12:00:00Z`, in UTC.

        `flat=True` puts the values of visit, order and source into the same dict, under the names
        that the columns of Arrow tables have: `visit_landing_page`, `geo_city`. Phone numbers are
        not masked.
        """
        return to_flat(self) if flat else super().to_dict()

    @property
    def is_answered(self) -> bool:
        """Whether the call was answered: its status is ANSWER."""
        return self.status is CallStatus.ANSWER

    @property
    def is_missed(self) -> bool:
        """Whether the call ended without an answer: any status but ANSWER and ACTIVE.

        A call without a status is neither answered nor missed.
        """
        return is_missed(self.status)


@frozen
class CallDraft:
    """Call to create. An omitted field is not sent; None is sent as null. Durations are in seconds.

    The vendor lists `name` as required, with a description of scripts; known programs omit it.
    `google_client_id`, `yandex_client_id` and `file_url` are known from users, not documented by
    the vendor.
    """

    callee: str = field(repr=mask_phone)
    caller: str = field(repr=mask_phone)
    date: datetime
    duration: int | Omitted = OMITTED
    marker: str | Omitted | None = OMITTED
    order_id: str | Omitted | None = OMITTED
    save_to_crm: bool | Omitted = OMITTED
    status: CallStatus | str | Omitted = OMITTED
    visit_id: str | Omitted | None = OMITTED
    comment: str | Omitted | None = field(default=OMITTED, repr=mask)
    answer_duration: int | Omitted = OMITTED
    name: str | Omitted = OMITTED
    google_client_id: str | Omitted | None = field(default=OMITTED, repr=mask)
    yandex_client_id: str | Omitted | None = field(default=OMITTED, repr=mask)
    file_url: str | Omitted | None = field(default=OMITTED, repr=mask)
