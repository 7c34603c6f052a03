"""Upkeep works off new calling hours, sweeps up, and goes on after the database was away."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from telephony.store import campaigns, imports, sessions, upkeep
from telephony.store.campaigns import CampaignChange
from telephony.store.contact_list import contact
from telephony.store.engine import Store
from telephony.store.imports import NewImport
from telephony.store.schema import sessions as sessions_table
from telephony.store.upkeep import Upkeep
from tests.support.company import Company, at, company, take_in

pytestmark = pytest.mark.unit

CLOSED = CampaignChange(settings={"calling_hours": {}})


@pytest.fixture
async def acme(store: Store) -> Company:
    return await store.run(company)


async def test_new_calling_hours_reach_every_contact_and_the_dialer_is_told(store: Store, acme: Company) -> None:
    now = datetime.now(UTC)
    (id_,) = await at(store, now, lambda work: take_in(work, acme, {"external_id": "A1", "number": "+442079460000"}))
    told: list[str] = []
    worker = Upkeep(store, due_changed=lambda: told.append("look again"))
    await worker.round()
    assert told == []

    await store.run(lambda conn: campaigns.change_campaign(conn, acme.tenant_id, acme.campaign_id, CLOSED))
    await worker.round()

    assert told == ["look again"]
    person = await store.run(lambda conn: contact(conn, acme.tenant_id, id_))
    assert (person["due_at"], person["why"]) == (None, "never_open")


async def test_expired_sessions_and_lost_imports_are_swept_away(store: Store, acme: Company) -> None:
    now = datetime.now(UTC)
    for age, lifetime in ((2, 1), (0, 1)):
        begun = now - timedelta(hours=age)
        await store.run(
            lambda conn, begun=begun, lifetime=lifetime: sessions.open_session(
                conn, acme.agent_id, now=begun, lifetime=timedelta(hours=lifetime)
            )
        )
    new = NewImport(campaign_id=acme.campaign_id)
    lost = now - timedelta(hours=1)
    row = await store.run(lambda conn: imports.begin(conn, acme.tenant_id, new, started_by=None, now=lost))

    await Upkeep(store).round()

    left = select(func.count()).select_from(sessions_table)
    assert await store.run(lambda conn: conn.execute(left).scalar_one()) == 1
    after = await store.run(lambda conn: imports.import_(conn, acme.tenant_id, row["id"]))
    assert (after["state"], "send the file again" in after["error"]) == ("failed", True)


async def test_it_is_woken_and_survives_a_database_that_is_away(
    store: Store, acme: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = asyncio.Event()
    worker = Upkeep(store, due_changed=told.set)
    failed = asyncio.Event()
    real = Store.run

    async def first_time_away(self: Store, fn: Any) -> Any:
        if not failed.is_set():
            failed.set()
            raise ConnectionRefusedError
        return await real(self, fn)

    monkeypatch.setattr(Store, "run", first_time_away)
    monkeypatch.setattr(upkeep, "EVERY", 600)
    running = asyncio.create_task(worker.run())
    await asyncio.wait_for(failed.wait(), 5)
    await store.run(lambda conn: campaigns.change_campaign(conn, acme.tenant_id, acme.campaign_id, CLOSED))

    worker.wake()

    await asyncio.wait_for(told.wait(), 5)
    running.cancel()
