"""Server in a process of its own that sends one recording under every id, with little work.

It sends the same bytes with their Content-Length for every GET or POST, by sendfile, and keeps the
connection open.
"""

from __future__ import annotations

import multiprocessing
import os
import selectors
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from roistat_async.testing import mp3

PROJECT = 12345
PATH = "project/calltracking/call/{call_id}/file"

_SENDFILE_MAX = 1 << 30


@contextmanager
def serving_file(path: Path) -> Iterator[str]:
    """Serve a file while the block runs, and yield the base URL."""
    context = multiprocessing.get_context("spawn")
    parent, child = context.Pipe()
    process = context.Process(target=_serve, args=(path, child), daemon=True)
    process.start()
    child.close()
    try:
        yield f"http://127.0.0.1:{parent.recv()}/api/v1"
    finally:
        parent.close()
        process.join(30)


def make_recording(path: Path, size: int) -> Path:
    """Write an MP3 of so many bytes: whole frames, then zeros."""
    audio_size = size // mp3.FRAME_BYTES * mp3.FRAME_BYTES
    audio = mp3.recording("7", 60)
    block = audio * (1 + (1 << 20) // len(audio))
    with path.open("wb") as file:
        while (missing := audio_size - file.tell()) > 0:
            file.write(block[:missing])
        file.write(bytes(size - audio_size))
    return path


class _Connection:
    """Connection on which every request gets the file."""

    def __init__(self, sock: socket.socket, head: bytes, file: int) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self._head = head
        self._file = file
        self._request = b""
        self._offset: int | None = None

    def advance(self) -> int:
        """Read and send without blocking; return the event to wait for, 0 at the end."""
        try:
            if self._offset is None and not self._read_request():
                return selectors.EVENT_READ
            return self._send()
        except BlockingIOError:
            return selectors.EVENT_READ if self._offset is None else selectors.EVENT_WRITE
        except ConnectionError:
            return 0

    def _read_request(self) -> bool:
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionResetError
        self._request += data
        if b"\r\n\r\n" not in self._request:
            return False
        self._request, self._offset = b"", 0
        self.sock.send(self._head, socket.MSG_MORE)
        return True

    def _send(self) -> int:
        while sent := os.sendfile(self.sock.fileno(), self._file, self._offset or 0, _SENDFILE_MAX):
            self._offset = (self._offset or 0) + sent
        self._offset = None
        return selectors.EVENT_READ


def _serve(path: Path, pipe: Connection) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    with path.open("rb") as file, listener, selectors.DefaultSelector() as selector:
        kind = "HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n"
        head = f"{kind}Content-Length: {path.stat().st_size}\r\n\r\n".encode()
        selector.register(listener, selectors.EVENT_READ)
        selector.register(pipe, selectors.EVENT_READ)
        pipe.send(listener.getsockname()[1])
        while True:
            for key, _ in selector.select():
                if key.fileobj is pipe:
                    return
                connection = key.data
                if connection is None:
                    connection = _Connection(listener.accept()[0], head, file.fileno())
                    selector.register(connection.sock, selectors.EVENT_READ, connection)
                elif not (event := connection.advance()):
                    selector.unregister(connection.sock)
                    connection.sock.close()
                elif event != key.events:
                    selector.modify(connection.sock, event, connection)
