"""Call-tracking analytics of a project."""

from __future__ import annotations

from attrs import frozen

from ..api.project_api import ProjectApi
from ..models.analytics import CallAnalytics
from ..models.period import Period
from ..wire import records, values

_DATA = "project/calltracking/data"


@frozen(eq=False)
class Analytics:
    """Call-tracking analytics: the numbers of the dashboard."""

    _api: ProjectApi

    async def get(self, period: Period) -> CallAnalytics:
        """Return the calls of a period, summed up by hour, weekday, day, channel and region."""
        response = await self._api.read(_DATA, values.encode_period(period))
        return records.decode_record(response.data, CallAnalytics)
