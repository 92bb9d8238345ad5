"""Made-up calls that cost nothing until somebody asks for them."""

from __future__ import annotations

import json
from array import array
from functools import lru_cache
from itertools import accumulate
from random import Random
from typing import Any

from attrs import define, field, frozen

from . import business_hours, sample_data
from .dates import DAY, write_date
from .responses import Row, to_json

SHAPES = 1000
FIRST_ID = 10_001
_FIRST_VISIT = 4_000_000
_FIRST_ORDER = 50_000
_MAX_HISTORY = 730 * DAY
_USUAL_GAP = 1800
_VARIABLE = frozenset({"id", "date", "link", "visit_id", "order_id", "visit", "order"})


@frozen
class CallTemplate:
    """Everything of a call except its number and date, as JSON with gaps to fill."""

    head: bytes
    visit: bytes
    order: bytes
    constant: Row


@define
class GeneratedCalls:
    """`count` calls, each computed from its number whenever it is read."""

    count: int
    seed: int
    project: int
    until: float
    business_hours: bool = False
    dates: array[int] = field(init=False)
    _shapes: dict[int, CallTemplate] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        """Spread the calls over the time up to now, several of them in one second."""
        self.dates = array("q", self._dates())

    def _dates(self) -> list[int]:
        random = Random(self.seed)
        mean = min(_USUAL_GAP, _MAX_HISTORY / max(1, self.count))
        # Gaps are drawn from a small pool: a million calls in half a second.
        gaps = [_gap(random, mean) for _ in range(2048)]
        offsets = list(accumulate(random.choices(gaps, k=self.count)))
        end = int(self.until) - 60
        if self.business_hours:
            return business_hours.spread(offsets, end)
        shift = end - (offsets[-1] if offsets else 0)
        return [shift + offset for offset in offsets]

    def number_of(self, call_id: str) -> int | None:
        """Return which call an id means, None when it is none of these."""
        if not (call_id.isascii() and call_id.isdigit()) or len(call_id) > 18:
            return None
        number = int(call_id) - FIRST_ID
        return number if 0 <= number < self.count and str(int(call_id)) == call_id else None

    def json(self, number: int, *, visit: bool, order: bool) -> bytes:
        """Write one call as JSON."""
        shape, values = self._shape(number), self._values(number)
        if visit:
            values[b"before"] = write_date(self.dates[number] - 40 - number % 600).encode()
        visit_json = shape.visit % values if visit else b"null"
        ordered = shape.order % values if order else b"null"
        return b'%b%b,"order":%b}' % (shape.head % values, visit_json, ordered)

    def row(self, number: int) -> Row:
        """Return one call with its visit and its order."""
        row: Row = json.loads(self.json(number, visit=True, order=True))
        return row

    def value(self, number: int, name: str) -> Any:
        """Return one field of a call without making the rest, where that can be done."""
        if name == "id":
            return str(FIRST_ID + number)
        if name == "date":
            return write_date(self.dates[number])
        if name in _VARIABLE:
            return self.row(number).get(name)
        return self._shape(number).constant.get(name)

    def recorded(self, number: int) -> bool:
        """Whether the call has a recording; every thirteenth answered call has lost its own."""
        return number % 13 != 5

    def _shape(self, number: int) -> CallTemplate:
        # 389 shares no factor with SHAPES, so neighbours differ and all statuses soon appear.
        active = number >= self.count - min(3, self.count // 50)
        key = SHAPES if active else number * 389 % SHAPES
        if self.business_hours and not active and business_hours.is_closed(self.dates[number]):
            key = _unanswered(key)
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._shapes[key] = _shape(key, self.seed, self.project)
        return shape

    def _values(self, number: int) -> dict[bytes, object]:
        return {
            b"id": FIRST_ID + number,
            b"date": write_date(self.dates[number]).encode(),
            b"visit": _FIRST_VISIT + number,
            b"order": _FIRST_ORDER + number,
        }


def _unanswered(key: int) -> int:
    """Return the shape of a call that nobody answered, near to this one."""
    statuses = sample_data.STATUSES
    cycle = key // len(statuses) % (SHAPES // len(statuses))  # the last one may be incomplete
    offset = statuses.index("NOANSWER") + key % statuses.count("NOANSWER")
    return cycle * len(statuses) + offset


def _gap(random: Random, mean: float) -> int:
    return 0 if random.random() < 0.08 else 1 + int(random.expovariate(1 / mean))


@lru_cache(4 * SHAPES)
def _shape(key: int, seed: int, project: int) -> CallTemplate:
    random = Random(f"{seed}:{key}")
    static, telephone = _telephone(random)
    row = _call(random, key, static, telephone)
    visit = None if static else _visit(random)
    row["visit_id"] = None if visit is None else random.choice(("<visit>", "<visit>", "<visit#>"))
    order = _order(random, visit is not None) if random.random() < 0.2 else None
    row["order_id"] = order and order["id"]
    row["link"] = row["link"].replace("<project>", str(project))
    head = _template(row)[:-1] + b',"visit":'
    constant = {name: value for name, value in row.items() if name not in _VARIABLE}
    return CallTemplate(head, _template(visit), _template(order), constant)


def _template(value: object) -> bytes:
    text = to_json(value).replace(b"%", b"%%")
    for name in (b"id", b"visit", b"order"):
        text = text.replace(b'"<%b#>"' % name, b"%%(%b)d" % name)
        text = text.replace(b"<%b>" % name, b"%%(%b)d" % name)
    text = text.replace(b"<hex>", b"%(id)08x")
    return text.replace(b"<date>", b"%(date)b").replace(b"<before>", b"%(before)b")


def _telephone(random: Random) -> tuple[bool, str]:
    digits, script_id = random.choice(sample_data.PHONES[:6])
    return script_id == 2, digits


def _call(random: Random, key: int, static: bool, callee: str) -> Row:
    status = "ACTIVE" if key == SHAPES else sample_data.STATUSES[key % len(sample_data.STATUSES)]
    waiting = 0 if status == "ACTIVE" else random.randrange(1, 45)
    talked = random.randrange(3, 240) if status in {"ANSWER", "TORTURE"} else 0
    script_id = dict(sample_data.PHONES)[callee] or 1
    row: Row = {
        "id": "<id>",
        "callee": callee,
        "caller": f"7900000{random.randrange(10_000):04}",
        "duration": waiting + talked,
        "waiting_time": waiting,
        "answer_duration": talked,
        "status": status,
        "date": "<date>",
        # Present on calls without a recording too; the host is one that cannot be reached.
        "link": "https://cloud.roistat.example/projects/<project>/calltracking/call/<id>/file/"
        f"{random.getrandbits(96):024x}<hex>",
        "visit_id": None,
        "order_id": None,
        "static_source": sample_data.static_source() if static else None,
        "comment": random.choice(sample_data.COMMENTS) if key % 3 == 0 else None,
        "script_name": sample_data.SCRIPT_NAMES[script_id - 1],
        "tags": random.choice(sample_data.TAGS),
    }
    if key % 17 == 0:
        # The example of the vendor's page has no comment at all.
        del row["comment"]
    return row


def _visit(random: Random) -> Row:
    city, region = random.choice(sample_data.CITIES)
    return {
        "id": "<visit#>",
        "first_id": random.choice(("<visit#>", "<visit>")),
        "date": "<before>",
        "referrer": random.choice((None, "https://search.example/?q=%D0%BE%D0%BA%D0%BD%D0%B0")),
        "host": "site.example",
        "landing_page": f"https://site.example/lp/{random.randrange(20)}",
        "agent": "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36",
        "device": _device(random),
        "ip": f"203.0.113.{random.randrange(1, 255)}",
        "google_client_id": f"{random.randrange(10**9)}.{random.randrange(10**9)}",
        "metrika_client_id": random.choice((None, str(random.randrange(10**18)))),
        "geo": {
            "country": "Россия",
            "region": region,
            "city": city,
            "icon_url": "https://cloud.roistat.example/img/flags/ru.png",
            "country_iso": "RU",
        },
        "source": _source(random),
    }


def _device(random: Random) -> Row:
    system, is_mobile = random.choice((("Android", True), ("iOS", True), ("Windows", False)))
    return {
        "os": system,
        "os_icon": f"https://cloud.roistat.example/img/os/{system}.png",
        "agent": "Chrome",
        "agent_icon": "https://cloud.roistat.example/img/agents/chrome.png",
        "is_mobile": is_mobile,
    }


def _source(random: Random) -> Row:
    system, display, source, medium, levels = random.choice(sample_data.SOURCES)
    paid = medium == "cpc"
    return {
        "system_name": system,
        "display_name": display,
        "icon_url": "https://cloud.roistat.example/img/globe.png",
        "utm_source": source,
        "utm_medium": medium,
        "utm_campaign": "весна-2026" if paid else None,
        "utm_term": random.choice(sample_data.TERMS) if paid else None,
        "utm_content": "banner_1" if paid else None,
        "openstat": None,
        "referrer": None,
        "system_name_by_level": levels,
        "display_name_by_level": [level and level.capitalize() for level in levels],
    }


def _order(random: Random, with_visit: bool) -> Row:
    number, kind, name = random.choice(sample_data.STATES)
    revenue = random.randrange(1, 400) * 100
    return {
        "id": random.choice(sample_data.ORDER_IDS),
        "url": "https://crm.example/order/<order>",
        "source_type": "calltracking",
        "creation_date": "<date>",
        "update_date": "<date>",
        "revenue": revenue,
        "cost": revenue // 5,
        "client_id": random.choice((150, "151", None)),
        "visit_id": "<visit#>" if with_visit else None,
        "page": None,
        "status": {"id": number, "type": kind, "name": name},
        # PHP writes an empty object as [].
        "custom_fields": random.choice(([], {"Тип лида": "Звонок", "Менеджер": "Иванова"})),
    }
