"""Kind of a file by its first bytes: labels are wrong (an error saved as .xls is a real case)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Literal

from .mpeg_frames import LAYER_2, find_frames, frame_length

AudioFormat = Literal["wav", "ogg", "m4a", "mp2", "amr", "flac"]
"""Format of a recording that `accept` allows besides MP3; it is also the ending of its file."""

HEAD_SIZE = 4096
"""Number of bytes that is enough for nearly all files: two MPEG frames have at most 2,881."""
MAX_HEAD_SIZE = 64 * 1024
"""Number of bytes in which an MP3 may begin, behind padding or the end of a cut frame."""

OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP = b"PK\x03\x04"
_BOM = b"\xef\xbb\xbf"
_UTF_16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_NOTHING = (b"", b"null", b"false", b'""', b"[]", b"{}")  # as scripts print it, with a newline
_OFFICE_NAMES = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"xl/")
_SPREADSHEET_ML = (b"urn:schemas-microsoft-com:office:spreadsheet", b"Excel.Sheet")
_TAGS = (b"TAG", b"APETAGEX", b"LYRICSBEGIN")  # they may follow the only frame
_CONTROL = bytes({*range(32), 127} - set(b"\t\n\r"))


class FileKind(Enum):
    """Kind of a body; its value is what an error calls it."""

    EMPTY = "empty"
    JSON = "JSON"
    HTML = "HTML"
    XML = "XML"
    MP3 = "MP3"
    WAV = "WAV"
    OGG = "Ogg"
    M4A = "M4A"
    MP2 = "MP2"
    AMR = "AMR"
    FLAC = "FLAC"
    XLS = "XLS"
    XLSX = ".xlsx"
    SPREADSHEET_ML = "SpreadsheetML"
    CSV = "CSV"
    ZIP = "ZIP"
    GZIP = "gzip"
    OTHER = "an unknown format"


AUDIO_FORMATS: dict[AudioFormat, FileKind] = {
    "wav": FileKind.WAV,
    "ogg": FileKind.OGG,
    "m4a": FileKind.M4A,
    "mp2": FileKind.MP2,
    "amr": FileKind.AMR,
    "flac": FileKind.FLAC,
}
ENDINGS = {FileKind.MP3: ".mp3"} | {kind: f".{name}" for name, kind in AUDIO_FORMATS.items()}
"""Ending of a recording's file, by its kind."""
_MAGIC = {
    OLE2: FileKind.XLS,
    b"OggS": FileKind.OGG,
    b"#!AMR": FileKind.AMR,
    b"fLaC": FileKind.FLAC,
    b"\x1f\x8b": FileKind.GZIP,
}


def sniff(head: bytes) -> FileKind:
    """Return the kind of a body by its first bytes, or all if it is shorter.

    `HEAD_SIZE` bytes are enough, unless the result is OTHER or EMPTY: up to `MAX_HEAD_SIZE` may
    tell more.
    """
    if head.removeprefix(_BOM).strip() in _NOTHING:
        return FileKind.EMPTY
    if head.startswith(b"ID3") or _begins_with_frames(head):
        return FileKind.MP3
    kind = _sniff_container(head) or _sniff_text(head)
    is_late_mp3 = kind is FileKind.OTHER and (
        head.lstrip(_BOM + b"\0\t\n\r ").startswith(b"ID3") or find_frames(head, 0) is not None
    )
    return FileKind.MP3 if is_late_mp3 else kind


def with_ending(path: Path, kind: FileKind) -> Path:
    """Return the path with the ending of an audio kind, if it has the ending of another one."""
    is_audio = path.suffix.lower() in ENDINGS.values() and kind in ENDINGS
    return path.with_suffix(ENDINGS[kind]) if is_audio else path


def variants(path: Path, kinds: Sequence[FileKind]) -> list[Path]:
    """Return the path, and those that it would have with the ending of each other kind."""
    if len(kinds) == 1:
        return [path]
    return list(dict.fromkeys([path, *(with_ending(path, kind) for kind in kinds)]))


def _begins_with_frames(head: bytes) -> bool:
    """Return whether two frames follow each other, or one is everything but a tag."""
    length = frame_length(head, 0)
    return bool(length) and (
        length == len(head) or frame_length(head, length) > 0 or head.startswith(_TAGS, length)
    )


def _sniff_container(head: bytes) -> FileKind | None:
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            return kind
    if head.startswith(ZIP):
        return FileKind.XLSX if head.startswith(_OFFICE_NAMES, 30) else FileKind.ZIP
    if head.startswith((b"RIFF", b"RF64")) and head[8:12] == b"WAVE":
        return FileKind.WAV
    if head[4:8] == b"ftyp":
        return FileKind.M4A
    length = frame_length(head, 0, LAYER_2)
    return FileKind.MP2 if length and frame_length(head, length, LAYER_2) else None


def _sniff_text(head: bytes) -> FileKind:
    text = head.removeprefix(_BOM).lstrip()
    if text.startswith(_UTF_16_BOMS):  # Excel writes "Unicode text" so
        text = text[: len(text) & ~1].decode("utf-16", "replace").encode()
        return FileKind.CSV if _is_csv(text) else FileKind.OTHER
    if text.startswith((b"{", b"[")):
        return FileKind.JSON
    if text.startswith(b"<?xml"):
        is_sheet = any(name in text for name in _SPREADSHEET_ML)
        return FileKind.SPREADSHEET_ML if is_sheet else FileKind.XML
    if text.startswith(b"<"):
        return FileKind.HTML
    return FileKind.CSV if _is_csv(text) else FileKind.OTHER


def _is_csv(text: bytes) -> bool:
    """Return whether the first two lines of a text have equally many separators."""
    if text.translate(None, _CONTROL) != text:
        return False
    first, second, *_ = [*text.split(b"\n", 2), b"", b""]
    return any(first.count(sign) == second.count(sign) > 0 for sign in (b";", b",", b"\t"))
