"""Report about the calls of a period, as one HTML page that needs no network.

    await write_report(roistat, to="report.html", period=Period.last(days=30))
    await write_report("calls.db", to="report.html", period=Period.last(days=30))

Needs `pip install 'roistat_async[report]'`.
"""

from __future__ import annotations

from .writer import WrittenReport, write_report

__all__ = ["WrittenReport", "write_report"]
