"""The link is lost in the middle of something: nobody waits on, and nothing is ever written twice."""

from __future__ import annotations

import asyncio

import pytest

from telephony.pbx.ami import AmiLost, AmiNotConnected, AmiUnsettled
from tests.support.ami_service import Service
from tests.support.scripted_peer import ManagerConnection, ScriptedAsterisk

pytestmark = pytest.mark.unit

ORIGINATE = {"Action": "Originate", "ActionID": "leg-1", "Channel": "PJSIP/1@carrier", "Async": "true"}


async def up(pbx: ScriptedAsterisk, service: Service) -> ManagerConnection:
    line = await pbx.next_connection()
    await line.accept_login()
    await service.until_up()
    return line


async def all_that_arrives_after_reconnect(pbx: ScriptedAsterisk, service: Service) -> list[str]:
    """Let the service come back, give it time to repeat itself, and read what it wrote besides the login."""
    line = await up(pbx, service)
    await asyncio.sleep(0.2)
    await service.link.close()
    return [action.name for action in await line.read_to_end()]


@pytest.mark.parametrize("how", ["hang_up", "reset"])
async def test_loss_before_the_first_answer_fails_the_action_and_does_not_repeat_it(how: str) -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await up(pbx, service)
        sending = asyncio.create_task(service.link.send(ORIGINATE))
        await line.read_action()
        getattr(line, how)()
        with pytest.raises(AmiLost):
            await asyncio.wait_for(sending, 0.5)
        assert await all_that_arrives_after_reconnect(pbx, service) == []


@pytest.mark.parametrize("how", ["hang_up", "reset"])
async def test_loss_in_the_middle_of_a_list_fails_it_and_does_not_repeat_it(how: str) -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await up(pbx, service)
        asking = asyncio.create_task(service.link.send_list({"Action": "CoreShowChannels"}))
        action = await line.read_action()
        line.answer(action, "EventList: start")
        line.say_event("CoreShowChannel", f"ActionID: {action.action_id}")
        await line.drain()
        await asyncio.sleep(0.02)
        getattr(line, how)()
        with pytest.raises(AmiLost):
            await asyncio.wait_for(asking, 0.5)
        assert await all_that_arrives_after_reconnect(pbx, service) == []


async def test_loss_after_the_answer_changes_nothing_and_repeats_nothing() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await up(pbx, service)
        sending = asyncio.create_task(service.link.send(ORIGINATE))
        line.answer(await line.read_action(), "Message: Originate successfully queued")
        line.hang_up()
        assert (await sending).response == "Success"
        assert await all_that_arrives_after_reconnect(pbx, service) == []


async def test_all_who_wait_learn_of_the_loss_at_once_also_those_without_a_place() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port, max_in_flight=3) as service:
        line = await up(pbx, service)
        sending = [asyncio.create_task(service.link.send({"Action": "CoreStatus"})) for _ in range(10)]
        for _ in range(3):
            await line.read_action()
        line.reset()
        errors = await asyncio.wait_for(asyncio.gather(*sending, return_exceptions=True), 0.5)
        assert [type(error) for error in errors] == [AmiLost] * 3 + [AmiNotConnected] * 7
        assert await all_that_arrives_after_reconnect(pbx, service) == []


async def test_action_during_the_loss_is_refused_and_not_kept_for_later() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port, backoff_first=0.1) as service:
        line = await up(pbx, service)
        line.hang_up()
        await service.until_lost()
        with pytest.raises(AmiNotConnected, match="Asterisk closed the connection"):
            await service.link.send(ORIGINATE)
        assert await all_that_arrives_after_reconnect(pbx, service) == []


async def test_silent_asterisk_fails_the_actions_that_wait_for_it() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port, ping_every=0.05, ping_deadline=0.05) as service:
        await up(pbx, service)
        with pytest.raises(AmiLost, match="silent"):
            await asyncio.wait_for(service.link.send(ORIGINATE), 0.5)


async def test_closing_the_link_fails_the_actions_in_flight() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await up(pbx, service)
        sending = asyncio.create_task(service.link.send(ORIGINATE))
        await line.read_action()
        await service.link.close()
        with pytest.raises(AmiUnsettled, match="closed by this service"):
            await sending


async def test_same_leg_id_may_be_used_again_on_the_next_connection() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await up(pbx, service)
        sending = asyncio.create_task(service.link.send(ORIGINATE))
        await line.read_action()
        line.reset()
        with pytest.raises(AmiLost):
            await sending
        line = await up(pbx, service)
        sending = asyncio.create_task(service.link.send(ORIGINATE))
        line.answer(await line.read_action())
        assert (await sending).action_id == "leg-1"


async def test_cancelled_sender_leaves_its_place_to_others() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port, max_in_flight=1) as service:
        line = await up(pbx, service)
        sending = asyncio.create_task(service.link.send(ORIGINATE))
        await line.read_action()
        sending.cancel()
        sending = asyncio.create_task(service.link.send(ORIGINATE))
        line.answer(await line.read_action())
        assert (await sending).response == "Success"
