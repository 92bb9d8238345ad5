"""A script: the rules by which numbers are substituted on a site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import field, frozen

from .masking import mask, mask_phones
from .omitted import OMITTED, Omitted

Segments = Sequence[Sequence[Any]] | Mapping[str, Sequence[Any]]
"""Conditions on the channel: a list of [field, operator, value], or one under "and" or "or"."""


@frozen
class Redirect:
    """Say where calls are forwarded to.

    `type` is "phone", "sip" or "sip_trunk"; `value` is a number, an account or a *password*.
    """

    type: str | Omitted | None = OMITTED
    value: str | Omitted | None = field(default=OMITTED, repr=mask)
    sip_trunk_postfix: str | Omitted | None = OMITTED
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class ScriptOptions:
    """Say what a script replaces, where and for whom."""

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
    """Set one field of a lead in the CRM."""

    id: str
    type: str | Omitted | None = OMITTED
    value: str | Omitted | None = field(default=OMITTED, repr=mask)
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class Crm:
    """Say what is sent to the CRM. Roistat writes `is_enabled` as `enabled` when it answers."""

    is_enabled: bool | Omitted | None = OMITTED
    custom_fields: list[CrmField] | Omitted | None = field(default=OMITTED, hash=False)
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen
class Webhook:
    """Name the address that is told of a call; users put secrets into it, so a repr hides it."""

    url: str | Omitted | None = field(default=OMITTED, repr=mask)
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class GoogleAnalytics:
    """Say which event a call is for Google Analytics."""

    tracking_id: str | Omitted | None = OMITTED
    action: str | Omitted | None = OMITTED
    category: str | Omitted | None = OMITTED
    label: str | Omitted | None = OMITTED
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class Integration:
    """Say who else is told of a call: after it (`webhook`) and when it begins (`webhook_start`)."""

    crm: Crm | Omitted | None = OMITTED
    webhook: Webhook | Omitted | None = OMITTED
    webhook_start: Webhook | Omitted | None = OMITTED
    google_analytics: GoogleAnalytics | Omitted | None = OMITTED
    is_lead_auto_create: bool | Omitted | None = OMITTED
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class ScriptDraft:
    """Describe a script to be created or changed. A field left out is not sent.

    `creation_date` is for creating; the page does not list it for changing.
    """

    name: str | Omitted = OMITTED
    is_enabled: bool | Omitted = OMITTED
    creation_date: datetime | Omitted = OMITTED
    options: ScriptOptions | Omitted = OMITTED
    integration: Integration | Omitted = OMITTED
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class Script:
    """Be a script of the project."""

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
        """Describe this script for `scripts.update`, with the keys this library does not know."""
        return ScriptDraft(
            name=OMITTED if self.name is None else self.name,
            is_enabled=OMITTED if self.is_enabled is None else self.is_enabled,
            options=self.options,
            integration=self.integration,
            extra=dict(self.extra),
        )
