"""The list of calls: whose calls one sees, pages, and a table that is safe to open."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from telephony.model.ids import new_id
from telephony.store import accounts, teams
from telephony.store.accounts import Role
from telephony.store.schema import attempts, contacts, numbers, offers
from telephony.web.tables import csv_lines
from tests.support.company import Company
from tests.support.office import Office

pytestmark = pytest.mark.unit

NOW = datetime(2026, 6, 17, 11, 0, tzinfo=UTC)


def called(
    conn: Connection, here: Company, *, agent_id: str = "", name: str = "Jo", minutes: int = 0, **facts: Any
) -> str:
    """A call that was made, as the dialer leaves it; its id."""
    common = {"tenant_id": here.tenant_id, "campaign_id": here.campaign_id}
    contact, number, offer, attempt = new_id(), new_id(), new_id(), new_id()
    agent, at = agent_id or here.agent_id, NOW + timedelta(minutes=minutes)
    conn.execute(
        insert(contacts).values(
            id=contact,
            list_id=here.list_id,
            external_id=contact,
            name=name,
            fields={},
            created_at=at,
            updated_at=at,
            **common,
        )
    )
    conn.execute(
        insert(numbers).values(
            id=number, tenant_id=here.tenant_id, contact_id=contact, position=1, e164="+442079460000"
        )
    )
    desk = {
        "cell_id": here.cell_id,
        "agent_id": agent,
        "contact_id": contact,
        "number_id": number,
        "e164": "+442079460000",
    }
    conn.execute(
        insert(offers).values(
            id=offer, mode="preview_standard", card={}, settings={}, opened_at=at, state="accepted", **common, **desk
        )
    )
    conn.execute(
        insert(attempts).values(
            {
                "id": attempt, "offer_id": offer, "mode": "preview_standard", "amd": "off", "state": "ended",
                "epoch": 1, "outcome": "TALKED", "granted_at": at, **common, **desk, **facts,
            }
        )
    )  # fmt: skip
    return attempt


def ids(answer: Any) -> list[str]:
    assert answer.status == 200, answer.text
    return [one["id"] for one in answer.json["items"]]


async def test_an_agent_sees_own_calls_a_supervisor_those_of_the_team_an_administrator_all(office: Office) -> None:
    acme = office.acme
    bob = await office.hire("bob", Role.AGENT, acme.tenant_id)
    sue = await office.hire("sue", Role.SUPERVISOR, acme.tenant_id)
    await office.hire("boss", Role.TENANT_ADMIN, acme.tenant_id)
    team = teams.NewTeam(name="Bob's", user_ids=(bob, sue))
    await office.store.run(lambda conn: teams.create_team(conn, acme.tenant_id, team))
    of_ann = await office.store.run(lambda conn: called(conn, acme))
    of_bob = await office.store.run(lambda conn: called(conn, acme, agent_id=bob, minutes=1))
    await office.store.run(lambda conn: called(conn, office.globex, minutes=2))
    calls = "/api/v1/calls"
    assert ids(await (await office.agent())("GET", calls)) == [of_ann]
    assert ids(await (await office.agent())("GET", f"{calls}?agent={bob}")) == [of_ann]
    assert ids(await (await office.sign_in("sue"))("GET", calls)) == [of_bob]
    assert ids(await (await office.sign_in("boss"))("GET", calls)) == [of_bob, of_ann]
    globex = await office.sign_in("globex.ann")
    assert ids(await globex("GET", f"{calls}?campaign={acme.campaign_id}")) == []


async def test_filters_and_pages(office: Office) -> None:
    acme, agent = office.acme, await office.agent()
    made = [await office.store.run(lambda conn, n=n: called(conn, acme, minutes=n)) for n in range(5)]
    busy = await office.store.run(lambda conn: called(conn, acme, minutes=9, outcome="CUSTOMER_BUSY"))
    newest_first = [busy, *reversed(made)]
    first = await agent("GET", "/api/v1/calls?limit=4")
    rest = await agent("GET", f"/api/v1/calls?limit=4&after={first.json['next']}")
    assert ids(first) + ids(rest) == newest_first
    assert rest.json["next"] is None
    assert ids(await agent("GET", "/api/v1/calls?outcome=CUSTOMER_BUSY")) == [busy]
    window = "since=2026-06-17T11:01:00Z&until=2026-06-17T13:03:00%2B02:00"
    assert ids(await agent("GET", f"/api/v1/calls?{window}")) == [made[2], made[1]]


async def test_the_table_has_every_call_and_runs_no_formula(office: Office) -> None:
    acme, agent = office.acme, await office.agent()

    def many(conn: Connection) -> None:
        for n in range(501):
            called(conn, acme, name='=HYPERLINK("http://evil","x"),\n2', minutes=n, note="@SUM(1)")

    await office.store.run(many)
    answer = await agent("GET", "/api/v1/calls.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert len(rows) == 501
    assert rows[0]["name"] == '\'=HYPERLINK("http://evil","x"),\n2'
    assert rows[0]["note"] == "'@SUM(1)"
    assert rows[0]["e164"] == "+442079460000"
    assert rows[0]["granted_at"] == "2026-06-17T19:20:00Z"


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+1+cmd|' /C calc'!A0", "\"'+1+cmd|' /C calc'!A0\""[1:-1]),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("+442079460000", "+442079460000"),
        ("-12.5", "-12.5"),
        ("plain", "plain"),
        (None, ""),
        (True, "true"),
        ('say "hi", twice', '"say ""hi"", twice"'),
    ],
)
def test_cells(cell: object, written: str) -> None:
    assert csv_lines([[cell]]).decode().removesuffix("\r\n").removeprefix('""') == written


async def test_a_reloaded_page_during_a_call_shows_it(office: Office) -> None:
    agent = await office.agent()
    await office.store.run(
        lambda conn: accounts.change_user(
            conn, office.acme.tenant_id, office.acme.agent_id, accounts.UserChange(language="es"), now=NOW
        )
    )
    office.server.door.forget(office.acme.agent_id)
    me = await agent("GET", "/api/v1/me")
    assert me.json["user"]["language"] == "es"
    assert abs((datetime.fromisoformat(me.json["now"]) - datetime.now(UTC)).total_seconds()) < 5
