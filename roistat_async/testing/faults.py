"""What can go wrong on request, ready to be scripted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from attrs import evolve, field, frozen

from . import raw_connection
from .api_errors import error_response
from .recorded_request import RecordedRequest
from .responses import FakeResponse

Change = Callable[[FakeResponse, RecordedRequest], FakeResponse]
_HTML = "<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>"


@frozen
class Fault:
    """One thing that goes wrong; build it by the class methods.

    `applied` says whether the request changes the state all the same. It is so where the true
    answer is needed (cut, delayed, relabelled); elsewhere ask for it with `after_applying()`.
    """

    name: str
    applied: bool = False
    seconds: float = 0.0
    until: asyncio.Event | None = field(default=None, repr=False)
    change: Change | None = field(default=None, repr=False)
    wire: raw_connection.WireAction | None = field(default=None, repr=False)

    def after_applying(self) -> Fault:
        """Return the same fault, met after the request was carried out: its response is lost."""
        return evolve(self, applied=True)

    @classmethod
    def status(
        cls,
        code: int,
        body: bytes | str = b"",
        content_type: str = "text/html",
        headers: Mapping[str, str] | None = None,
    ) -> Fault:
        """Answer an HTTP status with any body."""
        return cls._replace(f"status {code}", body, code, content_type, headers)

    @classmethod
    def error(
        cls,
        code: str,
        description: str | None = None,
        *,
        details: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Fault:
        """Answer one of Roistat's errors, HTTP 200 unless the request asks for real codes."""

        def change(_: FakeResponse, request: RecordedRequest) -> FakeResponse:
            real = request.headers.get("Use-Http-Code") == "1"
            return error_response(
                code, description, use_http_code=real, details=details, headers=headers
            )

        return cls(f"error {code}", change=change)

    @classmethod
    def retry_after(cls, value: str, code: str = "request_limit_error") -> Fault:
        """Answer an error of Roistat with a Retry-After of this text."""
        return evolve(cls.error(code, headers={"Retry-After": value}), name=f"retry after {value}")

    @classmethod
    def html(cls, text: str = _HTML, status: int = 200) -> Fault:
        """Answer a web page, as a proxy or a captive portal does."""
        return cls._replace("html", text, status, "text/html; charset=utf-8")

    @classmethod
    def empty(cls, status: int = 200, content_type: str = "application/json") -> Fault:
        """Answer no body at all."""
        return cls._replace("empty", b"", status, content_type)

    @classmethod
    def garbage(
        cls, data: bytes = b"\x00\xff\xfe\x80roistat", content_type: str = "application/json"
    ) -> Fault:
        """Answer these bytes with status 200."""
        return cls._replace("garbage", data, 200, content_type)

    @classmethod
    def redirect(cls, location: str | None, status: int = 302) -> Fault:
        """Send the client elsewhere, or nowhere."""
        headers = {} if location is None else {"Location": location}
        return cls._replace(f"redirect {status}", b"", status, "text/html", headers)

    @classmethod
    def content_type(cls, value: str) -> Fault:
        """Answer truly under a wrong label."""
        return cls(
            f"content type {value}",
            applied=True,
            change=lambda answer, _: evolve(answer, content_type=value),
        )

    @classmethod
    def headers(cls, headers: Mapping[str, str]) -> Fault:
        """Answer truly with these headers added."""
        return cls(
            "headers",
            applied=True,
            change=lambda answer, _: evolve(answer, headers={**answer.headers, **headers}),
        )

    @classmethod
    def rewrite(cls, change: Callable[[bytes], bytes]) -> Fault:
        """Answer truly, the body passed through a function."""
        return cls(
            "rewrite",
            applied=True,
            change=lambda answer, _: evolve(answer, body=change(answer.body)),
        )

    @classmethod
    def delay(cls, seconds: float) -> Fault:
        """Carry the request out and respond later."""
        return cls(f"delay {seconds}", applied=True, seconds=seconds)

    @classmethod
    def wait_for(cls, until: asyncio.Event) -> Fault:
        """Carry the request out and respond once the event is set; same event loop only."""
        return cls("hold", applied=True, until=until)

    @classmethod
    def truncated(cls, at: int | None = None) -> Fault:
        """Promise the true body by Content-Length, send `at` bytes (default: half), close."""
        return cls("truncated", applied=True, wire=raw_connection.truncated(at))

    @classmethod
    def unframed(cls, at: int | None = None, *, whole: bool = False) -> Fault:
        """Send the true body, cut, with neither a length nor chunks."""
        return cls("unframed", applied=True, wire=raw_connection.unframed(at, whole))

    @classmethod
    def cut_chunks(cls, at: int | None = None) -> Fault:
        """Send one chunk of the true body and close before the last."""
        return cls("cut chunks", applied=True, wire=raw_connection.cut_chunks(at))

    @classmethod
    def reset(cls) -> Fault:
        """Read the request, then cut the connection with RST."""
        return cls("reset", wire=raw_connection.reset)

    @classmethod
    def close_silently(cls) -> Fault:
        """Read the request, then close the connection without a word."""
        return cls("hang up", wire=raw_connection.close_silently)

    @classmethod
    def stall(cls, at: int = 0, *, headers: bool = True) -> Fault:
        """Send the headers and `at` bytes of the true body, or nothing, then keep silent."""
        return cls("stall", applied=headers, wire=raw_connection.stall(at, headers))

    @classmethod
    def trickle(cls, size: int = 1, pause: float = 0.05) -> Fault:
        """Send the true body a few bytes at a time."""
        return cls("drip", applied=True, wire=raw_connection.trickle(size, pause))

    @classmethod
    def raw_bytes(cls, data: bytes) -> Fault:
        """Write exactly these bytes to the connection, then close it."""
        return cls("raw", wire=raw_connection.raw(data))

    @classmethod
    def _replace(
        cls,
        name: str,
        body: bytes | str,
        status: int,
        content_type: str,
        headers: Mapping[str, str] | None = None,
    ) -> Fault:
        data = body.encode() if isinstance(body, str) else body
        answer = FakeResponse(data, status, content_type, headers or {})
        return cls(name, change=lambda _, __: answer)
