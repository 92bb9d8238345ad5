"""The bytes of a file as they come in, and whether they were all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

from ..errors import RequestTimeoutError, TransportError, TruncatedError


class Source(Protocol):
    """Be what a body is read from."""

    @property
    def length(self) -> int | None: ...

    def parts(self) -> AsyncIterator[bytes]: ...


class Body:
    """Iterate over the chunks of a file, once; `length` is its size where the answer said it.

    Raises TruncatedError if the end came early and RequestTimeoutError after a silence.
    """

    def __init__(
        self,
        source: Source,
        rest: AsyncIterator[bytes],
        head: bytes,
        close: Callable[[], Awaitable[None]],
    ) -> None:
        self.length = source.length
        self._rest = rest
        self._head = head
        self._close = close

    async def __aiter__(self) -> AsyncIterator[bytes]:
        received = len(self._head)
        yield self._head
        cut = False
        try:
            async for part in self._rest:
                received += len(part)
                yield part
        except RequestTimeoutError:
            raise
        except TransportError:
            cut = True
        if cut or (self.length is not None and received != self.length):
            raise TruncatedError(_cut_short(received, self.length))

    async def close(self) -> None:
        """Give the connection back, or close it if the body was not read to its end."""
        await self._close()


def _cut_short(received: int, length: int | None) -> str:
    promised = "" if length is None else f" of {length}"
    return f"the body ended after {received}{promised} bytes"
