"""Is the agent's phone there? Asked before an agent is given work, so that a dead phone is told at once."""

from __future__ import annotations

import asyncio

from telephony.dialer.errors import Refused
from telephony.dialer.ground import Ground
from telephony.model.reasons import Refusal
from telephony.store import agents
from telephony.store.agents import Phones

REGISTERS_WITHIN = 3.0
"""Seconds a phone gets to register: a softphone that is started together with the page takes about one."""

ASKED_EVERY = 0.2
"""Seconds between two questions meanwhile."""


async def check(ground: Ground, agent_id: str) -> Phones:
    """Wait for an agent's phone to be registered; raises `Refused`. Where nobody knows, that is no reason to refuse."""
    phones = await ground.store.run(lambda conn: agents.phones_of(conn, agent_id))
    if not phones.called:
        raise Refused(Refusal.PHONE_NOT_REGISTERED, "No phone is set: choose one first")
    until = asyncio.get_running_loop().time() + REGISTERS_WITHIN
    while await ground.board.phone_ready(phones.called) is False:
        if asyncio.get_running_loop().time() > until:
            text = f"Your phone '{phones.sip}' is not registered: start it, or choose another phone"
            if phones.browser:
                text = "The phone in your browser is not connected: reload the page, or choose another phone"
            raise Refused(Refusal.PHONE_NOT_REGISTERED, text)
        await asyncio.sleep(ASKED_EVERY)
    return phones
