"""Members of a union type."""

from __future__ import annotations

import types
import typing
from typing import Any, Union


def union_members(kind: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the type itself if it is none."""
    is_union = typing.get_origin(kind) in (Union, types.UnionType)
    return typing.get_args(kind) if is_union else (kind,)
