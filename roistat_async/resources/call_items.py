"""Calls as arguments: a Call, or the id of one."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from datetime import tzinfo
from functools import partial

from ..config import Config, require_project
from ..downloads.path_template import PathTemplate
from ..errors import ConfigurationError
from ..models.calls import Call
from ..validation import require_iterable
from ..wire import values

PathOf = Callable[[Call | str | int], str]
"""Function that gives a call the path of its recording, relative to a folder."""


def call_id_of(call: Call | str | int) -> str:
    """Return the id of a call, checked because it becomes part of a URL and of a file name."""
    return values.validate_id(call.id if isinstance(call, Call) else call, "call")


def path_below(template: str | None, config: Config, tz: tzinfo) -> PathOf:
    """Return the function that gives a call the path of its recording below a folder."""
    if template is None:
        return _mp3_name
    return partial(_path, PathTemplate(template, require_project(config), tz=tz))


def check_calls(
    calls: Iterable[Call | str | int] | AsyncIterable[Call | str | int],
    path_of: PathOf,
) -> None:
    """Raise ConfigurationError for calls that are no collection, or for an invalid one in it."""
    if not isinstance(calls, AsyncIterable):
        require_iterable(calls, "calls")
    if isinstance(calls, Sequence):  # an iterator can be checked only while it is consumed
        for call in calls:
            path_of(call)


def _mp3_name(call: Call | str | int) -> str:
    return f"{call_id_of(call)}.mp3"


def _path(template: PathTemplate, call: Call | str | int) -> str:
    if not isinstance(call, Call):
        raise ConfigurationError(
            "template needs Calls, because the path has the date of its call: "
            "pass Calls in place of ids, or leave template out"
        )
    return template.path_for(call_id_of(call), call.date)
