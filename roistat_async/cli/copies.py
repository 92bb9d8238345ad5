"""Names of copies on the command line: paths, and URLs of databases."""

from __future__ import annotations

from pathlib import Path

import click

from ..extras import import_extra
from ..sync.postgres_address import display_name, is_postgres, parse_address


def existing_copy(copy: str) -> Path | None:
    """Return the path of a copy, None for the URL of a database.

    Raises UsageError if there is no such file.
    """
    if is_postgres(copy):
        hide_password(copy)
        return None
    path = Path(copy)
    if not path.exists():
        raise click.UsageError(f"{copy} does not exist; name a copy that roistat sync wrote")
    return path


def hide_password(copy: str) -> None:
    """Replace the URL of a database in the title of this process by one without the password.

    `ps` shows the title to every user of the machine.
    """
    if not is_postgres(copy) or "password" not in parse_address(copy).parameters:
        return
    title = import_extra("setproctitle", extra="postgres")
    title.setproctitle(title.getproctitle().replace(copy, display_name(copy)))
