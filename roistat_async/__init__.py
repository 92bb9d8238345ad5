"""A typed asyncio client for Roistat's call-tracking API."""

from . import errors
from .client import Roistat
from .clock import Clock
from .config import Limits, RetryPolicy, Timeouts
from .errors import RoistatError
from .models.analytics import CallAnalytics
from .models.calls import Call, CallDraft, CallStatus, Geo, Order, OrderStatus, Source, Visit
from .models.files import Download, DownloadOutcome, DownloadStatus
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
from .paging.pager import Pager

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
