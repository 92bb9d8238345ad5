"""A server of one recording under every id, in a process of its own, by sendfile: little work.

It takes whatever comes on a connection for requests, GET or POST, and answers each with the same
bytes and their Content-Length; the connection stays open.
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

_MOST_AT_ONCE = 1 << 30


@contextmanager
def serving_file(path: Path) -> Iterator[str]:
    """Serve a file while the block runs; gives the base URL."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(path, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield f"http://127.0.0.1:{ours.recv()}/api/v1"
    finally:
        ours.close()
        process.join(30)


def make_recording(path: Path, size: int) -> Path:
    """Write an MP3 of so many bytes: whole frames, and zeros where one more would be cut."""
    whole = size // mp3.FRAME_BYTES * mp3.FRAME_BYTES
    seconds = mp3.recording("7", 60)
    block = seconds * (1 + (1 << 20) // len(seconds))
    with path.open("wb") as file:
        while (left := whole - file.tell()) > 0:
            file.write(block[:left])
        file.write(bytes(size - whole))
    return path


class _Connection:
    """Answer whatever comes on a connection with the file."""

    def __init__(self, sock: socket.socket, head: bytes, file: int) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self._head = head
        self._file = file
        self._asked = b""
        self._place: int | None = None

    def go_on(self) -> int:
        """Do what can be done; give what to wait for, 0 at the end."""
        try:
            if self._place is None and not self._hear():
                return selectors.EVENT_READ
            return self._send()
        except BlockingIOError:
            return selectors.EVENT_READ if self._place is None else selectors.EVENT_WRITE
        except ConnectionError:
            return 0

    def _hear(self) -> bool:
        part = self.sock.recv(65536)
        if not part:
            raise ConnectionResetError
        self._asked += part
        if b"\r\n\r\n" not in self._asked:
            return False
        self._asked, self._place = b"", 0
        self.sock.send(self._head, socket.MSG_MORE)
        return True

    def _send(self) -> int:
        while sent := os.sendfile(self.sock.fileno(), self._file, self._place or 0, _MOST_AT_ONCE):
            self._place = (self._place or 0) + sent
        self._place = None
        return selectors.EVENT_READ


def _serve(path: Path, pipe: Connection) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    with path.open("rb") as file, listener, selectors.DefaultSelector() as waiting:
        kind = "HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n"
        head = f"{kind}Content-Length: {path.stat().st_size}\r\n\r\n".encode()
        waiting.register(listener, selectors.EVENT_READ)
        waiting.register(pipe, selectors.EVENT_READ)
        pipe.send(listener.getsockname()[1])
        while True:
            for key, _ in waiting.select():
                if key.fileobj is pipe:
                    return
                connection = key.data
                if connection is None:
                    connection = _Connection(listener.accept()[0], head, file.fileno())
                    waiting.register(connection.sock, selectors.EVENT_READ, connection)
                elif not (event := connection.go_on()):
                    waiting.unregister(connection.sock)
                    connection.sock.close()
                elif event != key.events:
                    waiting.modify(connection.sock, event, connection)
