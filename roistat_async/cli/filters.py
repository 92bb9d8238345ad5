"""Conditions and sorting on the command line.

The library sends the value of a filter as it is, and Roistat finds nothing for one that it does not
understand. Typed by hand, it is therefore checked against the kind of its field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, tzinfo
from difflib import get_close_matches
from typing import Any

import click

from ..models.calls import CallStatus
from .options import parse_names

_CONDITION = re.compile(r"\s*(\w+)\s*(<=|>=|!=|<|>|=|\bin\b|\blike\b|\bnull\b)\s*(.*?)\s*")
_YES_NO = {"1": True, "0": False, "yes": True, "no": False, "true": True, "false": False}
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_ID = re.compile(r"[0-9]+", re.ASCII)
_NUMBER_FIELDS = {"duration", "waiting_time", "answer_duration", "call_count", "script_id"}
_PHONE_FIELDS = {"caller", "callee", "phone"}
_PHONE_SEPARATORS = str.maketrans("", "", "+()- .\xa0")


def parse_filter(text: str, fields: Iterable[str], zone: tzinfo) -> tuple[Any, Any, Any]:
    """Parse `field op value`, e.g. `caller = 79000000000` or `status in ANSWER,BUSY`."""
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise click.UsageError("--filter must be FIELD OP VALUE, e.g. 'status = ANSWER'")
    name, operator, value = match.groups()
    _check_field(name, fields, "--filter")
    return name, operator, _parse_value(name, operator, value, zone)


def parse_statuses(texts: Iterable[str]) -> CallStatus | list[CallStatus] | None:
    """Parse the values of --status, each one status or several with commas."""
    names = [name for text in texts for name in parse_names(text)]
    statuses = [_parse_status(name, "--status") for name in names]
    return statuses[0] if len(statuses) == 1 else statuses or None


def parse_phone_filters(texts: Iterable[str], fields: Iterable[str]) -> list[tuple[Any, Any, Any]]:
    """Parse the values of --phone: return a filter for each field, of which one must match."""
    numbers = [parse_phone(name) for text in texts for name in parse_names(text)]
    if not numbers:
        return []
    if not any("%" in number for number in numbers):
        return [(field, "in", numbers) for field in fields]
    if len(numbers) > 1:
        raise click.UsageError("--phone with % must be the only one")
    return [(field, "like", numbers[0]) for field in fields]


def parse_sort(text: str, fields: Iterable[str]) -> tuple[Any, Any]:  # checked by the library
    """Parse `date:desc`; a field alone means ascending."""
    name, _, direction = text.partition(":")
    _check_field(name, fields, "--sort")
    return name, direction or "asc"


def parse_phone(value: str) -> str:
    """Return a phone number as Roistat stores it; other text, e.g. anonymous, as it is."""
    digits = value.translate(_PHONE_SEPARATORS)
    return digits if digits.replace("%", "").isdigit() else value


def _check_field(name: str, fields: Iterable[str], option: str) -> None:
    if name not in (known := sorted(fields)):
        raise click.UsageError(f"unknown field in {option}; {_suggest(name, known)}")


def _suggest(word: str, known: Iterable[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f"did you mean {close[0]}?" if close else f"use one of: {' '.join(known)}"


def _parse_value(name: str, operator: str, value: str, zone: tzinfo) -> Any:
    if operator == "null":
        return _parse_flag(value, f"'{name} null' in --filter")
    if operator == "like":
        return parse_phone(value) if name in _PHONE_FIELDS else value
    if operator == "in":
        return [_parse_scalar(name, part, zone) for part in parse_names(value)]
    return _parse_scalar(name, value, zone)


def _parse_scalar(name: str, value: str, zone: tzinfo) -> Any:
    what = f"{name} in --filter"
    if name == "status":
        return _parse_status(value)
    if name.endswith("date"):
        return _parse_date(value, what, zone)
    if name in _PHONE_FIELDS:
        return parse_phone(value)
    if name == "is_external":
        return _parse_flag(value, what)
    if name == "id" and not _ID.fullmatch(value):
        raise click.UsageError(f"{what} must be an id, e.g. '{name} = 12345'")
    if name in _NUMBER_FIELDS and not _NUMBER.fullmatch(value):
        raise click.UsageError(f"{what} must be a number, e.g. '{name} > 30'")
    return value


def _parse_status(value: str, option: str = "--filter") -> CallStatus:
    known = sorted(CallStatus)
    if value.upper() not in known:
        raise click.UsageError(f"unknown status in {option}; {_suggest(value.upper(), known)}")
    return CallStatus(value.upper())


def _parse_date(value: str, what: str, zone: tzinfo) -> datetime:
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        when = None
    if when is None:
        raise click.UsageError(f"{what} must be a date: 2026-05-01 or 2026-05-01T12:00+03:00")
    return when if when.utcoffset() is not None else when.replace(tzinfo=zone)


def _parse_flag(value: str, what: str) -> bool:
    if value.lower() not in _YES_NO:
        raise click.UsageError(f"{what} must be 1 or 0")
    return _YES_NO[value.lower()]
