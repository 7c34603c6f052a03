"""What load balancers, orchestrators and Prometheus read."""

from __future__ import annotations

import asyncio

import pytest

from telephony.store.schema import agents
from tests.support.office import Office

pytestmark = pytest.mark.unit


async def test_alive_even_when_nothing_else_works(office: Office) -> None:
    office.floor.ready = office.floor.pbx_connected = False
    assert (await office.stranger()("GET", "/healthz")).json == {"status": "ok"}


@pytest.mark.parametrize(
    ("connected", "ready", "status", "missing"),
    [(True, True, 200, None), (True, False, 503, ["survey"]), (False, False, 503, ["pbx"])],
)
async def test_ready_when_calls_can_be_made(
    office: Office, connected: bool, ready: bool, status: int, missing: list[str] | None
) -> None:
    office.floor.pbx_connected, office.floor.ready = connected, ready
    answer = await office.stranger()("GET", "/readyz")
    assert (answer.status, answer.json.get("missing")) == (status, missing)


async def figures(office: Office) -> dict[str, float]:
    answer = await office.stranger()("GET", "/metrics")
    assert answer.status == 200
    lines = [line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


async def test_figures(office: Office) -> None:
    await office.store.run(lambda conn: conn.execute(agents.update().values(state="talking")))
    office.floor.pbx_connected = False
    ann = office.acme.agent_id
    await office.tell("call.state", {"call": "c", "state": "ended", "outcome": "TALKED"}, agent_id=ann)
    await office.tell("call.state", {"call": "c", "state": "ringing", "outcome": None}, agent_id=ann)
    await office.tell("limit.reached", {"code": "NO_TRUNK"}, agent_id=ann)
    await asyncio.sleep(0.2)
    found = await figures(office)
    assert found['telephony_agents{state="talking"}'] == 2
    assert found['telephony_agents{state="idle"}'] == 0
    assert found["telephony_pbx_connected"] == 0
    assert found["telephony_legs_listened_to"] == found["telephony_ears_restarts_total"] == 0
    assert found['telephony_call_outcomes_total{outcome="TALKED"}'] == 1
    assert found['telephony_refusals_total{code="NO_TRUNK"}'] == 1
    assert 0 <= found["telephony_event_lag_seconds"] < 2
    assert "telephony_loop_lag_seconds" in found


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_a_probe_may_ask_for_the_head_alone(office: Office, path: str) -> None:
    answer = await office.stranger()("HEAD", path)
    assert (answer.status, answer.text) == (200, "")
