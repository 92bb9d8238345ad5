"""Call-tracking analytics of a project."""

from __future__ import annotations

from collections import Counter

from attrs import frozen

from ..api.project_api import ProjectApi
from ..models.analytics import CallAnalytics
from ..models.period import Period
from ..paging.odd_values import OddValues
from ..wire import codec, records, values

_DATA = "project/calltracking/data"


@frozen(eq=False)
class Analytics:
    """Call-tracking analytics: the numbers of the dashboard."""

    _api: ProjectApi

    async def get(self, period: Period) -> CallAnalytics:
        """Return the calls of a period, summed up by hour, weekday, day, channel and region."""
        response = await self._api.read(_DATA, values.encode_period(period))
        figures = records.decode_record(response.data, CallAnalytics)
        OddValues().add(Counter(codec.odd_fields(figures)))
        return figures
