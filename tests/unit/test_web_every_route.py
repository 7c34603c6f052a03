"""Every route of the API before everybody: without a session, in each role, for another tenant and another team.

The table is written by hand, so that a route which is opened to somebody by mistake does not agree with itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import Connection, select

from telephony.model.ids import new_id
from telephony.store import do_not_call, fields, imports, schema, teams, tokens
from telephony.store.accounts import Role
from telephony.store.work import Work
from telephony.web import api
from telephony.web.routes import PUBLIC, Route
from tests.support.company import LONDON, NOON, Company, take_in
from tests.support.office import Answer, Client, Office
from tests.unit.test_web_recordings import recorded

pytestmark = pytest.mark.unit

EVERYBODY = "agent supervisor tenant_admin admin"
DESK = "agent supervisor"
FLOOR = "supervisor tenant_admin admin"
OFFICE = "tenant_admin admin"
ROOT = "admin"

WHO_MAY: dict[str, str] = {
    "DELETE /api/v1/sessions/current": EVERYBODY,
    "GET /api/v1/me": EVERYBODY,
    "PUT /api/v1/me/state": DESK,
    "PUT /api/v1/me/language": EVERYBODY,
    "POST /api/v1/me/presence": DESK,
    "GET /api/v1/me/phone": DESK,
    "PUT /api/v1/me/phone": DESK,
    "POST /api/v1/me/phone/trouble": DESK,
    "POST /api/v1/me/phone/attached": DESK,
    "GET /api/v1/me/colleagues": DESK,
    "GET /phone-ws": DESK,
    "GET /api/v1/live": EVERYBODY,
    "POST /api/v1/campaigns/{id}/next": DESK,
    "POST /api/v1/offers/{id}/accept": DESK,
    "POST /api/v1/offers/{id}/skip": DESK,
    "POST /api/v1/offers/{id}/remove": DESK,
    "POST /api/v1/offers/{id}/leave": DESK,
    "POST /api/v1/calls/{id}/cancel": DESK,
    "POST /api/v1/calls/{id}/hang-up": EVERYBODY,
    "POST /api/v1/calls/{id}/voicemail-left": DESK,
    "POST /api/v1/calls/{id}/drop-message": DESK,
    "POST /api/v1/calls/{id}/wrap-up": DESK,
    "POST /api/v1/calls/{id}/hold": DESK,
    "POST /api/v1/calls/{id}/mute": DESK,
    "POST /api/v1/calls/{id}/dtmf": DESK,
    "POST /api/v1/calls/{id}/transfer": DESK,
    "POST /api/v1/calls/{id}/do-not-call": DESK,
    "POST /api/v1/calls/{id}/recording": DESK,
    "POST /api/v1/calls/{id}/monitor": "supervisor",
    "DELETE /api/v1/calls/{id}/monitor": "supervisor",
    "GET /api/v1/calls": EVERYBODY,
    "GET /api/v1/calls.csv": EVERYBODY,
    "GET /api/v1/calls/{id}/recordings": FLOOR,
    "GET /api/v1/recordings/{id}": FLOOR,
    "DELETE /api/v1/recordings/{id}": OFFICE,
    "GET /api/v1/agents": FLOOR,
    "POST /api/v1/agents/{id}/state": FLOOR,
    "POST /api/v1/agents/{id}/free": FLOOR,
    "GET /api/v1/refusals": FLOOR,
    "GET /api/v1/limits": FLOOR,
    "GET /api/v1/campaigns": FLOOR,
    "POST /api/v1/campaigns": OFFICE,
    "GET /api/v1/campaigns/{id}": FLOOR,
    "PATCH /api/v1/campaigns/{id}": OFFICE,
    "DELETE /api/v1/campaigns/{id}": OFFICE,
    "POST /api/v1/campaigns/{id}/start": FLOOR,
    "POST /api/v1/campaigns/{id}/stop": FLOOR,
    "GET /api/v1/campaigns/{id}/why": FLOOR,
    "GET /api/v1/campaigns/{id}/progress": FLOOR,
    "GET /api/v1/campaigns/{id}/amd": FLOOR,
    "PUT /api/v1/campaigns/{id}/voicemail-message": OFFICE,
    "GET /api/v1/campaigns/{id}/voicemail-message": FLOOR,
    "DELETE /api/v1/campaigns/{id}/voicemail-message": OFFICE,
    "PUT /api/v1/campaigns/{id}/abandon-message": OFFICE,
    "GET /api/v1/campaigns/{id}/abandon-message": FLOOR,
    "DELETE /api/v1/campaigns/{id}/abandon-message": OFFICE,
    "GET /api/v1/campaigns/{id}/contacts": FLOOR,
    "POST /api/v1/campaigns/{id}/contacts": FLOOR,
    "POST /api/v1/campaigns/{id}/contacts/preview": FLOOR,
    "GET /api/v1/campaigns/{id}/contacts.csv": OFFICE,
    "GET /api/v1/contacts/{id}": FLOOR,
    "POST /api/v1/contacts/{id}/remove": FLOOR,
    "POST /api/v1/contacts/{id}/restore": FLOOR,
    "GET /api/v1/imports": FLOOR,
    "GET /api/v1/imports/{id}": FLOOR,
    "GET /api/v1/imports/{id}/rejections": FLOOR,
    "GET /api/v1/imports/{id}/rejections.csv": FLOOR,
    "GET /api/v1/dispositions": FLOOR,
    "GET /api/v1/lists": FLOOR,
    "POST /api/v1/lists": OFFICE,
    "GET /api/v1/lists/{id}": OFFICE,
    "PATCH /api/v1/lists/{id}": OFFICE,
    "DELETE /api/v1/lists/{id}": OFFICE,
    "GET /api/v1/fields": FLOOR,
    "POST /api/v1/fields": OFFICE,
    "GET /api/v1/fields/{id}": OFFICE,
    "PATCH /api/v1/fields/{id}": OFFICE,
    "DELETE /api/v1/fields/{id}": OFFICE,
    "GET /api/v1/do-not-call": FLOOR,
    "POST /api/v1/do-not-call": FLOOR,
    "GET /api/v1/do-not-call/{number}": FLOOR,
    "DELETE /api/v1/do-not-call/{number}": OFFICE,
    "GET /api/v1/users": FLOOR,
    "POST /api/v1/users": OFFICE,
    "GET /api/v1/users/{id}": OFFICE,
    "PATCH /api/v1/users/{id}": OFFICE,
    "DELETE /api/v1/users/{id}": OFFICE,
    "GET /api/v1/teams": FLOOR,
    "POST /api/v1/teams": OFFICE,
    "GET /api/v1/teams/{id}": OFFICE,
    "PATCH /api/v1/teams/{id}": OFFICE,
    "DELETE /api/v1/teams/{id}": OFFICE,
    "GET /api/v1/tokens": EVERYBODY,
    "POST /api/v1/tokens": EVERYBODY,
    "DELETE /api/v1/tokens/{id}": EVERYBODY,
    "GET /api/v1/tenants": ROOT,
    "POST /api/v1/tenants": ROOT,
    "GET /api/v1/tenants/{id}": OFFICE,
    "PATCH /api/v1/tenants/{id}": ROOT,
    "DELETE /api/v1/tenants/{id}": ROOT,
    "GET /api/v1/data-centers": ROOT,
    "POST /api/v1/data-centers": ROOT,
    "GET /api/v1/data-centers/{id}": ROOT,
    "PATCH /api/v1/data-centers/{id}": ROOT,
    "DELETE /api/v1/data-centers/{id}": ROOT,
    "GET /api/v1/cells": ROOT,
    "POST /api/v1/cells": ROOT,
    "GET /api/v1/cells/{id}": ROOT,
    "PATCH /api/v1/cells/{id}": ROOT,
    "DELETE /api/v1/cells/{id}": ROOT,
    "GET /api/v1/trunks": OFFICE,
    "POST /api/v1/trunks": ROOT,
    "GET /api/v1/trunks/{id}": OFFICE,
    "PATCH /api/v1/trunks/{id}": ROOT,
    "DELETE /api/v1/trunks/{id}": ROOT,
}

ROUTES = {f"{route.method} {route.path}": route for route in api.all_routes() if route.roles is not PUBLIC}

OF_THE_DESK = frozenset(
    f"{route.method} {route.path}"
    for route in ROUTES.values()
    if route.path.startswith(("/api/v1/offers/", "/api/v1/calls/")) or route.path.endswith("/next")
) - {"GET /api/v1/calls/{id}/recordings", "POST /api/v1/calls/{id}/monitor"}
"""What the dialer itself decides: it is asked in the name of the caller's own desk, and knows no other's offer or call
there (tests/unit/test_floor_*.py)."""

BODIES: dict[str, Any] = {
    "PUT /api/v1/me/state": {"state": "idle"},
    "PUT /api/v1/me/phone": {"phone": "1001"},
    "PUT /api/v1/me/language": {"language": "en"},
    "POST /api/v1/me/phone/trouble": {"code": "no_sound"},
    "POST /api/v1/agents/{id}/state": {"state": "idle"},
    "POST /api/v1/calls/{id}/monitor": {"mode": "listen"},
    "POST /api/v1/calls/{id}/wrap-up": {"disposition": "success"},
    "POST /api/v1/calls/{id}/hold": {"held": True},
    "POST /api/v1/calls/{id}/mute": {"muted": True},
    "POST /api/v1/calls/{id}/dtmf": {"digits": "1"},
    "POST /api/v1/calls/{id}/transfer": {"action": "cancel"},
    "POST /api/v1/calls/{id}/recording": {"action": "pause"},
}
"""A body that is right, where the empty one is not."""


async def ask(client: Client, route: Route, **parts: str) -> Answer:
    """The route as the client asks for it; parts of the path that are not given are ids of nothing."""
    path = route.path
    for name in route.parts:
        path = path.replace(f"{{{name}}}", parts.get(name, "+442079460999" if name == "number" else new_id()))
    if route.takes:
        return await client(route.method, path, data=b"", headers={"Content-Type": route.takes[0]})
    body = BODIES.get(f"{route.method} {route.path}", {}) if route.body is not None else None
    return await client(route.method, path, body)


def test_the_table_has_every_route_and_no_other() -> None:
    assert WHO_MAY.keys() == ROUTES.keys()


async def test_without_a_session_nothing_is_answered(office: Office) -> None:
    stranger = office.stranger()
    for name, route in ROUTES.items():
        answer = await ask(stranger, route)
        assert (name, answer.status, answer.code) == (name, 401, "UNAUTHENTICATED")
    assert office.floor.asked == []


async def test_each_role_may_what_the_table_says_and_nothing_else(office: Office) -> None:
    for role in Role:
        username = f"one.{role}"
        await office.hire(username, role, None if role is Role.ADMIN else office.acme.tenant_id)
        client = await office.sign_in(username)
        for name, route in ROUTES.items():
            asked = len(office.floor.asked)
            answer = await ask(client, route)
            may = role.value in WHO_MAY[name].split()
            refused = answer.status == 403 and answer.code == "FORBIDDEN"
            assert (name, role, refused) == (name, role, not may), answer.text
            assert may or len(office.floor.asked) == asked
            if name == "DELETE /api/v1/sessions/current":
                client = await office.sign_in(username)


def things(conn: Connection, here: Company, number: str) -> dict[str, str]:
    """One of everything a company has, by what stands before its id in an address; `number` is not to be called."""
    work = Work(conn, NOON)
    (contact,) = take_in(work, here, {"external_id": "c1", "name": "Jo", "number": LONDON})
    call, recording = recorded(conn, here)
    field = fields.create_field(conn, here.tenant_id, fields.NewField(name="plan", label="Plan"))
    new = imports.NewImport(campaign_id=here.campaign_id, list="First")
    begun = imports.begin(conn, here.tenant_id, new, started_by=here.agent_id, now=NOON)
    token = tokens.create_token(conn, here.tenant_id, here.agent_id, tokens.NewToken(name="crm"), now=NOON)
    entry = do_not_call.NewEntry(number=number)
    do_not_call.add_entry(work, here.tenant_id, entry, added_by=here.agent_id)
    return {
        "campaigns": here.campaign_id,
        "contacts": contact,
        "calls": call,
        "recordings": recording,
        "imports": begun["id"],
        "lists": here.list_id,
        "users": here.agent_id,
        "agents": here.agent_id,
        "teams": here.team_id,
        "fields": field["id"],
        "tokens": token["id"],
        "tenants": here.tenant_id,
        "trunks": here.trunk_id,
        "do-not-call": number,
    }


def rows_of(conn: Connection, tenant_id: str) -> dict[str, list[Any]]:
    """All that is stored of a tenant."""
    tables = [table for table in schema.metadata.sorted_tables if "tenant_id" in table.c]
    return {
        table.name: sorted(map(str, conn.execute(select(table).where(table.c.tenant_id == tenant_id))))
        for table in tables
    }


def about(route: Route, known: Mapping[str, str]) -> dict[str, str]:
    """The parts of a route's path, for one of the known things."""
    return {name: known[route.path.split("/")[3]] for name in route.parts}


def in_an_address(role: Role) -> list[tuple[str, Route]]:
    """Routes with an id or a number in the address that this role may use, and that the web itself looks up."""
    asked_by_agents = role is Role.AGENT or role is Role.SUPERVISOR
    return [
        (name, route)
        for name, route in ROUTES.items()
        if route.parts and role.value in WHO_MAY[name].split() and not (asked_by_agents and name in OF_THE_DESK)
    ]


@pytest.mark.parametrize("role", [Role.AGENT, Role.SUPERVISOR, Role.TENANT_ADMIN])
async def test_another_tenants_things_are_not_there_and_stay_as_they_are(office: Office, role: Role) -> None:
    acme, globex = office.acme, office.globex
    await office.store.run(lambda conn: things(conn, acme, "+442079460001"))
    theirs = await office.store.run(lambda conn: things(conn, globex, "+442079460002"))
    me = await office.hire("one", role, acme.tenant_id)
    members = teams.TeamChange(user_ids=(acme.agent_id, me))
    await office.store.run(lambda conn: teams.change_team(conn, acme.tenant_id, acme.team_id, members))
    client = await office.sign_in("one")
    before = await office.store.run(lambda conn: rows_of(conn, globex.tenant_id))
    office.floor.asked.clear()
    for name, route in in_an_address(role):
        answer = await ask(client, route, **about(route, theirs))
        assert (name, answer.status, answer.code) == (name, 404, "NOT_FOUND")
    assert office.floor.asked == []
    for name, route in ROUTES.items():
        if route.method == "GET" and not route.parts and role.value in WHO_MAY[name].split():
            answer = await ask(client, route)
            assert not [one for one in (*theirs.values(), "Globex") if one in answer.text], (name, answer.text)
            other = await client("GET", f"{route.path}?tenant={globex.tenant_id}")
            assert not [one for one in (*theirs.values(), "Globex") if one in other.text], (name, other.text)
    assert await office.store.run(lambda conn: rows_of(conn, globex.tenant_id)) == before


OF_THE_TENANT = ("fields", "do-not-call", "tokens")
"""What supervisors share with their whole tenant, or have of their own."""


async def test_another_teams_things_are_not_there_for_a_supervisor(office: Office) -> None:
    acme = office.acme
    theirs = await office.store.run(lambda conn: things(conn, acme, "+442079460001"))
    sue = await office.hire("sue", Role.SUPERVISOR, acme.tenant_id)
    await office.store.run(
        lambda conn: teams.create_team(conn, acme.tenant_id, teams.NewTeam(name="Other", user_ids=(sue,)))
    )
    client = await office.sign_in("sue")
    before = await office.store.run(lambda conn: rows_of(conn, acme.tenant_id))
    office.floor.asked.clear()
    for name, route in in_an_address(Role.SUPERVISOR):
        if route.path.split("/")[3] not in OF_THE_TENANT:
            answer = await ask(client, route, **about(route, theirs))
            assert (name, answer.status, answer.code) == (name, 404, "NOT_FOUND")
    assert office.floor.asked == []
    hidden = [
        theirs[name] for name in ("campaigns", "contacts", "calls", "recordings", "imports", "lists", "agents", "teams")
    ]
    for name, route in ROUTES.items():
        if route.method == "GET" and not route.parts and "supervisor" in WHO_MAY[name].split():
            answer = await ask(client, route)
            if not route.path.endswith(("/do-not-call", "/me/colleagues")):
                assert not [one for one in hidden if one in answer.text], (name, answer.text)
    assert await office.store.run(lambda conn: rows_of(conn, acme.tenant_id)) == before


async def test_the_same_things_are_there_for_their_own_administrator(office: Office) -> None:
    """Or the tests above would find nothing wherever they look."""
    acme = office.acme
    own = await office.store.run(lambda conn: things(conn, acme, "+442079460001"))
    await office.hire("boss", Role.TENANT_ADMIN, acme.tenant_id)
    boss = await office.sign_in("boss")
    for name, route in in_an_address(Role.TENANT_ADMIN):
        if route.method == "GET" and route.answer_type != "audio/wav":
            answer = await ask(boss, route, **about(route, own))
            assert (name, answer.status) == (name, 200), answer.text
