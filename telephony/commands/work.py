"""Campaigns and the trunks their calls go out by."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from telephony.commands import tenancy
from telephony.commands.setup import Setup, checked, everything, named, stop, table

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from telephony.model.reasons import Capacity
    from telephony.model.why import Hindrance
    from telephony.settings import Http

SERVICE_WAIT = 3.0
"""Seconds the running service has to say how it is."""


@click.group()
def campaign() -> None:
    """Campaigns: look, start, stop, settings, recorded messages."""


@campaign.command("list")
@tenancy.option
@click.pass_obj
def list_campaigns(setup: Setup, tenant_name: str | None) -> None:
    """List campaigns with how many contacts are waiting and done."""
    with setup.database() as store:
        rows = store.transact(lambda conn: _campaigns(conn, tenancy.chosen(conn, tenant_name)["id"]))
        table(
            ("NAME", "RUNNING", "PRIORITY", "MODE", "WAITING", "DONE", "ALL"),
            (
                [row["name"], row["running"], row["priority"], row["settings"]["mode"], row["counts"]["waiting"],
                 row["counts"]["done"], sum(row["counts"].values())]
                for row in rows
            ),
        )  # fmt: skip


@campaign.command("show")
@click.argument("name")
@tenancy.option
@click.pass_obj
def show_campaign(setup: Setup, name: str, tenant_name: str | None) -> None:
    """Show one campaign with its contacts by state, its abandoned calls and all its settings."""
    from telephony.store import abandonment

    with setup.database() as store:
        found = store.transact(lambda conn: _one(conn, name, tenant_name)[1])
        facts = [(key, found[key]) for key in ("name", "id", "running", "priority")]
        for use in ("voicemail_message", "abandon_message"):
            message = found[use]
            facts.append((use, f"{message['name']}, {message['seconds']:g} s" if message else None))
        rates = store.transact(lambda conn: abandonment.rates(conn, [found["id"]], now=datetime.now(UTC)))
        for span, one in rates.items():
            waited = one["abandoned"] + one["connected"]
            facts.append((f"abandoned {span}", f"{one['abandoned']} of {waited} ({one['rate']:.1%})"))
        counts = [(f"contacts {state}", count) for state, count in found["counts"].items()]
        table(("WHAT", "VALUE"), [*facts, *counts, *found["settings"].items()])


@campaign.command()
@click.argument("name")
@tenancy.option
@click.pass_obj
def start(setup: Setup, name: str, tenant_name: str | None) -> None:
    """Start a campaign; a running service sees it within seconds."""
    _run(setup, name, tenant_name, running=True)


@campaign.command("stop")
@click.argument("name")
@tenancy.option
@click.pass_obj
def stop_campaign(setup: Setup, name: str, tenant_name: str | None) -> None:
    """Stop a campaign: no new contacts; an open one can no longer be accepted, calls that are up go on."""
    _run(setup, name, tenant_name, running=False)


def _run(setup: Setup, name: str, tenant_name: str | None, *, running: bool) -> None:
    from telephony.store import campaigns, outbox
    from telephony.store.work import Work

    def change(conn: Connection) -> None:
        tenant_id, found = _one(conn, name, tenant_name)
        work = Work(conn, datetime.now(UTC))
        campaigns.run_campaign(work, tenant_id, found["id"], running=running)
        outbox.write(conn, work.events, work.now)

    with setup.database() as store:
        store.transact(change)
        click.echo(f"{name} is {'running' if running else 'stopped'}")


@campaign.command("set")
@click.argument("name")
@click.argument("changes", metavar="SETTING=VALUE...", nargs=-1, required=True)
@tenancy.option
@click.pass_obj
def set_campaign(setup: Setup, name: str, changes: tuple[str, ...], tenant_name: str | None) -> None:
    """Change settings of a campaign, from the next offer on: `offer_timeout=30`, `amd=inline`, `priority=80`.

    A VALUE is JSON or plain text; `null` takes one away, e.g. the caller_id.
    """
    from telephony.store import campaigns

    given = dict(_change(one) for one in changes)
    own = {"priority": given.pop("priority")} if "priority" in given else {}

    def alter(conn: Connection) -> None:
        tenant_id, found = _one(conn, name, tenant_name)
        change = campaigns.CampaignChange.model_validate({**own, "settings": given or None})
        campaigns.change_campaign(conn, tenant_id, found["id"], change)

    with setup.database() as store, checked():
        store.transact(alter)
        click.echo(f"{name}: {', '.join(changes)}")


def _change(text: str) -> tuple[str, Any]:
    import json

    setting, equals, value = text.partition("=")
    if not setting or not equals:
        raise click.UsageError(f"{text!r} is not SETTING=VALUE")
    try:
        return setting, json.loads(value)
    except ValueError:
        return setting, value


@campaign.command("voicemail-message")
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--remove", is_flag=True, help="Take the present one away instead.")
@tenancy.option
@click.pass_obj
def voicemail_message(setup: Setup, name: str, file: Path | None, remove: bool, tenant_name: str | None) -> None:
    """Set the message agents may drop into a mailbox: WAV, MP3 or OGG, 1-120 s."""
    _set_message(setup, name, "voicemail", file, remove, tenant_name)


@campaign.command("abandon-message")
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--remove", is_flag=True, help="Take the present one away instead.")
@tenancy.option
@click.pass_obj
def abandon_message(setup: Setup, name: str, file: Path | None, remove: bool, tenant_name: str | None) -> None:
    """Set the message for a customer no agent is there for: WAV, MP3 or OGG, 1-120 s."""
    _set_message(setup, name, "abandon", file, remove, tenant_name)


def _set_message(
    setup: Setup, name: str, use_name: str, file: Path | None, remove: bool, tenant_name: str | None
) -> None:
    import asyncio

    from telephony.pbx.audio_folder import AudioFolder
    from telephony.pbx.message_file import NoConverter, UnfitAudio, from_file
    from telephony.store import messages

    if (file is None) is not remove:
        raise click.UsageError("give a FILE, or --remove without one")
    use = messages.MessageUse(use_name)
    audio = AudioFolder.of(setup.settings)
    with setup.database() as store:
        tenant_id, found = store.transact(lambda conn: _one(conn, name, tenant_name))
        if file is None:
            store.transact(lambda conn: messages.remove_message(conn, tenant_id, found["id"], use))
            click.echo(f"{name} has no {use_name} message any more")
        else:
            try:
                audio.prepare()
            except OSError as error:
                stop(f"audio_dir: {error.filename or audio.here} cannot be used: {error.strerror}")
            path = audio.messages / messages.new_name()
            try:
                made = asyncio.run(from_file(file, path))
            except (UnfitAudio, NoConverter) as error:
                raise click.ClickException(f"{file}: {error}") from error
            new = messages.NewMessage(name=file.name[:200], path=path.name, seconds=made.seconds, sha256=made.sha256)
            now = datetime.now(UTC)
            store.transact(lambda conn: messages.set_message(conn, tenant_id, found["id"], use, new, now=now))
            click.echo(f"{name} has a {use_name} message of {made.seconds:g} s")
        for left in store.transact(lambda conn: messages.sweep(conn, tenant_id)):
            (audio.messages / left).unlink(missing_ok=True)


@campaign.command("why")
@click.argument("name")
@click.option("--language", type=click.Choice(["en", "es"]), default="en", show_default=True)
@tenancy.option
@click.pass_obj
def why_campaign(setup: Setup, name: str, language: str, tenant_name: str | None) -> None:
    """Say why a campaign does not dial: what is in the way, where its contacts stand, and the next call."""
    from telephony.model.why import of_services, spelled_out
    from telephony.store import why

    now = datetime.now(UTC)
    own = setup.settings.cell.name
    with setup.database() as store:
        id_ = store.transact(lambda conn: _one(conn, name, tenant_name)[1]["id"])
        cells = store.transact(lambda conn: why.cells_of(conn, id_)) or [why.Cell(own, "")]
        urls = {cell.name: _url(setup.settings.http, "" if cell.name == own else cell.url) for cell in cells}
        answers = {name: _in_the_way(url) for name, url in urls.items()}
        services = of_services(answers)
        told = store.transact(lambda conn: spelled_out(why.why(conn, id_, now=now, services=services), language))
    click.echo(f"next call: {_moment(told['dials_at']) or 'not by waiting alone'}")
    if told["next_contact_at"] != told["dials_at"]:
        click.echo(f"next contact that may be called: {_moment(told['next_contact_at'])}")
    if told["in_the_way"]:
        click.echo()
        shown = (
            [one["text"], one["name"], "" if one["limit"] is None else f"{one['used']} of {one['limit']}", one["code"]]
            for one in told["in_the_way"]
        )
        table(("IN THE WAY", "WHERE", "UP", "CODE"), shown)
    if told["agents"]:
        click.echo()
        table(("AGENTS", "REASON", "COUNT"), ([one["state"], one["reason"], one["count"]] for one in told["agents"]))
    click.echo()
    rows = [[one["text"], one["count"], _moment(one["until"]), one["code"]] for one in told["contacts"]]
    table(("CONTACTS", "COUNT", "FIRST OF THEM AT", "CODE"), [*rows, ["all", told["total"], "", ""]])


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}Z" if at else ""


def _url(http: Http, of_cell: str) -> str:
    """Where the service of a cell is asked; without an address of its own it is the one on this machine."""
    everywhere = ("0.0.0.0", "::")  # noqa: S104  # compared, not bound
    host = "127.0.0.1" if http.host in everywhere else http.host
    return of_cell.rstrip("/") or f"http://{host}:{http.port}"


def _in_the_way(url: str) -> Hindrance | Capacity | None:
    """What a service itself says: whether it runs, and whether it reaches its telephone system."""
    import json
    from urllib.error import HTTPError, URLError
    from urllib.request import urlopen

    from telephony.model.reasons import Capacity
    from telephony.model.why import Hindrance

    try:
        with urlopen(f"{url}/readyz", timeout=SERVICE_WAIT):  # noqa: S310  # http or https, as settings demand
            return None
    except HTTPError as answer:
        missing = json.loads(answer.read() or "{}").get("missing", [])
        return Capacity.PBX_UNREACHABLE if "pbx" in missing else None
    except (URLError, OSError, ValueError):
        return Hindrance.SERVICE_DOWN


@click.group()
def trunk() -> None:
    """The ways out: look."""


@trunk.command("list")
@click.pass_obj
def list_trunks(setup: Setup) -> None:
    """List the trunks in the order they are tried."""
    with setup.database() as store:
        rows = sorted(store.transact(_trunks), key=lambda row: (row["position"], row["name"]))
        table(
            ("NAME", "DIALS", "CHANNELS", "CALLS PER SECOND", "ENABLED"),
            (
                [row["name"], row["dial_template"], row["max_channels"], row["max_calls_per_second"], row["enabled"]]
                for row in rows
            ),
        )


@trunk.command("show")
@click.argument("name")
@click.pass_obj
def show_trunk(setup: Setup, name: str) -> None:
    """Show one trunk."""
    with setup.database() as store:
        table(("WHAT", "VALUE"), named(store.transact(_trunks), name, "trunk").items())


def _campaigns(conn: Connection, tenant_id: str) -> list[dict[str, Any]]:
    from telephony.store import campaigns
    from telephony.store.paging import PageRequest

    return list(everything(lambda after: campaigns.campaigns_page(conn, tenant_id, PageRequest(after=after))))


def _one(conn: Connection, name: str, tenant_name: str | None) -> tuple[str, dict[str, Any]]:
    tenant_id: str = tenancy.chosen(conn, tenant_name)["id"]
    return tenant_id, named(_campaigns(conn, tenant_id), name, "campaign")


def _trunks(conn: Connection) -> list[dict[str, Any]]:
    from telephony.store import trunks
    from telephony.store.paging import PageRequest

    return list(everything(lambda after: trunks.trunks_page(conn, None, PageRequest(after=after))))
