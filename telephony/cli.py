"""The command `telephony`."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import click

from telephony.commands.setup import Setup

COMMANDS = {
    "serve": "serving",
    "settings": "serving",
    "doctor": "doctor",
    "demo": "demo",
    "contacts": "contacts",
    "campaign": "work",
    "amd": "detection",
    "agent": "people",
    "user": "people",
    "tenant": "people",
    "trunk": "work",
    "limit": "limits",
    "openapi": "serving",
}
"""Each command with its module of `telephony.commands`, where it has the same name."""


class Commands(click.Group):
    """Loads a command's module when it is asked for: a quick look must not wait for all that `serve` needs."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        found: click.Command = getattr(import_module(f"telephony.commands.{COMMANDS[name]}"), name)
        return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="telephony", message="telephony %(version)s")
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Settings file (TOML). Default: the one TELEPHONY_CONFIG names, else ./telephony.toml.",
)
@click.pass_context
def main(context: click.Context, config: Path | None) -> None:
    """Outbound preview dialing on Asterisk.

    Agents see who the customer is before the call is placed. `telephony serve` runs the service; the other
    commands look at and change what it works with, directly in its database, whether it runs or not.
    """
    context.obj = Setup(config)


if __name__ == "__main__":
    sys.exit(main())
