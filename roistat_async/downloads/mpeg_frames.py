"""Frames of MPEG audio: how long one is, and where a sequence of them begins."""

from __future__ import annotations

import re
from collections.abc import Iterator

LAYER_2, LAYER_3 = 2, 1
"""Layers, as the two bits of a frame header encode them."""

_LAYER_3_HEADER = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb]")
_MIN_FRAMES = 3  # frames in sequence that are no accident
# ISO 11172-3 and 13818-3: bit rates in kbit/s and sample rates, by their 4 and 2 bit indices.
_BIT_RATES_LSF = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_BIT_RATES = {
    LAYER_2: (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    LAYER_3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
_SAMPLE_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def frame_length(data: bytes, offset: int, layer: int = LAYER_3) -> int:
    """Return the length of the frame at an offset; 0 if there is none of this layer."""
    header = data[offset : offset + 4]
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE0 | layer << 1:
        return 0
    version = header[1] >> 3 & 3
    rate, sample = header[2] >> 4, header[2] >> 2 & 3
    if version not in _SAMPLE_RATES or rate in (0, 15) or sample == 3:
        return 0
    bit_rate = (_BIT_RATES[layer] if version == 3 else _BIT_RATES_LSF)[rate] * 1000
    samples = 72 if version != 3 and layer == LAYER_3 else 144
    padding = header[2] >> 1 & 1
    return samples * bit_rate // _SAMPLE_RATES[version][sample] + padding


def find_frames(data: bytes, offset: int) -> int | None:
    """Return the offset of the next sequence of layer III frames, or None."""
    for match in _LAYER_3_HEADER.finditer(data, offset):
        if len(list(_frames(data, match.start()))) == _MIN_FRAMES:
            return match.start()
    return None


def signature(data: bytes, offset: int) -> bytes:
    """Return what all frames of a file have in common: version, layer, sample rate."""
    head = data[offset : offset + 3]
    return bytes([*head[:2], head[2] & 0x0C]) if len(head) == 3 else b""


def _frames(data: bytes, offset: int) -> Iterator[int]:
    """Yield the offsets of the first whole frames of one sequence."""
    common = signature(data, offset)
    for _ in range(_MIN_FRAMES):
        length = frame_length(data, offset)
        if not length or signature(data, offset) != common or offset + length > len(data):
            return
        yield offset
        offset += length
