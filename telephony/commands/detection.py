"""Machine detection: how well it does on one's own lines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from telephony.commands import tenancy
from telephony.commands.setup import Setup, everything, named, table

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from telephony.model.detection_report import DetectionReport, VerdictLine

_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def amd() -> None:
    """Machine detection: how well it tells people from machines."""


@amd.command()
@click.option("--campaign", help="Name of one campaign; without it every campaign that has verdicts.")
@click.option("--since", type=_DAY, help="First day (UTC) of the calls, as 2026-11-22.")
@click.option("--until", type=_DAY, help="Last day (UTC) of the calls.")
@tenancy.option
@click.pass_obj
def report(
    setup: Setup, campaign: str | None, since: datetime | None, until: datetime | None, tenant_name: str | None
) -> None:
    """Set the verdicts of past calls against what the agents said.

    An agent says "machine" by a voicemail that was left or dropped and by a disposition whose `reached` is machine,
    "person" by one whose `reached` is person. Rates have their 95 % interval in brackets.
    """
    first = None if since is None else since.replace(tzinfo=UTC)
    end = None if until is None else until.replace(tzinfo=UTC) + timedelta(days=1)
    with setup.database() as store:
        reports = store.transact(lambda conn: _reports(conn, tenant_name, campaign, first, end))
    shown = [(name, one) for name, one in reports if one.calls]
    if not shown:
        where = f"of {campaign}" if campaign else "of any campaign"
        click.echo(f"No call {where} in this time has a verdict: calls are judged with amd 'inline' or 'parallel'.")
    for name, one in shown:
        _show(name, one)


def _reports(
    conn: Connection, tenant_name: str | None, campaign: str | None, since: datetime | None, until: datetime | None
) -> list[tuple[str, DetectionReport]]:
    from telephony.model.detection_report import detection_report
    from telephony.store import campaigns
    from telephony.store.detections import detections
    from telephony.store.paging import PageRequest

    tenant_id = tenancy.chosen(conn, tenant_name)["id"]
    rows = list(everything(lambda after: campaigns.campaigns_page(conn, tenant_id, PageRequest(after=after))))
    wanted = rows if campaign is None else [named(rows, campaign, "campaign")]
    return [(row["name"], detection_report(detections(conn, row["id"], since=since, until=until))) for row in wanted]


def _show(name: str, report: DetectionReport) -> None:
    click.echo(f"{name}: {report.calls} calls with a verdict, {report.told} of them with an agent's word")
    table(
        ("VERDICT", "PERSON", "MACHINE", "NOT TOLD", "AFTER (MEDIAN)", "AFTER (95 %)"),
        ((line.verdict.value, line.person, line.machine, line.not_told, *_times(line)) for line in report.lines),
    )
    if report.told:
        click.echo(f"people called machines: {report.people_called_machines}")
        click.echo(f"machines found: {report.machines_found}")
    else:
        click.echo("No agent said who was there; dispositions tell it by their setting `reached` (person or machine).")
    click.echo("")


def _times(line: VerdictLine) -> list[str | None]:
    return [None if after is None else f"{after:.1f} s" for after in (line.after_median, line.after_p95)]
