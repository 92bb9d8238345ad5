"""Small valid MP3 files: silence that differs from call to call."""

from __future__ import annotations

import hashlib

# MPEG-1 Layer III, no CRC, 32 kbit/s, 32 kHz, mono: 144 bytes hold exactly 36 ms, never padded.
HEADER = b"\xff\xfb\x18\xc0"
FRAME_BYTES = 144
FRAME_MS = 36
# All-zero side information means no audio data: silence. What follows is ancillary, free to use.
_SILENCE = bytes(17)


def recording(call_id: str, seconds: float) -> bytes:
    """Make the recording of a call: about `seconds` long, never the same for two calls."""
    frames = max(2, round(seconds * 1000 / FRAME_MS))
    start, end = HEADER + _SILENCE, _mark(call_id)
    # The running number makes a splice at a wrong offset visible.
    audio = b"".join([start + b"%08d" % number + end for number in range(frames)])
    # Files with and without a tag are both met in life; even calls carry one.
    return _tag(call_id) + audio if _tagged(call_id) else audio


def _mark(call_id: str) -> bytes:
    digest = hashlib.sha512(call_id.encode()).digest() * 2
    room = FRAME_BYTES - len(HEADER) - len(_SILENCE) - 8
    # 0xFF would look like the start of a frame to a reader that scans for one.
    return digest[:room].replace(b"\xff", b"\xfe")


def _tagged(call_id: str) -> bool:
    return call_id[-1:] in set("02468")


def _tag(call_id: str) -> bytes:
    title = b"\x00Call " + call_id.encode()
    frame = b"TIT2" + len(title).to_bytes(4, "big") + b"\x00\x00" + title
    size = len(frame)
    return b"ID3\x03\x00\x00" + bytes([0, 0, size >> 7 & 127, size & 127]) + frame
