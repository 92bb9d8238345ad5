"""`roistat fake-server`: runs the fake Roistat until Ctrl-C."""

from __future__ import annotations

from importlib.util import find_spec

import click

from .exit_codes import NotInstalledError
from .text import print_error


@click.command("fake-server")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 (default): a free port.")
@click.option("--calls", type=click.IntRange(min=0), default=1000, show_default=True, metavar="N")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the made-up calls.")
def command(*, port: int, calls: int, seed: int) -> None:
    """Run a made-up Roistat on this machine until Ctrl-C.

    It prints the lines to paste into another terminal, and keeps Roistat's limit of 10 requests
    per second.
    """
    import asyncio

    check_installed("roistat fake-server")
    from ..testing import FakeRoistat
    from .runner import run

    async def serve() -> None:
        async with FakeRoistat(calls=calls, seed=seed, port=port) as fake:
            click.echo(f"export ROISTAT_BASE_URL={fake.base_url}")
            click.echo(f"export ROISTAT_API_KEY={fake.api_key}")
            click.echo(f"export ROISTAT_PROJECT={fake.project}")
            print_error("paste these lines into another terminal; Ctrl-C ends the server")
            await asyncio.Event().wait()

    run(serve())


def check_installed(what: str) -> None:
    """Raise NotInstalledError if the library that writes .xls is missing."""
    if find_spec("xlwt") is None:
        raise NotInstalledError(what, "cli,testing")
