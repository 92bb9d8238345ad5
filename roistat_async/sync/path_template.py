"""Where a recording lies below its folder: a template that cannot lead out of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter

from ..errors import ConfigurationError
from ..models.period import check_aware
from ..wire.values import validate_id

DEFAULT_TEMPLATE = "{year}/{month}/{day}/{call_id}.mp3"
FIELDS = ("year", "month", "day", "hour", "call_id", "project")

_LONGEST = 255  # bytes of one part, as nearly every file system has it
# Not all are forbidden everywhere, but an archive may be moved to where they are.
_FORBIDDEN = frozenset('\\:*?"<>|')
_RESERVED = frozenset(
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"]
    + [f"{device}{number}" for device in ("COM", "LPT") for number in "0123456789¹²³"]
)
_ANY_DATE = datetime(2026, 12, 31, 23, tzinfo=UTC)


class PathTemplate:
    """Give each call its place below a folder, by a template like `{year}/{call_id}.mp3`.

    Fields are year, month, day and hour of the call in UTC, call_id and project; the last part
    must hold {call_id}. Raises ConfigurationError for any other template.
    """

    def __init__(self, template: str, project: int) -> None:
        self._project = project
        self._parts = [_check_part(part) for part in _split(template)]
        if "call_id" not in _fields(self._parts[-1]):
            raise _invalid("its last part must hold {call_id}: each call needs a file of its own")
        self.path_for("9" * 20, _ANY_DATE)  # too long for a file name: found before any call

    def path_for(self, call_id: str, date: datetime) -> str:
        """Give the path of a recording, relative and with `/`."""
        values = _values(self._project, call_id, date)
        return "/".join(_check_filled(part.format_map(values)) for part in self._parts)


def resolve_inside(root: Path, place: str) -> Path:
    """Give the path of a place below a folder; refuse one that a link leads out of it."""
    path = root / place
    try:
        is_inside = path.parent.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # links in a circle
        is_inside = False
    if not is_inside:
        raise ConfigurationError(
            f"a link at {path.parent} leads out of {root}: remove it, or name another folder"
        )
    return path


def _split(template: object) -> list[str]:
    if not isinstance(template, str):
        raise _invalid("it must be a string")
    return template.split("/")


def _check_part(part: str) -> str:
    """Check what a template says between two slashes, its fields not filled yet."""
    for literal, name, spec, conversion in _parsed(part):
        if name is not None and (name not in FIELDS or spec or conversion):
            raise _invalid(
                f"only {', '.join(f'{{{field}}}' for field in FIELDS)} are allowed in it"
            )
        if not literal.isprintable() or _FORBIDDEN.intersection(literal):
            raise _invalid(f"no control character and none of {' '.join(sorted(_FORBIDDEN))} in it")
    if not part:
        raise _invalid("it must be relative to the folder, without empty parts")
    # A leading dot would also hide a file, or make a finished one look like the part of one.
    if part[0] in ". " or part[-1] in ". ":
        raise _invalid("no part of it may begin or end with a dot or a space")
    return part


def _parsed(part: str) -> Iterator[tuple[str, str | None, str | None, str | None]]:
    try:
        yield from list(Formatter().parse(part))
        return
    except ValueError:
        pass
    raise _invalid("a { or } in it has no partner")


def _fields(part: str) -> set[str | None]:
    return {name for _, name, _, _ in _parsed(part)}


def _values(project: int, call_id: str, date: datetime) -> Mapping[str, str]:
    check_aware(date, "the date of a call")
    utc = date.astimezone(UTC)
    return {
        "year": f"{utc.year:04}",
        "month": f"{utc.month:02}",
        "day": f"{utc.day:02}",
        "hour": f"{utc.hour:02}",
        "call_id": validate_id(call_id, "the id of a call"),
        "project": validate_id(project, "project"),
    }


def _check_filled(part: str) -> str:
    """Check what only the filled part tells: `COM{call_id}` is a device for call 1."""
    if len(part.encode()) > _LONGEST:
        raise _invalid(f"a part of it would be longer than {_LONGEST} bytes")
    if part.split(".")[0].rstrip(" ").upper() in _RESERVED:
        raise _invalid("a part of it would be the name of a device on Windows, like CON or LPT1")
    return part


def _invalid(why: str) -> ConfigurationError:
    return ConfigurationError(
        f"the template of recordings cannot be used: {why}; e.g. {DEFAULT_TEMPLATE}"
    )
