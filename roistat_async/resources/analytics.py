"""The numbers of the call-tracking dashboard."""

from __future__ import annotations

from attrs import frozen

from ..api.project_api import ProjectApi
from ..models.analytics import CallAnalytics
from ..models.period import Period
from ..wire import records, values


@frozen(eq=False)
class Analytics:
    """Do what the vendor's page has as /project/calltracking/data."""

    _endpoint: ProjectApi

    async def get(self, period: Period) -> CallAnalytics:
        """Sum up the calls of a period: by hour, weekday, day, channel and region."""
        answer = await self._endpoint.read(
            "project/calltracking/data", values.encode_period(period)
        )
        return records.decode_record(answer.data, CallAnalytics)
