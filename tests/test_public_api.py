"""The public surface: which names are exported, and which members and arguments they have."""

from __future__ import annotations

import inspect
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest

import roistat_async
from roistat_async import report, sync, webhooks
from roistat_async.integrations import xls
from roistat_async.resources.analytics import Analytics
from roistat_async.resources.calls import Calls
from roistat_async.resources.phones import Phones
from roistat_async.resources.scripts import Scripts

# fmt: off
EXPORTED = {
    roistat_async: {
        "AudioFormat", "BadRecord", "Body", "BulkDownload", "BulkProgress", "Call", "CallAnalytics",
        "CallDraft", "CallExtension", "CallField", "CallStatus", "ClientOptions", "Clock", "Crm",
        "CrmField", "Device", "Download", "DownloadOutcome", "DownloadStatus", "ErrorEvent",
        "Filters", "Geo", "GoogleAnalytics", "History", "HistoryReport", "Hooks",
        "Integration", "Limits", "OMITTED", "Omitted", "OnBadRecord", "Operator", "Order",
        "OrderStatus", "Page", "Pager", "Period", "Phone", "PhoneField", "PhonePrefix", "Progress",
        "Project", "Redirect", "RequestEvent", "ResponseEvent", "RetryEvent", "RetryPolicy",
        "Roistat", "RoistatError", "Script", "ScriptDraft", "ScriptOptions", "Sort", "Source",
        "Timeouts", "Visit", "WaitEvent", "Webhook", "errors",
    },
    sync: {
        "NdjsonTarget", "NotedRecord", "ParquetTarget", "Part", "PartReport", "PostgresTarget",
        "RecordingsReport",
        "SqliteTarget", "StdoutTarget", "SupportsFullRun", "SyncProgress", "SyncReport",
        "SyncState", "SyncWait", "Target", "WriteCounts",
        "arun_part", "open_target", "plan", "run_part", "sync_calls", "sync_recordings",
    },
    report: {"WrittenReport", "write_report"},
    xls: {"CallHistoryRow", "read_call_history"},
    webhooks: {
        "CallEnded", "CallStarted", "DeliveryStore", "OnCall", "RecentDeliveries",
        "Reconciliation", "WebhookReceiver", "parse_webhook", "reconcile", "webhook_handler",
    },
}
LIST = "page_size=1000 offset=0 limit prefetch=4 on_bad_record='raise'"
# class -> public member -> its arguments, as in a signature, or None for a property
MEMBERS: dict[type[Any], dict[str, str | None]] = {
    roistat_async.Roistat: {
        **dict.fromkeys(("base_url", "clock", "project", "requests_left")),
        "close": "", "for_project": "project * limits", "from_env": "environ options",
        "resolve": "error model", "with_options": "* retry when_exhausted",
    },
    Analytics: {"get": "period"},
    Calls: {
        "create": "draft * dedupe_token=False",
        "delete": "calls",
        "download_recording": "call * to progress accept=() check=True",
        "download_recordings": "calls folder * template tz=datetime.timezone.utc concurrency=8"
        " accept=() check=True",
        "export_xls": "period * to progress check=True",
        "get": "call * extend=()",
        "history": "period * extend=() page_size=1000 concurrency=4 settle=0:02:00 resume_from"
        " where on_bad_record='raise'",
        "list": f"* period status filters=() extend=() sort=date,desc {LIST}",
        "recording": "call * start end if_range accept=() check=True",
        "update": "call * comment status duration answer_duration order_id link",
    },
    Phones: {
        "buy": "* prefix count spend_money", "create": "numbers", "delete": "phones",
        "list": f"* filters=() sort=id,asc {LIST}", "list_prefixes": "",
        "update": "phone * script_id last_use_date",
    },
    Scripts: {
        "create": "draft", "delete": "script", "list": "* is_deleted", "update": "script draft",
    },
    roistat_async.Clock: dict.fromkeys(("monotonic", "random", "sleep", "utc_now")),
    roistat_async.Hooks: dict.fromkeys(
        ("on_request", "on_response", "on_retry", "on_wait", "on_error")
    ),
    roistat_async.Limits: dict.fromkeys(
        ("bytes_per_second", "concurrency", "per_hour", "per_second", "queue_timeout",
         "shared_file", "when_exhausted")
    ),
    roistat_async.Timeouts: dict.fromkeys(("connect", "read", "response")),
    roistat_async.RetryPolicy: dict.fromkeys(
        ("base_delay", "deadline", "max_attempts", "max_delay", "max_download_attempts",
         "max_retry_after", "retry_updates", "throttled_base_delay")
    ),
}
# fmt: on
each_class = pytest.mark.parametrize("kind", MEMBERS, ids=lambda kind: kind.__name__)


def _members(kind: type[Any]) -> dict[str, str | None]:
    public = {name: value for name, value in vars(kind).items() if not name.startswith("_")}
    return {name: _arguments(getattr(kind, name)) for name in public}


def _arguments(member: object) -> str | None:
    if not inspect.isroutine(member):
        return None
    every = inspect.signature(member).parameters.values()
    shown = [_argument(each) for each in every if each.name != "self"]
    keywords = [_argument(each) for each in every if each.kind is each.KEYWORD_ONLY]
    return " ".join(shown[: len(shown) - len(keywords)] + ["*"] * bool(keywords) + keywords)


def _argument(parameter: inspect.Parameter) -> str:
    default = parameter.default
    if default in (parameter.empty, None, roistat_async.OMITTED):
        return parameter.name
    return f"{parameter.name}={_short(default)}"


def _short(default: object) -> str:
    if isinstance(default, tuple) and default:
        return ",".join(default)
    return str(default) if isinstance(default, timedelta) else repr(default)


@pytest.mark.parametrize("module", EXPORTED, ids=lambda module: module.__name__)
def test_exported_names(module: Any) -> None:
    """A module exports these names, each once, and an unknown one is an AttributeError."""
    assert sorted(module.__all__) == sorted(EXPORTED[module])
    assert all(getattr(module, name) is not None for name in EXPORTED[module])
    assert not hasattr(module, "no_such_name")


@each_class
def test_members(kind: type[Any]) -> None:
    """A class has these members and arguments: positional is only what a method is about."""
    assert _members(kind) == MEMBERS[kind]


def test_client_options_are_the_arguments_of_the_client() -> None:
    """`ClientOptions` has a key for each argument of `Roistat`."""
    arguments = set(inspect.signature(roistat_async.Roistat).parameters)
    assert set(roistat_async.ClientOptions.__annotations__) == arguments


@each_class
def test_members_are_documented(kind: type[Any]) -> None:
    """Each class, method and property has a docstring."""
    assert kind.__doc__
    for name, value in vars(kind).items():
        if not name.startswith("_") and (inspect.isroutine(value) or isinstance(value, property)):
            assert inspect.getdoc(getattr(kind, name)), name


def test_help_explains_resources_and_arguments() -> None:
    """`help()` lists the resources, the filter grammar and the arguments of `progress`."""
    text = inspect.getdoc(roistat_async.Roistat) or ""
    for name in ("calls", "phones", "scripts", "analytics"):
        assert f"`roistat.{name}`: " in text
    text = inspect.getdoc(Calls.list) or ""
    fields = roistat_async.CallField.__args__  # type: ignore[attr-defined]  # a Literal
    operators = roistat_async.Operator.__args__  # type: ignore[attr-defined]  # a Literal
    assert all(name in text for name in [*fields, *operators, '{"or": ['])
    assert "progress(received, total)" in (inspect.getdoc(Calls.download_recording) or "")


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("from roistat_async import Roistat",
         {"click", "rich", "xlwt", "roistat_async.testing", "roistat_async.cli"}),
        ("import roistat_async.testing.plugin", {"xlwt", "roistat_async.testing.http"}),
    ],
)  # fmt: skip
def test_an_import_starts_no_extras(statement: str, unwanted: set[str]) -> None:
    """The client loads no other library or fake server, and the plugin of pytest no server."""
    code = f"import sys; {statement}; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True, timeout=60).split()
    assert not unwanted & set(loaded)
