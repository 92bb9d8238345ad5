"""Strategies for calls of Roistat: every known form, and some that were never observed."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Records = st.SearchStrategy[dict[str, Any]]

_TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
_ID_TEXT = st.sampled_from(["1", "16769", "lead_53355", "deal_123", ""])
_IDS = _ID_TEXT | st.integers(0, 2**70)
_GOOD_DATES = st.sampled_from(
    [
        *("2016-06-19T09:31:01+0000", "2016-06-19T12:31:01+0300", "2016-06-19T12:31:01+03:00"),
        *("2016-06-19T09:31:01Z", "2016-06-19T09:31:01.000Z"),
        *("2016-06-19T09:31:01.123456-05:30", "2016-06-19T09:31:01.1234567Z"),
    ]
)
_OTHER_DATES = st.sampled_from(
    [
        *("2016-06-19T09:31:01", "2016-06-19 09:31:01", "2016-06-19"),  # naive: UTC
        *("", "yesterday", "0000-00-00", "0000-00-00 00:00:00", "-0001-11-30T00:00:00+0230"),
        *("2016-13-40", "20160619T093101Z", "2016-W24-7", "2016-06-19t09:31:01z"),
        *("2016-06-19T24:00:00Z", "2016-06-19T09:31:60Z", "0001-01-01T00:00:00+1400"),
    ]
)
_ODD = st.sampled_from(
    [None, True, False, 0, 1, -1, 1.5, "", " 7", "٣", "None", [], {}, [1], {"a": 1}, 2**63, 10**30]
)
_INTS = st.integers(0, 10**6) | st.integers(0, 99).map(str) | st.sampled_from(["", None, "-3"])
_NUMBERS = _INTS | st.floats(allow_nan=False, allow_infinity=False) | st.just("0.25")
_NULLABLE_TEXT = _TEXT | st.none()
_FREE = st.sampled_from([{}, [], {"ключ": "значение", "n": 1.5}, [1, "2"], {"a": {"b": []}}])
_UNKNOWN = st.dictionaries(
    st.sampled_from(["file_id", "roistat_param1", "Новое", "extra", "build_model"]),
    _ODD | _TEXT,
    max_size=2,
)


def _mostly(good: st.SearchStrategy[Any], rarely: st.SearchStrategy[Any]) -> Any:
    """Return a strategy with one rare value in twenty, so that most records are valid."""
    return st.integers(0, 19).flatmap(lambda dice: rarely if dice == 0 else good)


def _object(
    required: dict[str, Any] | None = None, /, **optional: st.SearchStrategy[Any]
) -> Records:
    """Return a strategy for objects with some keys missing, invalid or unknown."""
    known = st.fixed_dictionaries(
        required or {}, optional={name: _mostly(good, _ODD) for name, good in optional.items()}
    )
    unknown = _mostly(st.just({}), _UNKNOWN)
    return st.builds(lambda fields, others: {**others, **fields}, known, unknown)


def _each(names: str, values: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    return dict.fromkeys(names.split(), values)


def _nested(objects: Records) -> Any:
    return _mostly(objects | st.none(), st.just([]))


_LEVELS = st.none() | st.lists(_NULLABLE_TEXT, max_size=3)
_ANY_DATE = _mostly(_GOOD_DATES | st.none(), _OTHER_DATES)
SOURCES = _object(
    **_each("system_name display_name icon_url utm_source openstat referrer", _NULLABLE_TEXT),
    **_each("system_name_by_level display_name_by_level", _LEVELS),
)
_FLAGS = st.sampled_from([True, False, None, 1, "0"])
DEVICES = _object(**_each("os agent", _NULLABLE_TEXT), is_mobile=_FLAGS)
GEOS = _object(**_each("country city country_iso", _NULLABLE_TEXT))
VISITS = _object(
    **_each("id first_id metrika_client_id", _IDS | st.none()), **_each("host ip", _NULLABLE_TEXT),
    first_visit_id=_mostly(st.none(), _IDS), date=_ANY_DATE,
    device=_nested(DEVICES), geo=_nested(GEOS), source=_nested(SOURCES),
)  # fmt: skip
ORDERS = _object(
    id=_IDS, url=_NULLABLE_TEXT, **_each("creation_date update_date", _ANY_DATE),
    **_each("revenue cost", _NUMBERS), **_each("client_id visit_id", _IDS | st.none()),
    status=_nested(_object(id=_IDS, **_each("type name", _NULLABLE_TEXT))), custom_fields=_FREE,
)  # fmt: skip
_STATUSES = st.sampled_from(["ANSWER", "ACTIVE", "BUSY"])
CALLS = _object(
    {"id": _mostly(_IDS, _ODD), "date": _mostly(_GOOD_DATES, _OTHER_DATES),
     "status": _mostly(_STATUSES, _TEXT | _ODD)},
    **_each("callee caller link comment marker script_name google_client_id", _NULLABLE_TEXT),
    **_each("duration waiting_time answer_duration", _INTS),
    **_each("visit_id order_id", _IDS | st.none()), tags=_FREE | st.none(),
    static_source=_nested(SOURCES), visit=_nested(VISITS), order=_nested(ORDERS),
)  # fmt: skip
