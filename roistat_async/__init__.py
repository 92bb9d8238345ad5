"""A typed asyncio client for Roistat's call-tracking API.

Start with `Roistat`; `help(Roistat)` lists its resources. A local copy of the calls is made by
`roistat_async.sync`, tests are served by `roistat_async.testing`.

Names are loaded on first use: aiohttp alone takes a fifth of a second to import, which neither
`roistat --help` nor a pytest run that never uses this package should pay.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import errors
    from .client import ClientOptions, Roistat
    from .clock import Clock
    from .config import Limits, RetryPolicy, Timeouts
    from .downloads.body import Body
    from .downloads.bulk import BulkDownload
    from .downloads.file_download import Progress
    from .downloads.file_kind import AudioFormat
    from .errors import RoistatError
    from .hooks import ErrorEvent, Hooks, RequestEvent, ResponseEvent, RetryEvent, WaitEvent
    from .models.analytics import CallAnalytics
    from .models.calls import (
        Call,
        CallDraft,
        CallStatus,
        Device,
        Geo,
        Order,
        OrderStatus,
        Source,
        Visit,
    )
    from .models.downloads import BulkProgress, Download, DownloadOutcome, DownloadStatus
    from .models.history_report import HistoryReport
    from .models.omitted import OMITTED, Omitted
    from .models.page import BadRecord, Page
    from .models.period import Period
    from .models.phones import Phone, PhonePrefix
    from .models.projects import Project
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
    from .validation import OnBadRecord
    from .wire.list_query import CallExtension, CallField, Filters, Operator, PhoneField, Sort
else:  # hidden from type checkers, which would accept any name

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
    "AudioFormat",
    "BadRecord",
    "Body",
    "BulkDownload",
    "BulkProgress",
    "Call",
    "CallAnalytics",
    "CallDraft",
    "CallExtension",
    "CallField",
    "CallStatus",
    "ClientOptions",
    "Clock",
    "Crm",
    "CrmField",
    "Device",
    "Download",
    "DownloadOutcome",
    "DownloadStatus",
    "ErrorEvent",
    "Filters",
    "Geo",
    "GoogleAnalytics",
    "History",
    "HistoryReport",
    "Hooks",
    "Integration",
    "Limits",
    "Omitted",
    "OnBadRecord",
    "Operator",
    "Order",
    "OrderStatus",
    "Page",
    "Pager",
    "Period",
    "Phone",
    "PhoneField",
    "PhonePrefix",
    "Progress",
    "Project",
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
    "Sort",
    "Source",
    "Timeouts",
    "Visit",
    "WaitEvent",
    "Webhook",
    "errors",
]

_MODULES = {
    "OMITTED": "models.omitted",
    "AudioFormat": "downloads.file_kind",
    "BadRecord": "models.page",
    "Body": "downloads.body",
    "BulkDownload": "downloads.bulk",
    "BulkProgress": "models.downloads",
    "Call": "models.calls",
    "CallAnalytics": "models.analytics",
    "CallDraft": "models.calls",
    "CallExtension": "wire.list_query",
    "CallField": "wire.list_query",
    "CallStatus": "models.calls",
    "ClientOptions": "client",
    "Clock": "clock",
    "Crm": "models.scripts",
    "CrmField": "models.scripts",
    "Device": "models.calls",
    "Download": "models.downloads",
    "DownloadOutcome": "models.downloads",
    "DownloadStatus": "models.downloads",
    "Filters": "wire.list_query",
    "Geo": "models.calls",
    "GoogleAnalytics": "models.scripts",
    "History": "paging.history",
    "HistoryReport": "models.history_report",
    "ErrorEvent": "hooks",
    "Hooks": "hooks",
    "Integration": "models.scripts",
    "Limits": "config",
    "Omitted": "models.omitted",
    "OnBadRecord": "validation",
    "Operator": "wire.list_query",
    "Order": "models.calls",
    "OrderStatus": "models.calls",
    "Page": "models.page",
    "Pager": "paging.pager",
    "Period": "models.period",
    "Phone": "models.phones",
    "PhoneField": "wire.list_query",
    "PhonePrefix": "models.phones",
    "Progress": "downloads.file_download",
    "Project": "models.projects",
    "Redirect": "models.scripts",
    "RequestEvent": "hooks",
    "ResponseEvent": "hooks",
    "RetryEvent": "hooks",
    "RetryPolicy": "config",
    "Roistat": "client",
    "RoistatError": "errors",
    "Script": "models.scripts",
    "ScriptDraft": "models.scripts",
    "ScriptOptions": "models.scripts",
    "Sort": "wire.list_query",
    "Source": "models.calls",
    "Timeouts": "config",
    "Visit": "models.calls",
    "WaitEvent": "hooks",
    "Webhook": "models.scripts",
    "errors": "errors",
}
