"""Pages of a history of any length, generated on request so that no server holds them.

There is a call every minute from `FIRST` on; number n is the n-th. A request selects a page by its
offset, or by dates (`>` and `<`) and an offset between them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

FIRST = datetime(2020, 1, 1, tzinfo=UTC)
INTERVAL = timedelta(minutes=1)

_LIMIT = re.compile(rb'"limit":(\d+)')
_OFFSET = re.compile(rb'"offset":(\d+)')
_AFTER = re.compile(rb'"date",">","([^"]+)"')
_BEFORE = re.compile(rb'"date","<","([^"]+)"')
_CALL = (
    '{{"id":"{id}","callee":"74950001234","caller":"79000000000","duration":59,"waiting_time":30,'
    '"answer_duration":29,"status":"ANSWER","date":"{date}","link":null,"visit_id":"{visit}",'
    '"order_id":null,"static_source":null,"visit":{{"id":{visit},"first_id":660,"date":"{date}",'
    '"referrer":"http://site.example/contact.php","host":"site.example","landing_page":'
    '"http://test.example/lp","agent":"Mozilla/5.0","ip":"192.0.2.72","google_client_id":'
    '"1818132860.1451606703","source":{{"system_name":"direct","display_name":"Direct",'
    '"icon_url":null,"utm_source":"direct","utm_medium":"cpc","utm_campaign":"campaign",'
    '"utm_term":"word","utm_content":"text","openstat":null,"referrer":null}}}},"order":null}}'
)


def end_of(calls: int) -> datetime:
    """Return the date of the call after so many."""
    return FIRST + calls * INTERVAL


def selection(body: bytes, calls: int) -> tuple[range, int]:
    """Return the numbers of the calls that a request selects, and the total of its filter."""
    begin = _index(_AFTER, body, -1) + 1
    end = min(calls, _index(_BEFORE, body, calls))
    first = begin + _number(_OFFSET, body, 0)
    last = min(end, first + _number(_LIMIT, body, 0))
    return range(first, max(first, last)), max(0, end - begin)


def page(numbers: range, total: int) -> bytes:
    """Return the page with these calls."""
    rows = map(_call, numbers)
    return f'{{"data":[{",".join(rows)}],"total":{total},"status":"success"}}'.encode()


def _call(number: int) -> str:
    date = (FIRST + number * INTERVAL).strftime("%Y-%m-%dT%H:%M:%S+0000")
    return _CALL.format(id=16769 + number, visit=4_000_000 + number, date=date)


def _number(pattern: re.Pattern[bytes], body: bytes, missing: int) -> int:
    match = pattern.search(body)
    return int(match[1]) if match else missing


def _index(pattern: re.Pattern[bytes], body: bytes, missing: int) -> int:
    """Return the number of the last call not after a date (`>`) or the first not before (`<`)."""
    match = pattern.search(body)
    if match is None:
        return missing
    since = datetime.fromisoformat(match[1].decode()) - FIRST
    is_after = pattern is _AFTER
    return max(-1, since // INTERVAL) if is_after else max(0, -(-since // INTERVAL))
