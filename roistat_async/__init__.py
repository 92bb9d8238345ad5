"""A typed asyncio client for Roistat's call-tracking API.

Names are loaded on first use: aiohttp alone takes a fifth of a second, which neither
`roistat --help` nor a pytest run that never touches this package should pay.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import errors
    from .client import Roistat
    from .clock import Clock
    from .config import Limits, RetryPolicy, Timeouts
    from .errors import RoistatError
    from .hooks import Hooks, RequestEvent, ResponseEvent, RetryEvent
    from .models.analytics import CallAnalytics
    from .models.calls import Call, CallDraft, CallStatus, Geo, Order, OrderStatus, Source, Visit
    from .models.downloads import Download, DownloadOutcome, DownloadStatus
    from .models.history_report import HistoryReport
    from .models.omitted import OMITTED, Omitted
    from .models.page import BadRecord, Page
    from .models.period import Period
    from .models.phones import Phone, PhonePrefix
    from .models.scripts import (
        Crm,
        CrmField,
        GoogleAnalytics,
        Integration,
        Redirect,
        Script,
        ScriptDraft,
        ScriptOptions,
        Webhook,
    )
    from .paging.history import History
    from .paging.pager import Pager
else:  # hidden from type checkers, for which any name would exist

    def __getattr__(name: str) -> object:
        module = _MODULES.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = import_module(f"{__name__}.{module}")
        value = value if name == module else getattr(value, name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "OMITTED",
    "BadRecord",
    "Call",
    "CallAnalytics",
    "CallDraft",
    "CallStatus",
    "Clock",
    "Crm",
    "CrmField",
    "Download",
    "DownloadOutcome",
    "DownloadStatus",
    "Geo",
    "GoogleAnalytics",
    "History",
    "HistoryReport",
    "Hooks",
    "Integration",
    "Limits",
    "Omitted",
    "Order",
    "OrderStatus",
    "Page",
    "Pager",
    "Period",
    "Phone",
    "PhonePrefix",
    "Redirect",
    "RequestEvent",
    "ResponseEvent",
    "RetryEvent",
    "RetryPolicy",
    "Roistat",
    "RoistatError",
    "Script",
    "ScriptDraft",
    "ScriptOptions",
    "Source",
    "Timeouts",
    "Visit",
    "Webhook",
    "errors",
]

_MODULES = {
    "OMITTED": "models.omitted",
    "Omitted": "models.omitted",
    "BadRecord": "models.page",
    "Page": "models.page",
    "Call": "models.calls",
    "CallDraft": "models.calls",
    "CallStatus": "models.calls",
    "Geo": "models.calls",
    "Order": "models.calls",
    "OrderStatus": "models.calls",
    "Source": "models.calls",
    "Visit": "models.calls",
    "CallAnalytics": "models.analytics",
    "Clock": "clock",
    "Crm": "models.scripts",
    "CrmField": "models.scripts",
    "GoogleAnalytics": "models.scripts",
    "Integration": "models.scripts",
    "Redirect": "models.scripts",
    "Script": "models.scripts",
    "ScriptDraft": "models.scripts",
    "ScriptOptions": "models.scripts",
    "Webhook": "models.scripts",
    "Download": "models.downloads",
    "DownloadOutcome": "models.downloads",
    "DownloadStatus": "models.downloads",
    "Limits": "config",
    "RetryPolicy": "config",
    "Timeouts": "config",
    "Hooks": "hooks",
    "RequestEvent": "hooks",
    "ResponseEvent": "hooks",
    "RetryEvent": "hooks",
    "History": "paging.history",
    "Pager": "paging.pager",
    "HistoryReport": "models.history_report",
    "Period": "models.period",
    "Phone": "models.phones",
    "PhonePrefix": "models.phones",
    "Roistat": "client",
    "RoistatError": "errors",
    "errors": "errors",
}
