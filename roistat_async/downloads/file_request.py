"""What file of Roistat's is asked for, and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from ..api.attempt import Operation
from ..errors import RoistatError
from ..transport.retry import Kind
from ..wire import request
from .file_kind import Content


@frozen
class FileRequest:
    """Name a file of Roistat's and what it must be."""

    path: str
    body: Mapping[str, Any] | None
    content: Content
    is_one_of_many: bool = False
    """Whether the connection of another one may be used where nothing went wrong yet."""
    may_be_left: bool = True
    """Whether a killed run may have left a part of it beside its target."""
    on_trouble: Callable[[RoistatError], object] | None = None
    """Told of each error that a repeat follows."""

    @property
    def can_be_got(self) -> bool:
        """Tell whether GET names the same file: only where nothing but the path does."""
        return self.body is None

    def operation(self, *, is_repeat: bool, rest: request.Rest | None = None) -> Operation:
        """Spell it for the endpoint."""
        return Operation(
            self.path,
            request.encode(self.body),
            Kind.READ,
            is_file=True,
            rest=rest,
            is_handed_on=self.is_one_of_many and not is_repeat and rest is None,
            on_trouble=self.on_trouble,
        )
