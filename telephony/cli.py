"""The command `telephony`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from telephony.commands import contacts, demo, doctor, limits, people, serving, work
from telephony.commands.setup import Setup


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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


for command in (
    serving.serve,
    serving.settings,
    serving.openapi,
    doctor.doctor,
    demo.demo,
    contacts.contacts,
    people.tenant,
    people.user,
    people.agent,
    work.campaign,
    work.trunk,
    limits.limit,
):
    main.add_command(command)


if __name__ == "__main__":
    sys.exit(main())
