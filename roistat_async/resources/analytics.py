"""The numbers of the call-tracking dashboard."""

from __future__ import annotations

from attrs import frozen

from ..api.project_api import Endpoint
from ..models.analytics import CallAnalytics
from ..models.period import Period
from ..wire import records, values


@frozen(eq=False)
class Analytics:
    """Do what the vendor's page has as /project/calltracking/data."""

    _endpoint: Endpoint

    async def get(self, period: Period) -> CallAnalytics:
        """Sum up the calls of a period: by hour, weekday, day, channel and region."""
        answer = await self._endpoint.read("project/calltracking/data", values.period(period))
        return records.read_record(answer.data, CallAnalytics)
