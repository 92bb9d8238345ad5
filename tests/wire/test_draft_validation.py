"""A draft may hold what the vendor documents, and nothing that Roistat would silently ignore."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from roistat_async import CallDraft, CallStatus, ScriptDraft, ScriptOptions, Webhook
from roistat_async.errors import ConfigurationError
from roistat_async.models.scripts import Crm, CrmField, Integration, Redirect
from roistat_async.wire import codec

NAIVE = datetime(2026, 5, 1)
DATE = datetime(2026, 5, 1, tzinfo=UTC)


def call(**fields: Any) -> CallDraft:
    return CallDraft("74950000001", "79000000002", DATE, **fields)


def options(**fields: Any) -> ScriptDraft:
    return ScriptDraft(options=ScriptOptions(**fields))


def crm_fields(value: Any) -> ScriptDraft:
    return ScriptDraft(integration=Integration(crm=Crm(custom_fields=value)))


WRONG: dict[str, Any] = {
    "name": ScriptDraft(name=5),  # type: ignore[arg-type]  # refused
    "is_enabled": ScriptDraft(is_enabled="yes"),  # type: ignore[arg-type]  # refused
    "creation_date": ScriptDraft(creation_date=NAIVE),
    "options": ScriptDraft(options={"css_selector": ["a"]}),  # type: ignore[arg-type]  # refused
    "integration": ScriptDraft(integration=None),  # type: ignore[arg-type]  # refused
    "extra": ScriptDraft(extra=[1]),  # type: ignore[arg-type]  # refused
    "options.replaceable_numbers": options(replaceable_numbers="89451111111"),
    "options.replaceable_numbers[1]": options(replaceable_numbers=["8945", 89451111111]),
    "options.css_selector": options(css_selector="test"),
    "options.segments": options(segments="source"),
    "options.redirect": options(redirect="phone"),
    "options.redirect.value": options(redirect=Redirect("phone", 74951234567)),  # type: ignore[arg-type]  # refused
    "options.target_call_time": options(target_call_time=True),
    "integration.crm.custom_fields[0]": crm_fields([{"id": "UF"}]),
    "integration.crm.custom_fields[0].type": crm_fields([CrmField("UF", type=7)]),  # type: ignore[arg-type]  # refused
    "integration.webhook": ScriptDraft(integration=Integration(webhook="x.ru/h")),  # type: ignore[arg-type]  # refused
    "save_to_crm": call(save_to_crm="yes"),
    "status": call(status=5),
    "visit_id": call(visit_id=True),
    "order_id": call(order_id=1.5),
    "comment": call(comment=["a"]),
}


@pytest.mark.parametrize("path", WRONG)
def test_a_wrong_field_is_named(path: str) -> None:
    """The error has the path of the field at any depth, and not its value."""
    with pytest.raises(ConfigurationError) as caught:
        codec.unstructure(WRONG[path])
    assert str(caught.value).startswith(f"{path} must be ")
    assert "89451111111" not in str(caught.value)


@pytest.mark.parametrize(
    "draft",
    [
        options(segments={"or": [["source", "=", "a"]]}, redirect=None, css_selector=("a", "b")),
        options(replaceable_numbers=["89451111111"], target_call_time=0),
        ScriptDraft(is_enabled=1, integration=Integration(webhook=Webhook(None))),  # type: ignore[arg-type]  # 0 and 1 are flags
        crm_fields([CrmField("UF", value=None)]),
        call(visit_id=12345, order_id=None, status=CallStatus("HOLD"), duration=1.5),
        call(save_to_crm=0, status="ANSWER", comment=""),
    ],
    ids=str,
)
def test_documented_values_are_valid(draft: Any) -> None:
    """Flags may be 0 and 1, ids numbers, and lists tuples; null is valid where documented."""
    assert codec.unstructure(draft)


def test_naive_date_in_a_condition_is_refused() -> None:
    """A naive date is refused in conditions too, which have no declared type."""
    with pytest.raises(ConfigurationError, match="time zone"):
        codec.unstructure(options(segments=[["date", ">", NAIVE]]))
