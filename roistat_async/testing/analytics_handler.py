"""project/calltracking/data: sums over the calls of a period."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from attrs import define, field

from .api_request import ApiRequest
from .dates import DAY, write_date
from .responses import FakeResponse, Row, success

_COST_OF_PAID_CALL = 150
_TOP = 5


@define
class Sums:
    """What is counted while walking the calls once."""

    hours: dict[int, Counter[str]] = field(factory=lambda: defaultdict(Counter))
    weekdays: dict[int, Counter[str]] = field(factory=lambda: defaultdict(Counter))
    days: dict[int, Counter[str]] = field(factory=lambda: defaultdict(Counter))
    markers: Counter[str] = field(factory=Counter)
    seconds: Counter[str] = field(factory=Counter)
    regions: Counter[str] = field(factory=Counter)
    sources: dict[str, Row] = field(factory=dict)
    total: int = 0

    def add(self, row: Row, at: int) -> None:
        """Count one call."""
        source, talked = _source(row), row.get("answer_duration") or 0
        day, outcome = at // DAY, _outcome(row)
        self.total += 1
        self.hours[at % DAY // 3600][outcome] += 1
        self.weekdays[(day + 3) % 7][outcome] += 1
        cost = _COST_OF_PAID_CALL if source.get("utm_medium") == "cpc" else 0
        self.days[day].update(calls=1, seconds=talked, cost=cost)
        self._source(source, talked)
        geo = (row.get("visit") or {}).get("geo") or {}
        self.regions[geo.get("region") or ""] += 1

    def _source(self, source: Row, talked: int) -> None:
        name = source.get("system_name") or ""
        self.sources.setdefault(name, source)
        self.markers[name] += 1
        self.seconds[name] += talked


def report(request: ApiRequest) -> FakeResponse:
    """Answer calltracking/data."""
    start, end = request.period_argument()
    sums, book = Sums(), request.project.calls
    for index in book.between(start, end):
        sums.add(book.peek_at(index), book.date_at(index))
    # The average of the vendor's page, 39 calls over 124 days, counts the days of UTC at both ends.
    days = range(int(start) // DAY, int(end) // DAY + 1)
    return success(
        data={
            "period": {"startDate": write_date(start), "endDate": write_date(end)},
            "hourlyWeeklyQuantity": _quantity(sums, days[-1]),
            "dailyDuration": _duration(sums, days),
            "dailyQuantity": _daily(sums, days, "calls"),
            "markerQuantity": list(_marker_quantity(sums)),
            "markerDuration": list(_marker_duration(sums)),
            "regionQuantity": list(_regions(sums)),
            "callCost": _daily(sums, days, "cost"),
        }
    )


def _outcome(row: Row) -> str:
    status = row.get("status")
    if not status:
        return "unknown"
    return {"ANSWER": "success", "ACTIVE": "active"}.get(str(status), "missed")


def _source(row: Row) -> Row:
    source: Row = row.get("static_source") or (row.get("visit") or {}).get("source") or {}
    return source


def _outcomes(counted: Counter[str]) -> dict[str, int]:
    return {"success": counted["success"], "missed": counted["missed"]}


def _quantity(sums: Sums, last: int) -> Row:
    week = range(last - 6, last + 1)
    return {
        # "01" is the hour from 00:00 to 01:00.
        "byHours": [_outcomes(sums.hours[hour]) | {"hour": f"{hour + 1:02}"} for hour in range(24)],
        # Seven days that end with the period's last, as in the example of the vendor's page.
        "byWeekdays": [
            _outcomes(sums.weekdays[(day + 3) % 7]) | {"date": write_date(day * DAY)}
            for day in week
        ],
        "total": sums.total,
    }


def _daily(sums: Sums, days: range, name: str) -> Row:
    values = [sums.days[day][name] for day in days]
    return {"values": _dated(values, days), "average": sum(values) / len(days)}


def _duration(sums: Sums, days: range) -> Row:
    # Minutes: the 0.23418803418803 of the vendor's page is 548 seconds over 39 calls.
    seconds = [sums.days[day]["seconds"] for day in days]
    average = sum(seconds) / 60 / sums.total if sums.total else 0
    return {"values": _dated([second // 60 for second in seconds], days), "average": average}


def _dated(values: list[int], days: range) -> list[dict[str, Any]]:
    return [
        {"value": value, "date": write_date(day * DAY)}
        for value, day in zip(values, days, strict=True)
    ]


def _marker_quantity(sums: Sums) -> Iterator[Row]:
    top = sums.markers.most_common(_TOP)
    for name, value in top:
        yield {"displayName": _display(sums, name), "value": value, "systemName": name}
    others = sums.total - sum(value for _, value in top)
    if others:
        yield {"displayName": "Остальные", "value": others, "systemName": "Others"}


def _marker_duration(sums: Sums) -> Iterator[Row]:
    averages = {name: sums.seconds[name] / count for name, count in sums.markers.items()}
    for name, value in sorted(averages.items(), key=lambda item: item[1]):
        yield {
            "displayName": _display(sums, name),
            "iconUrl": sums.sources[name].get("icon_url") or "",
            # PHP writes a whole number without a fraction, as the 24 of the vendor's page.
            "value": int(value) if value == int(value) else value,
            "systemName": name,
        }


def _display(sums: Sums, name: str) -> str:
    return str(sums.sources[name].get("display_name") or "Прямые визиты")


def _regions(sums: Sums) -> Iterator[Row]:
    known = Counter({name: count for name, count in sums.regions.items() if name})
    top = known.most_common(_TOP)
    for name, value in top:
        yield {"value": value, "displayName": name}
    others = sums.total - sum(value for _, value in top)
    if others:
        yield {"value": others, "displayName": "Другие"}
