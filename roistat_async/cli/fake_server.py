"""The command that runs a fake Roistat."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec

import click

from .running import run


@click.command("fake-server")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True)
@click.option("--calls", type=click.IntRange(0), default=1000, show_default=True)
@click.option("--project", type=click.IntRange(1), default=12345, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, other calls.")
def fake_server(port: int, calls: int, project: int, seed: int) -> None:
    """Run a fake Roistat on this machine until Ctrl-C; it answers all endpoints."""
    from ..testing import FakeRoistat

    if find_spec("xlwt") is None:
        click.echo("without xlwt the export fails: pip install 'roistat_async[testing]'", err=True)

    async def serve() -> None:
        async with FakeRoistat(calls=calls, project=project, seed=seed, port=port) as fake:
            click.echo(f"export ROISTAT_BASE_URL={fake.base_url}")
            click.echo(f"export ROISTAT_API_KEY={fake.api_key}")
            click.echo(f"export ROISTAT_PROJECT={fake.project}")
            click.echo(f"{calls} calls; Ctrl-C ends it", err=True)
            await asyncio.Event().wait()

    run(serve())
