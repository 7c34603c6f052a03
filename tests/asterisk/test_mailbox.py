"""What arrives in a mailbox, a phone that keeps tapes: the dropped recording, and the agent's own words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, update

from telephony.demo.pbx import Pbx
from telephony.demo.softphone import AnswerMode, Softphone
from telephony.model.message_drop import When
from telephony.pbx.audio_folder import AudioFolder
from telephony.pbx.message_file import from_file
from telephony.store import messages, schema
from telephony.store.engine import Store
from telephony.store.messages import MessageUse, NewMessage
from tests.support.line_shift import LineShift, line_shift
from tests.support.mailbox import RATE, Sound, find, later, read, silence, speech, tapes, tone, write
from tests.support.platform import NewPhone

pytestmark = pytest.mark.asterisk

AGENT, MAILBOX = "alice", "carol"
STANDARD, DIRECT, PULL = "preview_standard", "preview_direct", "preview"

GREETING = speech(2.4, seed=1)  # the process that listens starts with the first leg: 0.3 s, more on a busy machine
BEEP = tone(0.4)
MESSAGE = speech(2.0, seed=2)
WORDS = speech(1.6, seed=3)
REST = silence(60)

LAST_WAIT = 0.5
"""Seconds without a packet between the end of a message and the BYE, as in the dialplan."""


@asynccontextmanager
async def calling_mailbox(
    store: Store, pbx: Pbx, new_phone: NewPhone, folder: Path, greeting: Sound, **wanted: Any
) -> AsyncIterator[tuple[LineShift, Softphone, Softphone, Sound]]:
    """A shift whose customer is a mailbox with this greeting; its agent's and its phone, and the campaign's message."""
    agent = await new_phone(AGENT)
    mailbox = await new_phone(MAILBOX, voice=write(folder / "greeting.wav", np.concatenate([greeting, REST])))
    async with line_shift(store, pbx, phones=(AGENT,), customers=("00", "00"), **wanted) as one:
        audio = AudioFolder(here=pbx.audio, there=pbx.audio)
        await asyncio.to_thread(audio.prepare)
        made = await from_file(write(folder / "message.wav", MESSAGE), audio.messages / messages.new_name())
        new = NewMessage(name="message.wav", path=made.path.name, seconds=made.seconds, sha256=made.sha256)

        def equip(conn: Connection) -> None:
            here = one.here
            for use in MessageUse:
                messages.set_message(conn, here.tenant_id, here.campaign_id, use, new, now=datetime.now(UTC))
            conn.execute(update(schema.contacts).values(consent=True))
            conn.execute(update(schema.trunks).values(dial_template=f"PJSIP/{MAILBOX}"))

        await store.run(equip)
        yield one, agent, mailbox, await asyncio.to_thread(read, made.path)


async def joined(one: LineShift) -> str:
    """The agent is joined to the mailbox; the attempt."""
    if one.desks[AGENT].agent.state.value == "offline":
        await one.available(AGENT)
    campaign = one.here.campaign_id
    if (await one.store.run(lambda conn: mode_of(conn, campaign))) == PULL:
        await one.floor.next_pull(one.agents[AGENT], campaign)
    await one.state_is(AGENT, "previewing")
    attempt = await one.accept(AGENT)
    await one.state_is(AGENT, "talking")
    return attempt


def mode_of(conn: Connection, campaign_id: str) -> str:
    table = schema.campaigns
    found = conn.execute(table.select().where(table.c.id == campaign_id)).one()
    return str(found.settings["mode"])


@pytest.mark.parametrize("mode", [STANDARD, PULL])
@pytest.mark.reason("MESSAGE_DROPPED")
async def test_a_dropped_message_is_in_the_mailbox_whole_after_the_beep(
    store: Store, pbx: Pbx, new_phone: NewPhone, tmp_path: Path, mode: str
) -> None:
    greeting = np.concatenate([GREETING, silence(0.3), BEEP])
    async with calling_mailbox(store, pbx, new_phone, tmp_path, greeting, mode=mode) as (one, _, mailbox, message):
        attempt = await joined(one)
        await one.floor.drop_message(one.agents[AGENT], attempt, When.AUTO)
        await one.state_is(AGENT, "available" if mode == PULL else "previewing", 2.0)  # free while the greeting speaks
        row = await one.ended(attempt, 15)
        assert (row.outcome, row.code) == ("MESSAGE_DROPPED", None)
        said, heard = await tapes(mailbox)
        over, left = find(greeting, said).at + len(greeting) / RATE, find(message, heard)
        assert left.whole, left
        assert left.at + later(said, heard, LAST_WAIT) > over
        assert row.beep_after is not None  # that began it, and not the silence after it


async def test_two_tones_a_mailbox_that_records_from_the_second_has_it_whole(
    store: Store, pbx: Pbx, new_phone: NewPhone, tmp_path: Path
) -> None:
    greeting = np.concatenate([GREETING, silence(0.2), BEEP, silence(0.7), BEEP])
    async with calling_mailbox(store, pbx, new_phone, tmp_path, greeting, mode=DIRECT) as (one, _, mailbox, message):
        attempt = await joined(one)
        await one.floor.drop_message(one.agents[AGENT], attempt, When.AUTO)
        assert (await one.ended(attempt, 15)).outcome == "MESSAGE_DROPPED"
        said, heard = await tapes(mailbox)
        records_from, left = find(greeting, said).at + len(greeting) / RATE, find(message, heard)
        assert left.whole, left
        assert left.at + later(said, heard, LAST_WAIT) > records_from
        assert find(message[: RATE // 2], heard[: round(left.at * RATE)]).whole  # begun after the first already


async def test_without_a_beep_silence_starts_it_and_a_machine_verdict_needs_no_agent(
    store: Store, pbx: Pbx, new_phone: NewPhone, tmp_path: Path
) -> None:
    greeting = speech(4.0, seed=4)
    wanted = {"mode": STANDARD, "amd": "inline", "amd_treatment": "drop_message"}
    async with calling_mailbox(store, pbx, new_phone, tmp_path, greeting, **wanted) as (one, _, mailbox, message):
        await one.previewing(AGENT)
        attempt = await one.accept(AGENT)
        row = await one.ended(attempt, 20)
        assert (row.outcome, row.amd_verdict, row.joined_at) == ("MESSAGE_DROPPED", "MACHINE", None)
        assert one.state(AGENT) == "previewing"  # the next contact
        said, heard = await tapes(mailbox)
        over, left = find(greeting, said).at + len(greeting) / RATE, find(message, heard)
        assert left.whole, left
        assert left.at + later(said, heard, LAST_WAIT) > over + 1.7
        assert row.beep_after is None


@pytest.mark.parametrize("mode", [STANDARD, DIRECT, PULL])
async def test_the_agents_own_words_after_the_beep_arrive_whole(
    store: Store, pbx: Pbx, new_phone: NewPhone, tmp_path: Path, mode: str
) -> None:
    greeting = np.concatenate([GREETING, silence(0.3), BEEP])
    async with calling_mailbox(store, pbx, new_phone, tmp_path, greeting, mode=mode) as (one, agent, mailbox, _):
        attempt = await joined(one)
        await asyncio.sleep(len(greeting) / RATE)
        words = np.concatenate([silence(0.2), WORDS, REST])
        await agent.speak(await asyncio.to_thread(write, tmp_path / "words.wav", words))
        await one.floor.voicemail_left(one.agents[AGENT], attempt)
        await asyncio.sleep(len(WORDS) / RATE + 0.8)
        await one.floor.hang_up(one.agents[AGENT], attempt)
        assert (await one.ended(attempt)).outcome == "VOICEMAIL_LEFT"
        said, heard = await tapes(mailbox)
        left = find(WORDS, heard)
        assert left.whole, left
        assert left.at + later(said, heard) > find(greeting, said).at + len(greeting) / RATE


@pytest.mark.reason("MESSAGE_NOT_LEFT")
async def test_hung_up_in_the_middle_it_was_not_left(
    store: Store, pbx: Pbx, new_phone: NewPhone, tmp_path: Path
) -> None:
    greeting = np.concatenate([speech(0.6, seed=5), BEEP])
    async with calling_mailbox(store, pbx, new_phone, tmp_path, greeting, mode=STANDARD) as (one, _, mailbox, message):
        attempt = await joined(one)
        await one.floor.drop_message(one.agents[AGENT], attempt, When.NOW)
        await asyncio.sleep(1.0)
        await mailbox.hang_up()
        row = await one.ended(attempt)
        assert (row.outcome, row.code) == ("MESSAGE_NOT_LEFT", "cut")
        _, heard = await tapes(mailbox)
        assert not find(message, heard).whole  # the measure itself can fail


@pytest.mark.reason("MACHINE_HUNG_UP")
async def test_a_machine_is_hung_up_on_and_the_agent_gets_the_next_contact(
    store: Store, pbx: Pbx, new_phone: NewPhone, tmp_path: Path
) -> None:
    wanted = {"mode": STANDARD, "amd": "inline", "amd_treatment": "hang_up"}
    greeting = speech(4.0, seed=4)
    async with calling_mailbox(store, pbx, new_phone, tmp_path, greeting, **wanted) as (one, _, _, _):
        await one.previewing(AGENT)
        attempt = await one.accept(AGENT)
        row = await one.ended(attempt)
        assert (row.outcome, row.amd_verdict, row.joined_at) == ("MACHINE_HUNG_UP", "MACHINE", None)
        await one.state_is(AGENT, "previewing")


async def test_a_service_that_starts_meanwhile_hears_the_beep_and_leaves_the_message(
    store: Store, pbx: Pbx, new_phone: NewPhone, tmp_path: Path
) -> None:
    greeting = np.concatenate([speech(3.5, seed=6), silence(0.3), BEEP])
    async with calling_mailbox(store, pbx, new_phone, tmp_path, greeting, mode=DIRECT) as (one, _, mailbox, message):
        attempt = await joined(one)
        await one.floor.drop_message(one.agents[AGENT], attempt, When.AUTO)
        await one.state_is(AGENT, "previewing")
        await one.restart_floor(pbx)
        assert (await one.attempt(attempt)).state == "message"
        assert (await one.ended(attempt, 15)).outcome == "MESSAGE_DROPPED"
        said, heard = await tapes(mailbox)
        left = find(message, heard)
        assert left.whole, left
        assert left.at + later(said, heard, LAST_WAIT) > find(greeting, said).at + len(greeting) / RATE


@pytest.mark.reason("ABANDONED")
async def test_a_customer_whose_agent_hung_up_while_they_answered_hears_why(
    store: Store, pbx: Pbx, new_phone: NewPhone, tmp_path: Path
) -> None:
    wanted = {"mode": STANDARD, "amd": "inline"}
    async with calling_mailbox(store, pbx, new_phone, tmp_path, silence(1), **wanted) as (one, agent, mailbox, message):
        await one.previewing(AGENT)
        attempt = await one.accept(AGENT)
        await mailbox.wait_for("CALL_ESTABLISHED", within=5.0)
        await agent.hang_up()
        assert (await one.ended(attempt, 15)).outcome == "ABANDONED"
        _, heard = await tapes(mailbox)
        assert find(message, heard).whole
        (pause,) = await store.run(lambda conn: list(conn.execute(schema.number_pauses.select())))
        assert pause.why == "ABANDONED"
        assert one.state(AGENT) == "idle"


async def test_a_message_that_is_replaced_while_a_customer_rings_is_still_there_for_them(
    store: Store, pbx: Pbx, new_phone: NewPhone, tmp_path: Path
) -> None:
    wanted = {"mode": STANDARD, "amd": "inline"}
    async with calling_mailbox(store, pbx, new_phone, tmp_path, silence(1), **wanted) as (one, agent, mailbox, message):
        folder, here = pbx.audio / "messages", one.here

        async def upload(name: str, sound: Sound) -> tuple[str, list[str]]:
            """As over the API: the file's name, and those of the files that nobody needs any more."""
            made = await from_file(write(tmp_path / name, sound), folder / messages.new_name())
            new = NewMessage(name=name, path=made.path.name, seconds=made.seconds, sha256=made.sha256)
            given = here.tenant_id, here.campaign_id, MessageUse.ABANDON, new
            await store.run(lambda conn: messages.set_message(conn, *given, now=datetime.now(UTC)))
            left = await store.run(lambda conn: messages.sweep(conn, here.tenant_id))
            return made.path.name, left

        old, _ = await upload("old.wav", MESSAGE)
        await mailbox.answer(AnswerMode.MANUAL)
        await one.previewing(AGENT)
        attempt = await one.accept(AGENT)
        await mailbox.wait_for("CALL_INCOMING", within=5.0)
        for name in (await upload("new.wav", WORDS))[1]:
            (folder / name).unlink()
        await mailbox.accept()
        await mailbox.wait_for("CALL_ESTABLISHED", within=5.0)
        await agent.hang_up()
        assert (await one.ended(attempt, 15)).outcome == "ABANDONED"
        _, heard = await tapes(mailbox)
        assert find(message, heard).whole
        assert old in (await upload("newer.wav", WORDS))[1]  # now nobody needs it
