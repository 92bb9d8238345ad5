"""Scripts: the rules by which phone numbers on a site are replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import field, frozen

from .masking import mask, mask_phones
from .omitted import OMITTED, Omitted
from .plain import Record

Segments = Sequence[Sequence[Any]] | Mapping[str, Sequence[Any]]
"""Conditions on the channel: a list of [field, operator, value], or one under "and" or "or"."""


@frozen
class Redirect:
    """Target that calls are forwarded to.

    `type` is "phone", "sip" or "sip_trunk"; `value` is a number, an account or a *password*.
    """

    type: str | Omitted | None = OMITTED
    value: str | Omitted | None = field(default=OMITTED, repr=mask)
    sip_trunk_postfix: str | Omitted | None = OMITTED
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class ScriptOptions:
    """Options of a script: what is replaced, where and for which visitors."""

    calltracking_type: str | Omitted | None = OMITTED
    static_source: str | Omitted | None = OMITTED
    segments: Segments | Omitted | None = field(default=OMITTED, hash=False)
    phone_format: str | Omitted | None = OMITTED
    css_selector: list[str] | Omitted | None = field(default=OMITTED, hash=False)
    redirect: Redirect | Omitted | None = OMITTED
    replaceable_numbers: list[str] | Omitted | None = field(
        default=OMITTED, hash=False, repr=mask_phones
    )
    target_call_time: int | Omitted | None = OMITTED
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen
class CrmField:
    """Field of a lead in the CRM, and its value."""

    id: str
    type: str | Omitted | None = OMITTED
    value: str | Omitted | None = field(default=OMITTED, repr=mask)
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class Crm:
    """Settings of the CRM integration. Responses have `is_enabled` as `enabled`."""

    is_enabled: bool | Omitted | None = OMITTED
    custom_fields: list[CrmField] | Omitted | None = field(default=OMITTED, hash=False)
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen
class Webhook:
    """URL that Roistat requests for a call. It may contain secrets, so the repr hides it."""

    url: str | Omitted | None = field(default=OMITTED, repr=mask)
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class GoogleAnalytics:
    """Event that is sent to Google Analytics for a call."""

    tracking_id: str | Omitted | None = OMITTED
    action: str | Omitted | None = OMITTED
    category: str | Omitted | None = OMITTED
    label: str | Omitted | None = OMITTED
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class Integration:
    """Systems notified of a call: at its end (`webhook`), at its start (`webhook_start`)."""

    crm: Crm | Omitted | None = OMITTED
    webhook: Webhook | Omitted | None = OMITTED
    webhook_start: Webhook | Omitted | None = OMITTED
    google_analytics: GoogleAnalytics | Omitted | None = OMITTED
    is_lead_auto_create: bool | Omitted | None = OMITTED
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class ScriptDraft:
    """Script to create, or the changes of one. An omitted field is not sent.

    `creation_date` is for `create` only; the vendor does not document it for `update`.
    """

    name: str | Omitted = OMITTED
    is_enabled: bool | Omitted = OMITTED
    creation_date: datetime | Omitted = OMITTED
    options: ScriptOptions | Omitted = OMITTED
    integration: Integration | Omitted = OMITTED
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class Script(Record):
    """Script of a project."""

    id: int
    name: str | None = None
    creation_date: datetime | None = None
    is_enabled: bool | None = None
    call_count: int | None = None
    accuracy: float | None = None
    options: ScriptOptions = field(factory=ScriptOptions)
    integration: Integration = field(factory=Integration)
    needed_phone_count: float | None = None
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)

    def to_draft(self) -> ScriptDraft:
        """Return this script as a draft for `scripts.update`, with its unknown keys.

        A field that could not be read is left out, so that the update does not change it.
        """
        known = Script.__annotations__.keys()
        return ScriptDraft(
            name=OMITTED if self.name is None else self.name,
            is_enabled=OMITTED if self.is_enabled is None else self.is_enabled,
            options=OMITTED if "options" in self.extra else self.options,
            integration=OMITTED if "integration" in self.extra else self.integration,
            extra={key: value for key, value in self.extra.items() if key not in known},
        )
