"""Running the service, its settings, its API description."""

from __future__ import annotations

import asyncio
import json
import sys

import click
import uvloop

from telephony.commands.setup import Setup, stop, table


@click.command()
@click.pass_obj
def serve(setup: Setup) -> None:
    """Run the service until Ctrl-C or SIGTERM.

    Calls that are up stay up when it stops; the next start takes them over.
    """
    settings = setup.settings
    if not settings.ami.secret.get_secret_value():
        stop(
            "ami.secret: is not set; set TELEPHONY_AMI_SECRET or TELEPHONY_AMI_SECRET_FILE to the manager user's secret"
        )
    from telephony import logs
    from telephony.service import serve as run

    logs.configure(settings.log)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(run(settings)))


@click.command()
@click.pass_obj
def settings(setup: Setup) -> None:
    """Show every setting with its value, source and meaning; secrets are hidden."""
    table(("SETTING", "VALUE", "FROM", "MEANING"), setup.loaded.rows())


@click.command()
def openapi() -> None:
    """Write the API's OpenAPI document."""
    from telephony.web import api
    from telephony.web.openapi import document

    click.echo(json.dumps(document(api.all_routes()), indent=2, ensure_ascii=False))
