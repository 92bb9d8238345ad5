"""What an operation of the API sends."""

from __future__ import annotations

import re

from attrs import define, field

from ..wire.request import ByteRange, http_method
from .retry_rules import OperationKind

_ID = re.compile(r"/[0-9]+/", re.ASCII)


@define(eq=False)
class Operation:
    """One operation of the API. The body of a create holds phone numbers."""

    path: str
    body: bytes | None = field(repr=False)
    kind: OperationKind
    is_file: bool = False
    needs_project: bool = True
    byte_range: ByteRange | None = None
    is_retry: bool = False
    """Whether the caller retries what another operation began. It gets a fresh connection."""

    @property
    def method(self) -> str:
        """HTTP method of its requests."""
        return http_method(self.byte_range)

    @property
    def name(self) -> str:
        """Path without the id of a call."""
        return _ID.sub("/{id}/", self.path)
