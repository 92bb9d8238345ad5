"""Paths of recordings: no template, id or link leads out of the folder."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path, PurePosixPath, PureWindowsPath
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async.downloads.path_template import (
    DEFAULT_TEMPLATE,
    FIELDS,
    PathTemplate,
    resolve_inside,
)
from roistat_async.errors import ConfigurationError

DATE = datetime(2026, 5, 1, 22, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("template", "path"),
    [
        (DEFAULT_TEMPLATE, "2026/05/01/7.mp3"),
        ("{call_id}", "7"),
        ("{project}/{month}/{day} {hour}h/call {call_id}.mp3", "12/05/01 22h/call 7.mp3"),
        ("записи/{call_id}.mp3", "записи/7.mp3"),
        ("{{x}}/{call_id}.mp3", "{x}/7.mp3"),
        ("{call_id}/{call_id}.mp3", "7/7.mp3"),
        ("com{month}/{call_id}", "com05/7"),
    ],
)
def test_a_template_is_filled(template: str, path: str) -> None:
    """The fields are the parts of the date in UTC, the id and the project."""
    for zone in (UTC, timezone(timedelta(hours=3))):
        assert PathTemplate(template, 12).path_for("7", DATE.astimezone(zone)) == path


def test_dates_in_a_time_zone() -> None:
    """The fields of the date are those of a time zone, which is no mere name."""
    template = PathTemplate("{year}/{month}/{day}/{hour}/{call_id}", 12, tz=ZoneInfo("Asia/Tokyo"))
    assert template.path_for("7", DATE) == "2026/05/02/07/7"
    with pytest.raises(ConfigurationError, match="ZoneInfo"):
        PathTemplate(DEFAULT_TEMPLATE, 12, tz="Europe/Moscow")  # type: ignore[arg-type]  # refused


@pytest.mark.parametrize(
    "template",
    [
        "", "/{call_id}.mp3", "//host/share/{call_id}", "a//{call_id}.mp3", "{call_id}/",
        "../{call_id}.mp3", "a/../{call_id}.mp3", "./{call_id}.mp3",
        ".{call_id}.0123456789ab.part", "a./{call_id}.mp3", "{call_id}.", "{call_id} ",
        "a\\{call_id}.mp3", "..\\{call_id}.mp3", "C:/{call_id}.mp3", "{call_id}.mp3:stream",
        "a\0/{call_id}.mp3", "a\n/{call_id}.mp3", "a\x1b[2J/{call_id}.mp3",
        "a\u202e/{call_id}.mp3", "a\ud800/{call_id}.mp3", "a?/{call_id}.mp3",
        "con/{call_id}.mp3", "Nul.txt/{call_id}.mp3", "aux .x/{call_id}.mp3",
        "lpt¹/{call_id}.mp3", "com{project}/{call_id}.mp3",
        "{call_id}/all.mp3", "{year}.mp3", "{{call_id}}.mp3", "{call_id", "call_id}",
        "x" * 236 + "{call_id}", "ж" * 128 + "/{call_id}",
    ],
)  # fmt: skip
def test_an_unsafe_template_is_refused(template: str) -> None:
    """The error has an example of a valid one."""
    with pytest.raises(ConfigurationError, match=re.escape(DEFAULT_TEMPLATE)):
        PathTemplate(template, 1)


@pytest.mark.parametrize(
    "field",
    ["", "0", "caller", "call_id!r", "call_id:>30", "call_id.__class__", "call_id[0]",
     "year:{month}", " call_id"],
)  # fmt: skip
def test_only_plain_fields_are_allowed(field: str) -> None:
    """Attributes, indexes, conversions and formats are not; the error names the fields."""
    allowed = "only {year}, {month}, {day}, {hour}, {call_id}, {project}"
    with pytest.raises(ConfigurationError, match=re.escape(allowed)):
        PathTemplate(f"{{{field}}}-{{call_id}}.mp3", 1)


@pytest.mark.parametrize("call_id", ["", "../7", "7/8", "7\n", "٣", "1" * 21, "-7", "a"])
def test_an_invalid_id_is_refused(call_id: str) -> None:
    """Ids are data from outside."""
    with pytest.raises(ConfigurationError, match="1 to 20 digits"):
        PathTemplate(DEFAULT_TEMPLATE, 1).path_for(call_id, DATE)


def test_an_invalid_value_is_refused() -> None:
    """A naive date has no day, a path object normalises its parts, a file may name a device."""
    with pytest.raises(ConfigurationError, match="time zone"):
        PathTemplate(DEFAULT_TEMPLATE, 1).path_for("7", DATE.replace(tzinfo=None))
    with pytest.raises(ConfigurationError, match="string"):
        PathTemplate(Path("{call_id}"), 1)  # type: ignore[arg-type]  # no text
    template = PathTemplate("COM{call_id}.mp3", 1)
    assert template.path_for("7000", DATE) == "COM7000.mp3"
    with pytest.raises(ConfigurationError, match="Windows"):
        template.path_for("1", DATE)


_FRAGMENTS = st.sampled_from(
    ["/", "\\", "..", ".", " ", "{", "}", "{{", "}}", "C:", "~", "\0", "con", "a", "ж", "%2e",
     "$HOME", *(f"{{{name}}}" for name in FIELDS)]
)  # fmt: skip
TEMPLATES = st.lists(_FRAGMENTS | st.text(max_size=3), max_size=6).map("".join)
CALL_IDS = st.integers(0, 10**20 - 1).map(str) | st.text(max_size=5)
DATES = st.datetimes(timezones=st.just(UTC))


@given(TEMPLATES, CALL_IDS, DATES)
def test_nothing_leads_out_of_the_folder(template: str, call_id: str, date: datetime) -> None:
    """A path is refused or is below the folder, on POSIX and on Windows."""
    # Most generated templates lack {call_id}; with it, the other checks are reached.
    for candidate in (template, template + "{call_id}.mp3"):
        try:
            path = PathTemplate(candidate, 12).path_for(call_id, date)
        except ConfigurationError:
            continue
        below = PurePosixPath(os.path.normpath(f"/root/{path}"))
        assert below == PurePosixPath(f"/root/{path}")
        assert len(below.parts) > 2
        windows = PureWindowsPath(path)
        assert not windows.anchor
        assert windows.parts == PurePosixPath(path).parts
        assert call_id in below.name
        assert all(len(part.encode()) <= 255 for part in below.parts)


def test_a_path_is_below_its_folder(tmp_path: Path) -> None:
    """The folder may be a link or missing, and a moved year may be a link that stays inside."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    for root in (tmp_path / "link", tmp_path / "new"):
        assert resolve_inside(root, "2026/7.mp3") == root / "2026" / "7.mp3"
    (tmp_path / "2026").symlink_to("real")
    assert resolve_inside(tmp_path, "2026/7.mp3") == tmp_path / "2026" / "7.mp3"


@pytest.mark.parametrize("target", ["..", "/", "/nowhere", "../other", "2026"])
def test_a_link_that_leads_out_is_refused(target: str, tmp_path: Path) -> None:
    """A folder of the path leads out, to nothing, or to itself."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "2026").symlink_to(target)
    with pytest.raises(ConfigurationError, match="leads out"):
        resolve_inside(root, "2026/05/7.mp3")
