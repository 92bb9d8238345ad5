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

from roistat_async import OMITTED, Call, CallDraft, CallStatus, Phone, errors
from roistat_async.models import analytics, calls, downloads, page, period, phones, scripts
from roistat_async.models.downloads import DownloadOutcome, DownloadStatus
from roistat_async.models.page import Page, RowBatch

MODELS = [
    kind
    for module in (analytics, calls, downloads, page, period, phones, scripts)
    for kind in vars(module).values()
    if isinstance(kind, type) and attrs.has(kind) and kind.__module__ == module.__name__
]
NUMBER = "79161234567"
TIME = datetime(2016, 6, 19, 9, 31, 1, tzinfo=UTC)
# Values of the required fields.
REQUIRED: dict[str, dict[str, Any]] = {
    "Call": {"id": "1", "date": TIME, "status": CallStatus.ANSWER},
    "CallDraft": {"callee": "74951234567", "caller": "74957654321", "date": TIME},
    "CrmField": {"id": "1"}, "DayValue": {"date": TIME},
    "Download": {"path": Path("1.mp3"), "size": 1, "sha256": "00"},
    "DownloadOutcome": {"call_id": "1", "status": DownloadStatus.SAVED},
    "BulkProgress": {"files": 1, "total_files": None, "bytes": 1, "seconds_left": None},
    "BadRecord": {"index": 0, "path": ".id", "problem": "expected a string"},
    "HourCount": {"hour": "01"}, "Page": {"items": [], "total": 0, "offset": 0},
    "Period": {"start": TIME, "end": TIME.replace(year=2017)},
    "Phone": {"id": 5, "phone": "74951234567"}, "RowBatch": {"items": [], "keys": [], "total": 0},
    "Script": {"id": 1}, "WeekdayCount": {"date": TIME},
}  # fmt: skip
HOLD_LISTS = {Page, RowBatch}  # a page is not hashable


def _make(model: type[Any]) -> Any:
    assert len(MODELS) >= 30  # they are found by reflection
    return model(**REQUIRED.get(model.__name__, {}))


@pytest.mark.parametrize("model", MODELS)
def test_a_model_is_a_value(model: type[Any]) -> None:
    """It is frozen, without a dictionary; pickles and copies are equal, and one key of a dict."""
    made = _make(model)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(made, attrs.fields(model)[0].name, None)
    assert not hasattr(made, "__dict__")
    copies = [pickle.loads(pickle.dumps(made)), copy.deepcopy(made), attrs.evolve(made)]
    assert copies == [made] * 3
    if model not in HOLD_LISTS:
        assert isinstance(made, Hashable)
        assert len({made, *copies}) == 1


SECRETS = [
    *[
        Call(**REQUIRED["Call"], **fields)
        for fields in (
            {"callee": "74951234567", "caller": NUMBER, "google_client_id": NUMBER},
            {"link": f"https://x.test/{NUMBER}", "comment": NUMBER, "extra": {"phone": NUMBER}},
            {"visit": calls.Visit(ip=NUMBER, google_client_id=NUMBER)},
            {"order": calls.Order(custom_fields={"phone": NUMBER})},
        )
    ],
    calls.Visit(metrika_client_id=NUMBER),
    CallDraft(NUMBER, NUMBER, TIME, comment=NUMBER, file_url=f"https://x.test/{NUMBER}"),
    Phone(id=5, phone=NUMBER),
    scripts.ScriptOptions(
        replaceable_numbers=[NUMBER], redirect=scripts.Redirect("sip", NUMBER), extra={"a": NUMBER}
    ),
    scripts.CrmField("1", value=NUMBER),
    scripts.Webhook(f"https://x.test/?token={NUMBER}"),
]


@pytest.mark.parametrize("model", SECRETS, ids=lambda model: type(model).__name__)
def test_repr_shows_no_personal_data(model: object) -> None:
    """No complete phone number, password, address or comment is in a repr."""
    for text in (repr(model), str(model), repr([model]), f"{model}"):
        assert "9161234567" not in text


def test_repr_masks_a_number() -> None:
    """The ends of a long number are shown, of a short one nothing; None and OMITTED as they are."""
    assert "'7916•••4567'" in repr(Phone(id=5, phone=NUMBER))
    assert "'•••'" in repr(Phone(id=5, phone="101"))
    assert "callee=None" in repr(Call(**REQUIRED["Call"]))
    assert "replaceable_numbers=OMITTED" in repr(scripts.ScriptOptions())
    assert "value=OMITTED" in repr(scripts.Redirect("phone"))


def test_omitted_is_a_false_singleton() -> None:
    """It differs from None, is false, and is the same object after a pickle and a copy."""
    assert (bool(OMITTED), OMITTED is None, repr(OMITTED)) == (False, False, "OMITTED")
    assert pickle.loads(pickle.dumps(OMITTED)) is copy.deepcopy(OMITTED) is OMITTED


def test_outcome_is_pickled_with_its_error() -> None:
    """The outcome of a download still has its error after it was pickled."""
    outcome = DownloadOutcome("1", DownloadStatus.FAILED, error=errors.RoistatError("no"))
    again = pickle.loads(pickle.dumps(outcome))
    assert (str(again.error), again.status) == ("no", "failed")
    assert downloads.Download(Path("1"), 1, "00").resumed is False


MISSED = ["BUSY", "NOANSWER", "CANCEL", "CONGESTION", "CHANUNAVAIL", "DONTCALL", "TORTURE", "TENTH"]


@pytest.mark.parametrize(
    ("statuses", "is_answered", "is_missed"),
    [(["ANSWER"], True, False), (["ACTIVE", None], False, False), (MISSED, False, True)],
    ids=["answered", "neither", "missed"],
)
def test_a_call_is_answered_or_missed(
    statuses: list[Any], is_answered: bool, is_missed: bool
) -> None:
    """A call that ended is answered or missed, one that goes on or has no status is neither."""
    for text in statuses:
        call = Call(id="1", date=TIME, status=None if text is None else CallStatus(text))
        assert (call.is_answered, call.is_missed) == (is_answered, is_missed), text
