"""`telephony demo`: everything on this machine, by hand or by script; or the script against a service elsewhere."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import click

from telephony.commands.setup import Setup

INTERRUPTED = 130
"""Exit code of a script that was broken off by Ctrl-C, as shells give it; it has not succeeded."""

SHORTEST_PASSWORD = 8
"""Characters; what the store asks of every user."""


@click.command()
@click.option("--auto", is_flag=True, help="Play the agents by script and print a table; exit 0 only if all is right.")
@click.option("--url", help="With --auto: play against this service, e.g. http://127.0.0.1:8080, and start nothing.")
@click.option("--seed", "only_seed", is_flag=True, help="Only load the demo's data into the configured database.")
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --url or --seed: file that holds the demo users' password.",
)
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="Port of the web page.")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for database, logs and secrets.  [default: /var/lib/telephony-demo]",
)
@click.pass_obj
def demo(
    setup: Setup,
    auto: bool,
    url: str | None,
    only_seed: bool,
    password_file: Path | None,
    port: int,
    directory: Path | None,
) -> None:
    """Try everything: a real Asterisk, simulated customers, softphones and the service on this machine."""
    if url is not None and not auto:
        raise click.UsageError("--url goes with --auto")
    if only_seed:
        work = _seed(setup, _password(password_file))
    elif url is not None:
        work = _play(url, _password(password_file))
    else:
        work = _run(directory, port, auto=auto)
    sys.exit(_until_interrupted(work, code=INTERRUPTED if auto or only_seed else 0))


def _password(file: Path | None) -> str:
    if file is None:
        raise click.UsageError("--url and --seed need --password-file")
    password = file.read_text().strip()
    if len(password) < SHORTEST_PASSWORD:
        raise click.UsageError(f"{file} holds no password of {SHORTEST_PASSWORD} characters or more")
    return password


# What is only needed here is imported here: the other commands start in half the time without it.


async def _run(directory: Path | None, port: int, *, auto: bool) -> int:
    from telephony.demo.run import DemoSettings, default_directory, started

    settings = DemoSettings(directory=directory or default_directory(), http_port=port, fresh=auto)
    async with started(settings, say=_say) as running:
        if auto:
            return await _play(running.url, running.password)
        click.echo(running.greeting())
        part = await running.ended()
        click.echo(f"{part} ended by itself; see the logs in {settings.directory}", err=True)
        return 1


async def _play(url: str, password: str) -> int:
    from telephony.demo.report import problems, summary, table
    from telephony.demo.script import play

    _say("playing the agents: one call of every kind, in every mode (about two minutes)")
    seen = await play(url, password, say=_say)
    click.echo(f"\n{table(seen)}\n\n{summary(seen)}")
    return 1 if any(problems(one) for one in seen) else 0


async def _seed(setup: Setup, password: str) -> int:
    from telephony.demo.seed import logins, seed
    from telephony.pbx.audio_folder import AudioFolder

    cell, audio = setup.settings.cell, AudioFolder.of(setup.settings)
    with setup.database() as store:
        await seed(store, cell=cell.name, data_center=cell.data_center, password=password, audio=audio)
    _say(f"The demo's data is loaded. Sign in as (name, password, what)\n{logins(password)}")
    return 0


def _say(text: str) -> None:
    click.echo(text)
    sys.stdout.flush()


def _until_interrupted(work: Coroutine[Any, Any, int], *, code: int) -> int:
    """The exit code, CODE after Ctrl-C or SIGTERM, which end everything in order."""
    from telephony.demo.host import SetupError
    from telephony.demo.script import ScriptError

    async def supervised() -> int:
        loop = asyncio.get_running_loop()
        task = loop.create_task(work)
        asked = False

        def stop() -> None:
            nonlocal asked
            if not asked:  # a second Ctrl-C must not interrupt the ending
                asked = True
                task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop)
        try:
            return await task
        except asyncio.CancelledError:
            return code

    try:
        return asyncio.run(supervised())
    except (SetupError, ScriptError) as error:
        click.echo(f"telephony demo: {error}", err=True)
        return 1
