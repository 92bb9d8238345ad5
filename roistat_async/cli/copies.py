"""Places named on the command line: by a path, or by the URL of a database or a store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .text import print_error


class ExistingCopy(click.Path):
    """Path of a copy that exists, or the URL of a database or an object store.

    The password of a database is hidden at once.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a path, or a URL as it is."""
        from ..integrations.objects import is_url
        from ..sync.postgres_address import is_postgres

        if is_postgres(value):
            hide_password(value)
            return value
        if not is_url(value):
            return super().convert(value, param, ctx)
        if not self.dir_okay:
            self.fail("name a database: calls.db or postgresql://…", param, ctx)
        return value


class RecordingsFolder(click.Path):
    """Path of a folder for recordings, or the URL of a folder in an object store."""

    def __init__(self) -> None:
        super().__init__(file_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a path, or a URL as it is."""
        from ..integrations.objects import is_url

        return value if is_url(value) else super().convert(value, param, ctx)


def hide_password(copy: str) -> None:
    """Replace the URL of a database in the title of this process by one without the password.

    `ps` shows the title to every user of the machine.
    """
    from ..errors import ConfigurationError
    from ..extras import import_extra
    from ..sync.postgres_address import display_name, is_postgres, parse_address

    if not is_postgres(copy) or "password" not in parse_address(copy).parameters:
        return
    try:
        title = import_extra("setproctitle", extra="postgres")
    except ConfigurationError as error:
        print_error(f"ps shows the password of the URL to other users; to hide it, {error}")
        return
    title.setproctitle(title.getproctitle().replace(copy, display_name(copy)))
