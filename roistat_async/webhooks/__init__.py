"""Webhooks: what Roistat posts to a program when a call starts and when it has ended.

    event = parse_webhook(body, content_type)

`webhook_handler` receives them in aiohttp.web, `WebhookReceiver` in any other framework. Some
events never come (docs/webhooks.md): `reconcile` finds the calls that had none.
"""

from __future__ import annotations

from .aiohttp_handler import webhook_handler
from .delivery import DeliveryStore, RecentDeliveries
from .events import CallEnded, CallStarted
from .parsing import parse_webhook
from .receiver import OnCall, WebhookReceiver
from .reconciliation import Reconciliation, reconcile

__all__ = [
    "CallEnded",
    "CallStarted",
    "DeliveryStore",
    "OnCall",
    "RecentDeliveries",
    "Reconciliation",
    "WebhookReceiver",
    "parse_webhook",
    "reconcile",
    "webhook_handler",
]
