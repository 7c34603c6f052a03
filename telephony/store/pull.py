"""The mode preview: the agent asks for a contact and, on accept, the agent's phone is called before the customer's."""

from __future__ import annotations

from sqlalchemy import bindparam, update

from telephony.model.campaign import CampaignSettings
from telephony.model.reasons import Capacity, Withdrawal
from telephony.store import attempts, grants, offers, ways_out
from telephony.store.attempts import CallLeg
from telephony.store.grants import Place
from telephony.store.prepared import Prepared
from telephony.store.records import Agent, Attempt
from telephony.store.schema import legs
from telephony.store.work import Work

_LEG_PLACED = Prepared(update(legs).where(legs.c.id == bindparam("key")).values(placed_at=bindparam("now")))


def place(work: Work, here: Place, agent: Agent, attempt: Attempt, leg: CallLeg) -> Capacity | Withdrawal | None:
    """The agent has answered: place the customer's leg that was granted with the accept.

    What comes back is why it must not be placed after all; a limit's refusal is stored. Raises `LostCell`.
    """
    offer = offers.load(work, attempt.offer_id)
    assert offer is not None
    settings = CampaignSettings.stored(offer.settings)
    contact = offers.contact_of(work, attempt.contact_id)
    why = attempts.forbidden(work, settings, offer, contact, attempt=attempt)
    if why is not None:
        return why
    trunks = {trunk.id: trunk for trunk in ways_out.usable_trunks(work, here, attempt.tenant_id)}
    if leg.trunk_id not in trunks:
        return Capacity.NO_TRUNK  # disabled while the agent's phone rang
    full = grants.take_rate(work, here, leg.trunk_id, trunks[leg.trunk_id].max_calls_per_second)
    if full is not None:
        return attempts.refuse(work, agent, offer, full).code
    _LEG_PLACED(work.conn, {"key": leg.id, "now": work.now})
    attempts.first_leg_placed(work, attempt)
    return None
