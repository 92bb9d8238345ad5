"""A real PostgreSQL server, from the installed package, with a fresh database for each test."""

from __future__ import annotations

import os
import pwd
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from attrs import define, field

from tests.helpers.raw_server import closed_port

USER = "roistat"
PASSWORD = "Pa55word-of-tests"  # a test that looks for it in logs must not find it by chance
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    # A killed server loses nothing by it, only a machine without power does.
    **dict.fromkeys(["fsync", "full_page_writes", "synchronous_commit"], "off"),
    "max_connections": "60",
    "shared_buffers": "32MB",
    "log_min_messages": "warning",
}
# It stops the server and removes its folder once the process that holds its stdin has ended.
_WATCHDOG = 'trap "" INT TERM HUP; cat >/dev/null; "$1" -D "$2/data" -m immediate stop; rm -rf "$2"'


def programs() -> Path | None:
    """Return the folder of the newest server programs on this machine, None without any."""
    found = [*Path("/usr/lib/postgresql").glob("*/bin/initdb")]  # Debian
    if found:
        return max(found, key=lambda path: int(re.sub(r"\D", "", path.parts[-3]) or 0)).parent
    on_path = shutil.which("initdb")
    return None if on_path is None else Path(on_path).resolve().parent


@define
class PostgresServer:
    """Server on a free port of the loopback interface, with one superuser and a password."""

    folder: Path
    port: int
    _programs: Path
    _run_as: Mapping[str, Any]
    _numbers: Iterator[int] = field(factory=lambda: count(1))

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database, with the password."""
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """Create a database, yield its URL, and drop it with all its connections."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def schema(self) -> Iterator[str]:
        """Create a schema, yield a URL that selects it, and drop it; faster than a database."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE SCHEMA {name}")
        try:
            yield f"{self.url()}?options=-csearch_path%3D{name}"
        finally:
            self.execute(f"DROP SCHEMA {name} CASCADE")

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Execute a statement as the superuser in the database `postgres`; return its rows."""
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        settings = " ".join(f"-c {name}={shlex.quote(value)}" for name, value in _SETTINGS.items())
        log = self.folder / "server.log"
        self._control("start", "-w", "-l", str(log), "-o", f"-p {self.port} {settings}")

    def stop(self, *, is_crash: bool = False) -> None:
        """Stop the server: cleanly, or as a crash does; all connections break."""
        self._control("stop", "-w", "-m", "immediate" if is_crash else "fast")

    def log(self) -> str:
        """Return what the server has logged."""
        return (self.folder / "server.log").read_text(encoding="utf-8", errors="replace")

    def _control(self, *arguments: str) -> None:
        run(self._programs / "pg_ctl", "-D", str(self.folder / "data"), *arguments, **self._run_as)


def run(program: Path, *arguments: str, **options: Any) -> None:
    """Run a program of PostgreSQL; raise RuntimeError with what it printed if it fails."""
    # Its output goes into a file: the server inherits it, so a pipe would stay open.
    with tempfile.TemporaryFile() as output:
        options |= {"stdout": output, "stderr": output, "stdin": subprocess.DEVNULL}
        done = subprocess.run([program, *arguments], check=False, timeout=60, **options)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if done.returncode:
        raise RuntimeError(f"{program.name} failed ({done.returncode}): {text}")


@contextmanager
def running(folder_of_programs: Path) -> Iterator[PostgresServer]:
    """Run a server in a temporary folder; it ends with this process, even if that is killed."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-of-tests-"))
    run_as = _ordinary_user(folder)
    watchdog = subprocess.Popen(
        ["/bin/sh", "-c", _WATCHDOG, "sh", folder_of_programs / "pg_ctl", folder],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C in the terminal does not reach it
        **run_as,
    )  # fmt: skip
    try:
        (folder / "password").write_text(PASSWORD, encoding="ascii")
        run(
            folder_of_programs / "initdb", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8",
            f"--username={USER}", "--auth=scram-sha-256", f"--pwfile={folder / 'password'}",
            "-D", str(folder / "data"), **run_as,
        )  # fmt: skip
        server = PostgresServer(folder, closed_port(), folder_of_programs, run_as)
        server.start()
        yield server
    finally:
        assert watchdog.stdin is not None
        watchdog.stdin.close()
        watchdog.wait(30)
        shutil.rmtree(folder, ignore_errors=True)  # in a sticky folder only its owner may


def _ordinary_user(folder: Path) -> dict[str, Any]:
    """Return the options that run a program as an ordinary user who owns the folder.

    PostgreSQL refuses to run as root, which CI often is.
    """
    if os.geteuid():
        return {"cwd": "/"}
    users = {user.pw_name: user for user in pwd.getpwall()}
    user = users.get("postgres") or users["nobody"]
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"cwd": "/", "user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
