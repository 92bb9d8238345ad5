"""Paths of recordings below their folder: a template that cannot lead out of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from string import Formatter

from ..errors import ConfigurationError
from ..models.period import check_aware
from ..wire.values import validate_id

DEFAULT_TEMPLATE = "{year}/{month}/{day}/{call_id}.mp3"
FIELDS = ("year", "month", "day", "hour", "call_id", "project")

_MAX_BYTES = 255  # of a file name on nearly every file system
# Some of these are allowed here, but the archive may be moved to a system where they are not.
_FORBIDDEN = frozenset('\\:*?"<>|')
_RESERVED = frozenset(
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"]
    + [f"{device}{number}" for device in ("COM", "LPT") for number in "0123456789¹²³"]
)
_ANY_DATE = datetime(2026, 12, 31, 23, tzinfo=UTC)


class PathTemplate:
    """Template such as `{year}/{call_id}.mp3` that gives each call a path below a folder.

    The fields are the year, month, day and hour of the call in `tz`, its call_id and the project.
    The last component must contain {call_id}. Another template raises ConfigurationError.
    """

    def __init__(self, template: str, project: int, *, tz: tzinfo = UTC) -> None:
        self._project = project
        self._tz = _check_zone(tz)
        self._components = [_check_component(component) for component in _split(template)]
        if "call_id" not in _field_names(self._components[-1]):
            raise _invalid("the last component must contain {call_id}, so that no two calls clash")
        self.path_for("9" * 20, _ANY_DATE)  # a file name that is too long is an error at once

    def path_for(self, call_id: str, date: datetime) -> str:
        """Return the path of a recording, relative to the folder and with `/`."""
        values = _values(self._project, call_id, date, self._tz)
        return "/".join(_check_name(part.format_map(values)) for part in self._components)


def resolve_inside(root: Path, relative_path: str) -> Path:
    """Return the path below a folder; raise ConfigurationError if a link leads out of it."""
    path = root / relative_path
    try:
        is_inside = path.parent.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # a cycle of links
        is_inside = False
    if not is_inside:
        raise ConfigurationError(
            f"a link at {path.parent} leads out of {root}; remove it, or name another folder"
        )
    return path


def _split(template: object) -> list[str]:
    if not isinstance(template, str):
        raise _invalid("it must be a string")
    return template.split("/")


def _check_component(component: str) -> str:
    """Check what stands between two slashes, before its fields are filled."""
    for literal, name, spec, conversion in _parse(component):
        if name is not None and (name not in FIELDS or spec or conversion):
            raise _invalid(f"only {', '.join(f'{{{field}}}' for field in FIELDS)} are allowed")
        if not literal.isprintable() or _FORBIDDEN.intersection(literal):
            raise _invalid(f"control characters and {' '.join(sorted(_FORBIDDEN))} are not allowed")
    if not component:
        raise _invalid("it must be relative to the folder, without empty components")
    # A leading dot would hide a file, or give it the name of a part file.
    if component[0] in ". " or component[-1] in ". ":
        raise _invalid("no component may begin or end with a dot or a space")
    return component


def _parse(component: str) -> Iterator[tuple[str, str | None, str | None, str | None]]:
    try:
        yield from list(Formatter().parse(component))
        return
    except ValueError:
        pass
    raise _invalid("a { or } is not closed")


def _field_names(component: str) -> set[str | None]:
    return {name for _, name, _, _ in _parse(component)}


def _check_zone(tz: object) -> tzinfo:
    if not isinstance(tz, tzinfo):
        raise ConfigurationError('tz must be a time zone, e.g. ZoneInfo("Europe/Moscow")')
    return tz


def _values(project: int, call_id: str, date: datetime, tz: tzinfo) -> Mapping[str, str]:
    check_aware(date, "the date of a call")
    local = date.astimezone(tz)
    return {
        "year": f"{local.year:04}",
        "month": f"{local.month:02}",
        "day": f"{local.day:02}",
        "hour": f"{local.hour:02}",
        "call_id": validate_id(call_id, "the id of a call"),
        "project": validate_id(project, "project"),
    }


def _check_name(name: str) -> str:
    """Check a component once its fields are filled: `COM{call_id}` is a device for call 1."""
    if len(name.encode()) > _MAX_BYTES:
        raise _invalid(f"a component would be longer than {_MAX_BYTES} bytes")
    if name.split(".")[0].rstrip(" ").upper() in _RESERVED:
        raise _invalid("a component would be the name of a device on Windows, like CON or LPT1")
    return name


def _invalid(reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"invalid template of recordings: {reason}; an example is {DEFAULT_TEMPLATE}"
    )
