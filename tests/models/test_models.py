"""All models are frozen, slotted, hashable, picklable, and show no personal data in a repr."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Hashable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from roistat_async import (  # fmt: skip
    OMITTED,
    Call,
    CallDraft,
    CallStatus,
    CrmField,
    Order,
    Page,
    Phone,
    Redirect,
    ScriptOptions,
    Visit,
    Webhook,
)
from roistat_async.errors import RoistatError
from roistat_async.models import analytics, calls, downloads, page, period, phones, scripts
from roistat_async.models.downloads import Download, DownloadOutcome, DownloadStatus
from roistat_async.models.page import RowBatch

MODELS = [
    kind
    for module in (analytics, calls, downloads, page, period, phones, scripts)
    for kind in vars(module).values()
    if isinstance(kind, type) and attrs.has(kind) and kind.__module__ == module.__name__
]
TIME = datetime(2016, 6, 19, 9, 31, 1, tzinfo=UTC)
# Values of the required fields.
REQUIRED: dict[str, dict[str, Any]] = {
    "Call": {"id": "1", "date": TIME, "status": CallStatus.ANSWER},
    "CallDraft": {"callee": "74951234567", "caller": "74957654321", "date": TIME},
    "CrmField": {"id": "1"},
    "DayValue": {"date": TIME},
    "Download": {"path": Path("1.mp3"), "size": 1, "sha256": "00"},
    "DownloadOutcome": {"call_id": "1", "status": DownloadStatus.SAVED},
    "BulkProgress": {"files": 1, "total_files": None, "bytes": 1, "seconds_left": None},
    "BadRecord": {"index": 0, "path": ".id", "problem": "expected a string"},
    "HourCount": {"hour": "01"},
    "Page": {"items": [], "total": 0, "offset": 0},
    "Period": {"start": TIME, "end": TIME.replace(year=2017)},
    "Phone": {"id": 5, "phone": "74951234567"},
    "RowBatch": {"items": [], "keys": [], "total": 0},
    "Script": {"id": 1},
    "WeekdayCount": {"date": TIME},
}
HOLD_LISTS = {Page, RowBatch}  # a page is not hashable


def _make(model: type[Any]) -> Any:
    return model(**REQUIRED.get(model.__name__, {}))


def test_models_are_found() -> None:
    """The list of models is made by reflection: it must not be empty by mistake."""
    assert len(MODELS) >= 30


@pytest.mark.parametrize("model", MODELS)
def test_model_is_frozen(model: type[Any]) -> None:
    """A field cannot be changed, an attribute cannot be added, and there is no dictionary."""
    made = _make(model)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(made, attrs.fields(model)[0].name, None)
    assert not hasattr(made, "__dict__")


@pytest.mark.parametrize("model", MODELS)
def test_model_can_be_pickled_and_copied(model: type[Any]) -> None:
    """The copy is equal."""
    made = _make(model)
    assert pickle.loads(pickle.dumps(made)) == made
    assert copy.deepcopy(made) == made
    assert attrs.evolve(made) == made


@pytest.mark.parametrize("model", [model for model in MODELS if model not in HOLD_LISTS])
def test_model_is_hashable(model: type[Any]) -> None:
    """Equal models are one key of a dict; lists are not part of the hash."""
    assert isinstance(_make(model), Hashable)
    assert len({_make(model), _make(model)}) == 1


SECRETS = [
    Call(**REQUIRED["Call"], callee="74951234567", caller="79161234567"),
    Call(**REQUIRED["Call"], link="https://x.test/79161234567", comment="79161234567"),
    Call(**REQUIRED["Call"], google_client_id="79161234567"),
    Call(**REQUIRED["Call"], extra={"phone": "79161234567"}),
    Call(**REQUIRED["Call"], visit=Visit(ip="79161234567", google_client_id="79161234567")),
    Call(**REQUIRED["Call"], order=Order(custom_fields={"phone": "79161234567"})),
    Visit(metrika_client_id="79161234567"),
    CallDraft("79161234567", "79161234567", TIME, comment="79161234567"),
    CallDraft("1", "2", TIME, file_url="https://x.test/79161234567"),
    Phone(id=5, phone="79161234567"),
    ScriptOptions(replaceable_numbers=["79161234567"], redirect=Redirect("sip", "79161234567")),
    ScriptOptions(extra={"phone": "79161234567"}),
    CrmField("1", value="79161234567"),
    Webhook("https://x.test/?token=79161234567"),
]


@pytest.mark.parametrize("model", SECRETS, ids=lambda model: type(model).__name__)
def test_repr_shows_no_personal_data(model: object) -> None:
    """No complete phone number, password, address or comment is in a repr."""
    for text in (repr(model), str(model), repr([model]), f"{model}"):
        assert "9161234567" not in text


def test_repr_masks_a_number() -> None:
    """The ends of a long number are shown, of a short one nothing; None and OMITTED as they are."""
    assert "'7916•••4567'" in repr(Phone(id=5, phone="79161234567"))
    assert "'•••'" in repr(Phone(id=5, phone="101"))
    assert "callee=None" in repr(Call(**REQUIRED["Call"]))
    assert "replaceable_numbers=OMITTED" in repr(ScriptOptions())
    assert "value=OMITTED" in repr(Redirect("phone"))


def test_omitted_is_a_false_singleton() -> None:
    """It differs from None, is false, and is the same object after a pickle and a copy."""
    assert (bool(OMITTED), OMITTED is None, repr(OMITTED)) == (False, False, "OMITTED")
    assert pickle.loads(pickle.dumps(OMITTED)) is copy.deepcopy(OMITTED) is OMITTED


def test_outcome_is_pickled_with_its_error() -> None:
    """The outcome of a download still has its error after it was pickled."""
    outcome = DownloadOutcome("1", DownloadStatus.FAILED, error=RoistatError("no"))
    again = pickle.loads(pickle.dumps(outcome))
    assert (str(again.error), again.status) == ("no", "failed")
    assert Download(Path("1"), 1, "00").resumed is False


def test_row_count_includes_bad_records() -> None:
    """An offset is advanced by all rows of a response."""
    assert RowBatch([1, 2], ["a", "b"], 9, bad_keys=["c"]).row_count == 3


@pytest.mark.parametrize(
    ("status", "is_answered", "is_missed"),
    [
        ("ANSWER", True, False), ("ACTIVE", False, False), (None, False, False),
        ("BUSY", False, True), ("NOANSWER", False, True), ("CANCEL", False, True),
        ("CONGESTION", False, True), ("CHANUNAVAIL", False, True), ("DONTCALL", False, True),
        ("TORTURE", False, True), ("TENTH", False, True),
    ],
)  # fmt: skip
def test_a_call_is_answered_or_missed(
    status: str | None, is_answered: bool, is_missed: bool
) -> None:
    """A call that ended is answered or missed, one that goes on or has no status is neither."""
    call = Call(id="1", date=TIME, status=None if status is None else CallStatus(status))
    assert (call.is_answered, call.is_missed) == (is_answered, is_missed)
