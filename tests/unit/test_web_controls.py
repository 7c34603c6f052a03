"""What is done in a call, over the API: it reaches the dialer as it was meant, and nothing else does."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from telephony.dialer.requests import Target
from telephony.model.ids import new_id
from telephony.store import teams
from telephony.store.accounts import Role
from telephony.store.schema import agents
from tests.support.office import Office
from tests.unit.test_web_calls import called

pytestmark = pytest.mark.unit


async def test_hold_mute_and_digits(office: Office) -> None:
    agent, ann, call = await office.agent(), office.acme.agent_id, new_id()
    for path, body in (("hold", {"held": True}), ("mute", {"muted": False}), ("dtmf", {"digits": "09A*#"})):
        assert (await agent("POST", f"/api/v1/calls/{call}/{path}", body)).status == 204
    assert office.floor.asked == [
        ("hold", ann, call, True),
        ("mute", ann, call, False),
        ("dtmf", ann, call, "09A*#"),
    ]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("hold", {}),
        ("hold", {"held": "perhaps"}),
        ("mute", {"muted": None}),
        ("dtmf", {"digits": ""}),
        ("dtmf", {"digits": "1" * 33}),
        ("dtmf", {"digits": "1,2"}),
        ("dtmf", {"digits": "1\r\nAction: Logoff"}),
    ],
)
async def test_what_makes_no_sense_is_refused(office: Office, path: str, body: dict[str, Any]) -> None:
    agent = await office.agent()
    refused = await agent("POST", f"/api/v1/calls/{new_id()}/{path}", body)
    assert refused.code == "INVALID"
    assert office.floor.asked == []


async def test_do_not_call_from_the_call_and_from_the_card(office: Office) -> None:
    agent, ann, call = await office.agent(), office.acme.agent_id, new_id()
    assert (await agent("POST", f"/api/v1/calls/{call}/do-not-call")).status == 204
    body = {"do_not_call": True, "reason": "  said so "}
    assert (await agent("POST", f"/api/v1/offers/{call}/remove", body)).status == 200
    assert office.floor.asked == [("do not call", ann, call), ("remove", ann, call, True, "said so")]
    long = await agent("POST", f"/api/v1/offers/{call}/remove", {"reason": "x" * 201})
    assert (long.code, long.json["errors"][0]["field"]) == ("INVALID", "reason")


async def test_supervisors_of_the_team_and_nobody_else(office: Office) -> None:
    acme = office.acme
    await office.hire("sue", Role.SUPERVISOR, acme.tenant_id)
    await office.hire("boss", Role.TENANT_ADMIN, acme.tenant_id)
    await office.hire("eve", Role.TENANT_ADMIN, office.globex.tenant_id)
    call = await office.store.run(lambda conn: called(conn, acme))
    requests = (
        (f"/api/v1/agents/{acme.agent_id}/free", None),
        (f"/api/v1/agents/{acme.agent_id}/state", {"state": "idle", "reason": "lunch"}),
        (f"/api/v1/calls/{call}/hang-up", None),
    )
    sue = await office.sign_in("sue")
    stranger = await office.sign_in("eve")
    agent = await office.agent()
    for path, body in requests:
        assert (await sue("POST", path, body)).code == "NOT_FOUND"  # not in this team yet
        assert (await stranger("POST", path, body)).code == "NOT_FOUND"
        if "agents" in path:
            assert (await agent("POST", path, body)).code == "FORBIDDEN"
    assert office.floor.asked == []
    boss = await office.sign_in("boss")
    for path, body in requests:
        assert (await boss("POST", path, body)).status == 204
    assert office.floor.asked == [
        ("free", acme.agent_id),
        ("supervisor sets", acme.agent_id, "idle", "lunch"),
        ("supervisor hangs up", acme.agent_id, call),
    ]


async def test_a_supervisor_in_a_call_of_the_team(office: Office) -> None:
    acme = office.acme
    sue_id = await office.hire("sue", Role.SUPERVISOR, acme.tenant_id)
    call = await office.store.run(lambda conn: called(conn, acme))
    path = f"/api/v1/calls/{call}/monitor"
    sue, agent = await office.sign_in("sue"), await office.agent()
    assert (await agent("POST", path, {"mode": "listen"})).code == "FORBIDDEN"
    assert (await sue("POST", path, {"mode": "listen"})).code == "NOT_FOUND"  # not of this team yet
    assert office.floor.asked == []
    members = teams.TeamChange(user_ids=(acme.agent_id, sue_id))
    await office.store.run(lambda conn: teams.change_team(conn, acme.tenant_id, acme.team_id, members))
    sue = await office.sign_in("sue")
    assert (await sue("POST", path, {"mode": "shout"})).code == "INVALID"
    assert (await sue("POST", path, {"mode": "whisper"})).status == 204
    assert (await sue("DELETE", path)).status == 204
    assert office.floor.asked == [
        ("monitor", sue_id, "sue", acme.agent_id, call, "whisper"),
        ("leave", sue_id, call),
    ]


async def test_agents_are_not_told_who_listens(office: Office) -> None:
    await office.hire("boss", Role.TENANT_ADMIN, office.acme.tenant_id)
    agent, boss = await office.agent(), await office.sign_in("boss")
    async with agent.live() as hers, boss.live() as theirs:
        for feed in (hers, theirs):
            assert (await feed.receive_json())["kind"] == "hello"
        for kind in ("call.monitored", "call.controls"):
            await office.tell(kind, {"call": "c"}, agent_id=office.acme.agent_id)
        assert (await hers.receive_json())["kind"] == "call.controls"
        assert [(await theirs.receive_json())["kind"] for _ in range(2)] == ["call.monitored", "call.controls"]


async def test_a_transfer_is_asked_for_as_it_was_meant(office: Office) -> None:
    agent, ann, call, bea = await office.agent(), office.acme.agent_id, new_id(), new_id()
    path = f"/api/v1/calls/{call}/transfer"
    for body in (
        {"action": "blind", "to": {"number": "+44 20 7946 0999"}},
        {"action": "consult", "to": {"agent": bea}},
        {"action": "complete"},
        {"action": "cancel"},
    ):
        answer = await agent("POST", path, body)
        assert (answer.status, answer.json) == (200, {"state": "ringing"})
    assert office.floor.asked == [
        ("transfer", ann, call, "blind", Target(number="+442079460999")),
        ("transfer", ann, call, "consult", Target(agent_id=bea)),
        ("transfer", ann, call, "complete", None),
        ("transfer", ann, call, "cancel", None),
    ]
    for body in (
        {"action": "blind"},
        {"action": "complete", "to": {"agent": bea}},
        {"action": "consult", "to": {}},
        {"action": "consult", "to": {"agent": bea, "number": "+442079460999"}},
        {"action": "consult", "to": {"number": "12"}},
        {"action": "give", "to": {"agent": bea}},
    ):
        assert (await agent("POST", path, body)).code == "INVALID"
    assert len(office.floor.asked) == 4


async def test_colleagues_of_my_company_who_are_free(office: Office) -> None:
    acme = office.acme
    bea = await office.hire("bea", Role.AGENT, acme.tenant_id)
    await office.hire("off", Role.AGENT, acme.tenant_id)
    await office.store.run(lambda conn: conn.execute(update(agents).where(agents.c.id == bea).values(state="idle")))
    agent = await office.agent()
    answer = await agent("GET", "/api/v1/me/colleagues")
    assert answer.json == [{"id": bea, "name": "bea", "state": "idle"}]
