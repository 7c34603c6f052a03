"""The demo's data: complete after the first start, and whole again after a day of use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import pytest
from sqlalchemy import Connection, func, select, update

from telephony.demo.seed import AGENTS, CAMPAIGNS, seed
from telephony.demo.table import ROWS
from telephony.model.contact import ContactEvent
from telephony.pbx.audio_folder import AudioFolder
from telephony.store import accounts, do_not_call, sessions
from telephony.store.engine import Store
from telephony.store.passwords import password_matches
from telephony.store.records import Contact, columns, record
from telephony.store.schema import campaigns, contact_counts, contacts, messages, numbers, tenants
from telephony.store.steps import step_contact
from telephony.store.work import Work, change

pytestmark = pytest.mark.unit

Load = Callable[..., Awaitable[None]]


@pytest.fixture
def load(store: Store, tmp_path: Path) -> Load:
    audio = AudioFolder(here=tmp_path, there=PurePosixPath(tmp_path))

    async def again(password: str = "tulip-1234") -> None:
        await seed(store, cell="cell-1", data_center="main", password=password, audio=audio)

    return again


def waiting_now(conn: Connection) -> int:
    due = (contacts.c.state == "waiting", contacts.c.due_at <= datetime.now(UTC))
    return int(conn.execute(select(func.count()).select_from(contacts).where(*due)).scalar_one())


def all_counts(conn: Connection) -> dict[str, int]:
    rows = conn.execute(select(contact_counts.c.state, func.sum(contact_counts.c.contacts)).group_by("state"))
    return {state: int(number) for state, number in rows if number}


async def test_every_kind_of_customer_waits_in_every_campaign(store: Store, load: Load) -> None:
    await load()
    assert await store.run(waiting_now) == len(ROWS)
    running = await store.run(lambda conn: conn.execute(select(campaigns.c.name).where(campaigns.c.running)).all())
    assert {name for (name,) in running} == set(CAMPAIGNS.values())
    used = await store.run(lambda conn: conn.execute(select(numbers.c.e164)).scalars().all())
    assert len(set(used)) == len(ROWS)
    assert {number[-2:] for number in used} == {row.suffix for row in ROWS}


async def test_a_second_start_brings_back_what_was_used_up(store: Store, load: Load) -> None:
    await load()

    def use_up(work: Work) -> None:
        ends = (ContactEvent.CLOSE, ContactEvent.REMOVE, ContactEvent.BLOCK)
        for number, row in enumerate(work.conn.execute(select(*columns(Contact)).order_by(contacts.c.id)).all()):
            step_contact(work, record(Contact, row), ends[number % len(ends)], due_at=None, attempts=3, skips=2)
        work.conn.execute(update(numbers).values(status="invalid"))
        tenant = work.conn.execute(select(tenants.c.id)).scalar_one()
        some = work.conn.execute(select(numbers.c.e164).limit(1)).scalar_one()
        do_not_call.add_entry(work, tenant, do_not_call.NewEntry(number=some), added_by=None)

    await change(store, use_up)
    assert await store.run(waiting_now) == 0
    await load()
    assert await store.run(waiting_now) == len(ROWS)
    assert await store.run(all_counts) == {"waiting": len(ROWS)}
    left = await store.run(lambda conn: conn.execute(select(numbers.c.status).distinct()).scalars().all())
    assert left == ["open"]
    tries = await store.run(lambda conn: conn.execute(select(func.sum(contacts.c.attempts))).scalar_one())
    assert tries == 0


async def test_a_contact_in_a_call_is_left_alone(store: Store, load: Load) -> None:
    await load()

    def call(work: Work) -> str:
        contact = record(Contact, work.conn.execute(select(*columns(Contact)).limit(1)).one())
        step_contact(work, contact, ContactEvent.CLAIM)
        step_contact(work, contact, ContactEvent.START_ATTEMPT)
        return contact.id

    busy = await change(store, call)
    await load()
    state = await store.run(
        lambda conn: conn.execute(select(contacts.c.state).where(contacts.c.id == busy)).scalar_one()
    )
    assert state == "in_attempt"


async def test_a_new_password_replaces_the_old_one_and_the_same_one_keeps_sessions(store: Store, load: Load) -> None:
    await load()
    name = AGENTS[0].username
    known = await store.run(lambda conn: accounts.credentials(conn, name))
    assert known is not None
    assert password_matches(known.password_hash, "tulip-1234")
    now = datetime.now(UTC)
    token = await store.run(
        lambda conn: sessions.open_session(conn, known.user_id, now=now, lifetime=timedelta(hours=1))
    )
    await load()
    assert await store.run(lambda conn: sessions.caller(conn, token, now=now)) is not None
    await load("orchid-5678")
    assert await store.run(lambda conn: sessions.caller(conn, token, now=now)) is None
    again = await store.run(lambda conn: accounts.credentials(conn, name))
    assert again is not None
    assert password_matches(again.password_hash, "orchid-5678")


async def test_every_campaign_has_a_message_to_drop_which_a_second_start_keeps(
    store: Store, load: Load, tmp_path: Path
) -> None:
    await load()
    paths = await store.run(lambda conn: set(conn.execute(select(messages.c.path)).scalars()))
    assert len(paths) == len(CAMPAIGNS)
    assert {path.name for path in (tmp_path / "messages").iterdir()} == paths
    await load()
    assert await store.run(lambda conn: set(conn.execute(select(messages.c.path)).scalars())) == paths
    without = select(campaigns.c.id).where(campaigns.c.voicemail_message_id.is_(None))
    assert await store.run(lambda conn: conn.execute(without).all()) == []
