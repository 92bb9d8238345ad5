"""Text of the checks for a bug report, without anything personal."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator
from importlib import metadata

from ..config import DEFAULT_BASE_URL
from .check import Check

_LIBRARIES = ("roistat_async", "aiohttp", "attrs", "cattrs", "msgspec", "tenacity")


def format_report(checks: Iterable[Check], *, base_url: str) -> str:
    """Return the checks and the versions as Markdown, to be attached to a bug report.

    It holds no key, project, address, call, number or name.
    """
    return "\n".join(_lines(checks, base_url)) + "\n"


def _lines(checks: Iterable[Check], base_url: str) -> Iterator[str]:
    yield "# Report of `roistat doctor`"
    yield ""
    yield from (f"- {name} {metadata.version(name)}" for name in _LIBRARIES)
    yield f"- Python {platform.python_version()}, {platform.system()}"
    address = "the default" if base_url == DEFAULT_BASE_URL else "another"
    yield f"- address: {address}"
    yield ""
    yield "| check | status | found | what the library does |"
    yield "|---|---|---|---|"
    for check in checks:
        yield f"| {check.name} | {check.status} | {check.detail} | {check.handling} |"
