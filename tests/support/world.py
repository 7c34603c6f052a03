"""A small preview dialer in memory that does only what the state tables tell it to.

It has contacts, numbers, offers, attempts, agents and grants, and a reality beside them: whose phone rings, which
customer's leg is up. Each effect of the tables is carried out by one function here and nothing is done without
one, so a row with a wrong state or a missing effect shows as a broken invariant: a number that stays taken, a grant
that is not given back, an agent nobody serves.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from telephony.model.agent import AGENT, AgentEffect, AgentEvent, AgentState
from telephony.model.attempt import ATTEMPT, LIVE, AttemptEffect, AttemptEvent, AttemptState
from telephony.model.contact import CONTACT, ContactEffect, ContactEvent, ContactState
from telephony.model.offer import OFFER, OfferEffect, OfferEvent, OfferState

MAX_SKIPS = 2
WISHES = {AgentEvent.GO_IDLE, AgentEvent.GO_OFFLINE, AgentEvent.DESKTOP_LOST}


class Thing:
    """Compared by identity and shown short: these things point at each other."""

    def __repr__(self) -> str:
        plain = (f"{name}={value}" for name, value in vars(self).items() if value and isinstance(value, str | bool))
        return f"{type(self).__name__}({', '.join(plain)})"


@dataclass(eq=False, repr=False)
class Contact(Thing):
    name: str
    number: str
    state: ContactState = ContactState.WAITING
    owed_callback: bool = False
    skips: int = 0


@dataclass(eq=False, repr=False)
class Agent(Thing):
    name: str
    pull: bool = False
    keep_line: bool = False
    state: AgentState = AgentState.OFFLINE
    line: str = ""  # reality: "", "ringing" or "up"
    in_hand: Contact | None = None
    offer: Offer | None = None
    attempt: Attempt | None = None
    wish: AgentEvent | None = None
    seeking: bool = False
    awaits_offer: bool = False
    offer_timer: bool = False
    wrap_up: bool = False


@dataclass(eq=False, repr=False)
class Offer(Thing):
    agent: Agent
    contact: Contact
    state: OfferState = OfferState.OPEN


@dataclass(eq=False, repr=False)
class Attempt(Thing):
    agent: Agent
    contact: Contact
    state: AttemptState = AttemptState.GRANTED
    leg: str = ""  # reality: "", "placed", "appeared", "ringing" or "up"
    joined: bool = False
    end_asked: bool = False
    unwanted: bool = False  # cancel is stored
    message: bool = False
    handed_over: bool = False
    talked: bool = False
    dialed: bool = False
    disposition: ContactEvent = ContactEvent.RETRY
    given_back: int = 0


@dataclass(repr=False)
class World:
    """Agents and contacts under one limit of calls; every method is something that can happen."""

    agents: list[Agent]
    contacts: list[Contact]
    max_calls: int
    linked: bool = True
    pbx_restarted: bool = False
    offers: list[Offer] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    grants: list[Attempt] = field(default_factory=list)
    busy: dict[str, Contact] = field(default_factory=dict)
    counts: Counter[ContactState] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.counts.update(contact.state for contact in self.contacts)

    # -- the four tables and their effects ---------------------------------------------------------------

    def move_contact(self, contact: Contact, event: ContactEvent) -> None:
        step = CONTACT.step(contact.state, event)
        self.counts[contact.state] -= 1
        self.counts[step.state] += 1
        contact.state = step.state
        for effect in step.effects:
            match effect:
                case ContactEffect.TAKE_NUMBER:
                    assert contact.number not in self.busy, "number taken twice"
                    self.busy[contact.number] = contact
                case ContactEffect.FREE_NUMBER:
                    assert self.busy.pop(contact.number) is contact
                case ContactEffect.WITHDRAW_OFFER:
                    for offer in self.offers:
                        if offer.contact is contact and offer.state is OfferState.OPEN:
                            self.decide(offer.agent, OfferEvent.WITHDRAW)

    def move_offer(self, offer: Offer, event: OfferEvent) -> None:
        step = OFFER.step(offer.state, event)
        offer.state = step.state
        offer.agent.offer = None
        for effect in step.effects:
            match effect:
                case OfferEffect.DIAL:
                    self._dial(offer)
                case OfferEffect.POSTPONE_CONTACT:
                    offer.contact.skips += 1
                    out = offer.contact.skips >= MAX_SKIPS
                    self.move_contact(offer.contact, ContactEvent.SKIPPED_OUT if out else ContactEvent.POSTPONE)
                case OfferEffect.REMOVE_CONTACT:
                    self.move_contact(offer.contact, ContactEvent.REMOVE)
                case OfferEffect.GIVE_BACK_CONTACT | OfferEffect.PAUSE_CONTACT:
                    if offer.contact.state is ContactState.OFFERED:
                        self._give_back(offer.contact)

    def move_attempt(self, attempt: Attempt, event: AttemptEvent) -> None:
        step = ATTEMPT.step(attempt.state, event)
        attempt.state = step.state
        for effect in step.effects:
            match effect:
                case AttemptEffect.RING_AGENT:
                    attempt.agent.line = "ringing"
                case AttemptEffect.PLACE_LEG:
                    assert not attempt.leg, "two legs at once"
                    attempt.leg, attempt.dialed = "placed", True
                case AttemptEffect.END_LEG | AttemptEffect.ABANDON:
                    # the order fails where the channel does not exist yet
                    attempt.end_asked = attempt.leg in ("appeared", "ringing", "up")
                case AttemptEffect.PLAY_MESSAGE:
                    attempt.message, attempt.joined = True, False
                case AttemptEffect.SETTLE:
                    self._settle(attempt)

    def move_agent(self, agent: Agent, event: AgentEvent) -> None:
        step = AGENT.step(agent.state, event)
        if step.state is not AgentState.AVAILABLE:
            agent.seeking = False
        if step.state is not AgentState.RESERVED:
            agent.awaits_offer = False
        agent.state = step.state
        for effect in step.effects:
            match effect:
                case AgentEffect.FIND_CONTACT | AgentEffect.PAUSE_RESERVATION:
                    agent.seeking = True
                case AgentEffect.RING_AGENT:
                    agent.line = "ringing"
                case AgentEffect.GIVE_BACK:
                    if agent.in_hand is not None:
                        self._give_back(agent.in_hand)
                        agent.in_hand = None
                case AgentEffect.NEXT_OFFER:
                    agent.awaits_offer = True
                case AgentEffect.START_OFFER_TIMER:
                    agent.offer_timer = True
                case AgentEffect.STOP_OFFER_TIMER:
                    agent.offer_timer = False
                case AgentEffect.CLOSE_OFFER_LEFT:
                    assert agent.offer is not None
                    self.move_offer(agent.offer, OfferEvent.LEAVE)
                case AgentEffect.END_LINE:
                    if self.linked:
                        agent.line = ""
                case AgentEffect.END_ATTEMPT:
                    self._agent_gone(agent.attempt)
                case AgentEffect.START_WRAP_UP:
                    agent.wrap_up = True
                case AgentEffect.REMEMBER_WISH:
                    agent.wish = event if event in WISHES else None

    # -- what the effects mean ---------------------------------------------------------------------------

    def _agent_gone(self, attempt: Attempt | None) -> None:
        if attempt is None:
            return
        calling = attempt.state is AttemptState.CALLING_AGENT
        event = AttemptEvent.AGENT_FAILED if calling else AttemptEvent.AGENT_GONE
        if ATTEMPT.knows(attempt.state, event):
            self.move_attempt(attempt, event)

    def _give_back(self, contact: Contact) -> None:
        event = ContactEvent.GIVE_BACK_CALLBACK if contact.owed_callback else ContactEvent.GIVE_BACK
        self.move_contact(contact, event)

    def _dial(self, offer: Offer) -> None:
        attempt = Attempt(agent=offer.agent, contact=offer.contact)
        assert len(self.grants) < self.max_calls, "limit exceeded"
        self.grants.append(attempt)
        self.attempts.append(attempt)
        offer.agent.attempt = attempt
        self.move_contact(offer.contact, ContactEvent.START_ATTEMPT)
        self.move_agent(offer.agent, AgentEvent.ACCEPTED)

    def _settle(self, attempt: Attempt) -> None:
        assert not attempt.leg, "settled while the leg is up"
        self.grants.remove(attempt)
        attempt.given_back += 1
        agent = attempt.agent
        if agent.attempt is attempt and agent.state is AgentState.DIALING:
            self._free(agent, AgentEvent.ATTEMPT_FAILED_OFF_LINE if agent.pull else AgentEvent.ATTEMPT_FAILED)
        elif agent.attempt is attempt and agent.state is AgentState.TALKING:
            self.move_agent(agent, AgentEvent.CALL_ENDED_ON_LINE if agent.keep_line else AgentEvent.CALL_ENDED)
        if agent.attempt is attempt and agent.state is AgentState.WRAP_UP:
            return  # the disposition closes the books
        self._close_books(attempt)

    def _close_books(self, attempt: Attempt) -> None:
        if attempt.dialed:
            self.move_contact(attempt.contact, attempt.disposition)
        else:
            self._give_back(attempt.contact)

    def _free(self, agent: Agent, event: AgentEvent) -> None:
        """The attempt is over for this agent without a wrap-up; a remembered wish is honoured at once."""
        agent.attempt = None
        self.move_agent(agent, event)
        if agent.wish is not None:
            wish, agent.wish = agent.wish, None
            self.move_agent(agent, wish)

    # -- what agents, timers and supervisors do ----------------------------------------------------------

    def claim(self, agent: Agent, contact: Contact) -> bool:
        """For an available agent; False where the contact or its number is taken."""
        if contact.number in self.busy or not CONTACT.knows(contact.state, ContactEvent.CLAIM):
            return False
        contact.owed_callback = contact.state is ContactState.CALLBACK
        self.move_contact(contact, ContactEvent.CLAIM)
        if agent.pull:
            self._open(agent, contact)
            self.move_agent(agent, AgentEvent.SHOWN)
        else:
            agent.in_hand = contact
            self.move_agent(agent, AgentEvent.RESERVED)
        return True

    def _open(self, agent: Agent, contact: Contact) -> None:
        agent.offer = Offer(agent=agent, contact=contact)
        self.offers.append(agent.offer)

    def serve(self, agent: Agent, contact: Contact | None) -> None:
        """The next offer for a reserved agent: the contact in hand, else this one, else the line is ended."""
        agent.awaits_offer = False
        chosen, agent.in_hand = agent.in_hand, None
        if chosen is None and contact is not None and contact.number not in self.busy:
            contact.owed_callback = contact.state is ContactState.CALLBACK
            self.move_contact(contact, ContactEvent.CLAIM)
            chosen = contact
        if chosen is None:
            self.move_agent(agent, AgentEvent.NO_CONTACT)
        else:
            self._open(agent, chosen)
            self.move_agent(agent, AgentEvent.OFFERED)

    def decide(self, agent: Agent, event: OfferEvent) -> None:
        """An action, the timer or a withdrawal closes the agent's offer; an accept may be refused for capacity."""
        offer = agent.offer
        assert offer is not None
        if event in (OfferEvent.ACCEPT, OfferEvent.TIMER_ACCEPT):
            if len(self.grants) < self.max_calls and self.linked:
                self.move_offer(offer, event)
                return
            if event is OfferEvent.ACCEPT:
                return
            event = OfferEvent.TIMER_ACCEPT_REFUSED
        self.move_offer(offer, event)
        match event:
            case OfferEvent.LEAVE:
                self.move_agent(agent, AgentEvent.LEFT)
            case OfferEvent.TIMER_IDLE:
                self.move_agent(agent, AgentEvent.TIMED_OUT_IDLE)
            case _:
                self.move_agent(agent, AgentEvent.CLOSED_OFF_LINE if agent.pull else AgentEvent.CLOSED)

    def wrap_up(self, agent: Agent, disposition: ContactEvent) -> None:
        """What becomes of the contact is stored at once, and done when the attempt has ended too."""
        attempt, wish = agent.attempt, agent.wish
        assert attempt is not None
        attempt.disposition = disposition
        agent.wish = agent.attempt = None
        agent.wrap_up = False
        if attempt.state is AttemptState.ENDED:
            self._close_books(attempt)
        if wish is AgentEvent.GO_OFFLINE:
            self.move_agent(agent, AgentEvent.WRAPPED_UP_OFFLINE)
        elif wish is not None:
            self.move_agent(agent, AgentEvent.WRAPPED_UP_IDLE)
        else:
            self.move_agent(agent, AgentEvent.WRAPPED_UP_ON_LINE if agent.line else AgentEvent.WRAPPED_UP)
            assert agent.state in (AgentState.AVAILABLE, AgentState.RESERVED), "paused without having asked for it"

    def free(self, agent: Agent) -> None:
        """A supervisor ends everything the agent is in; the contact of a call is treated when that has ended."""
        attempt = agent.attempt
        to_wrap = attempt is not None and attempt.state is AttemptState.ENDED
        agent.wish, agent.wrap_up = None, False
        self.move_agent(agent, AgentEvent.FREED)
        agent.attempt = None
        if to_wrap and attempt is not None:
            self._close_books(attempt)

    def cancel(self, attempt: Attempt) -> None:
        self.move_attempt(attempt, AttemptEvent.CANCEL)
        attempt.unwanted = True

    def hand_over(self, attempt: Attempt) -> None:
        """The customer talks to somebody else from now on; the agent wraps up, perhaps before that has ended."""
        self.move_attempt(attempt, AttemptEvent.HAND_OVER)
        attempt.joined, attempt.handed_over = False, True
        ended = AgentEvent.CALL_ENDED_ON_LINE if attempt.agent.keep_line else AgentEvent.CALL_ENDED
        self.move_agent(attempt.agent, ended)

    def drop_message(self, attempt: Attempt) -> None:
        self.move_attempt(attempt, AttemptEvent.DROP_MESSAGE)
        off_line = AgentEvent.MESSAGE_DROPPED_OFF_LINE
        self._free(attempt.agent, off_line if attempt.agent.pull else AgentEvent.MESSAGE_DROPPED)

    # -- what phones and the PBX do ----------------------------------------------------------------------

    def place(self, attempt: Attempt) -> None:
        """The placing transaction; in pull the agent's phone comes first. Without a link nothing is placed."""
        if not self.linked:
            self.move_attempt(attempt, AttemptEvent.NOT_PLACED)
        elif attempt.agent.pull and attempt.state is AttemptState.GRANTED:
            self.move_attempt(attempt, AttemptEvent.CALL_AGENT)
        else:
            attempt.agent.line = "up"
            self.move_attempt(attempt, AttemptEvent.PLACE)

    def phone_answers(self, agent: Agent) -> None:
        agent.line = "up"
        if self.linked:
            self.move_agent(agent, AgentEvent.ANSWERED)

    def phone_gone(self, agent: Agent) -> None:
        """The agent's phone hangs up, declines or rings out."""
        agent.line = ""
        if self.linked:
            self._tell_line_gone(agent)

    def _tell_line_gone(self, agent: Agent, event: AgentEvent = AgentEvent.LINE_LOST) -> None:
        if event is AgentEvent.LINE_LOST and agent.state is AgentState.RINGING:
            event = AgentEvent.RING_FAILED
        before = agent.state
        self.move_agent(agent, event)
        if before is AgentState.DIALING:
            agent.attempt = agent.wish = None

    def leg_goes(self, attempt: Attempt, to: str) -> None:
        """The customer's leg comes to be `appeared`, `ringing`, `up`, `joined` or gone (empty)."""
        event = {
            "appeared": AttemptEvent.APPEARED,
            "ringing": AttemptEvent.RANG,
            "up": AttemptEvent.ANSWERED,
            "joined": AttemptEvent.JOINED,
            "": AttemptEvent.LEG_ENDED,
        }[to]
        if to == "joined":
            attempt.joined = True
        else:
            attempt.leg = to
        if not to:
            attempt.joined = False
        if self.linked:
            self.move_attempt(attempt, event)
            assert not (attempt.unwanted and attempt.state is AttemptState.ANSWERED), "a cancelled call goes on"
            if attempt.state is AttemptState.TALKING and to == "joined":
                self._tell_joined(attempt)

    def _tell_joined(self, attempt: Attempt) -> None:
        attempt.talked = True
        if attempt.agent.state is AgentState.DIALING:
            self.move_agent(attempt.agent, AgentEvent.JOINED)

    def trunk_fails(self, attempt: Attempt) -> None:
        """The leg ended before it rang and the next trunk is tried."""
        attempt.leg = ""
        self.move_attempt(attempt, AttemptEvent.NEXT_LEG)

    def lose_link(self) -> None:
        self.linked = False
        for attempt in self.attempts:
            if ATTEMPT.knows(attempt.state, AttemptEvent.LINK_LOST):
                self.move_attempt(attempt, AttemptEvent.LINK_LOST)

    def crash(self) -> None:
        """The PBX dies: every leg is gone; `restore_link` finds it empty."""
        if self.linked:
            self.lose_link()
        self.pbx_restarted = True
        for agent in self.agents:
            agent.line = ""
        for attempt in self.attempts:
            attempt.leg, attempt.joined = "", False

    def restore_link(self) -> None:
        """Resync: each attempt and each line is settled by what really happened."""
        self.linked = True
        for attempt in [one for one in self.attempts if one.state is AttemptState.UNKNOWN]:
            self._find(attempt)
        gone = AgentEvent.PBX_LOST if self.pbx_restarted else AgentEvent.LINE_LOST
        for agent in self.agents:
            if agent.state is AgentState.RINGING and agent.line == "up":
                self.move_agent(agent, AgentEvent.ANSWERED)
            elif self.lacks_line(agent):
                self._tell_line_gone(agent, gone)
            elif agent.state in (AgentState.OFFLINE, AgentState.IDLE, AgentState.AVAILABLE):
                agent.line = ""  # its end was wanted while nobody could be told
        self.pbx_restarted = False

    @staticmethod
    def lacks_line(agent: Agent) -> bool:
        """True in states that need a line where there is none."""
        needs = {AgentState.RINGING, AgentState.RESERVED, AgentState.PREVIEWING, AgentState.DIALING, AgentState.TALKING}
        if agent.pull:
            rung = agent.attempt is not None and agent.attempt.state is not AttemptState.GRANTED
            needs = {AgentState.DIALING, AgentState.TALKING} if rung else {AgentState.TALKING}
        return agent.state in needs and not agent.line

    def _find(self, attempt: Attempt) -> None:
        agent = attempt.agent
        if not attempt.leg:
            self.move_attempt(attempt, AttemptEvent.FOUND_ENDED)
        elif attempt.handed_over:
            self.move_attempt(attempt, AttemptEvent.FOUND_TRANSFERRED)
        elif attempt.unwanted or (not attempt.message and (agent.attempt is not attempt or not agent.line)):
            self.move_attempt(attempt, AttemptEvent.FOUND_UNWANTED)
        elif attempt.message:
            self.move_attempt(attempt, AttemptEvent.FOUND_MESSAGE)
        elif attempt.joined:
            self.move_attempt(attempt, AttemptEvent.FOUND_TALKING)
            self._tell_joined(attempt)
        elif attempt.leg == "up":
            self.move_attempt(attempt, AttemptEvent.FOUND_ANSWERED)
        elif attempt.leg == "ringing":
            self.move_attempt(attempt, AttemptEvent.FOUND_RINGING)
        else:
            self.move_attempt(attempt, AttemptEvent.FOUND_PLACING)

    # -- what must be true at every moment ---------------------------------------------------------------

    def check(self) -> None:
        self._check_contacts()
        self._check_grants()
        for agent in self.agents:
            self._check_agent(agent)
        if self.linked:
            for attempt in self.attempts:
                if attempt.state is AttemptState.CANCELLING and attempt.leg in ("appeared", "ringing", "up"):
                    assert attempt.end_asked, "a cancelled leg nobody hangs up"
                if attempt.state in (AttemptState.PLACING, AttemptState.RINGING):
                    assert attempt.agent.attempt is attempt, "a customer's phone rings for nobody"
                assert attempt.state is not AttemptState.UNKNOWN, "resync left an attempt unsettled"

    def _check_contacts(self) -> None:
        assert sum(self.counts.values()) == len(self.contacts), "contacts are not conserved"
        assert +self.counts == Counter(contact.state for contact in self.contacts)
        holders: list[Contact] = [agent.in_hand for agent in self.agents if agent.in_hand is not None]
        holders += [offer.contact for offer in self.offers if offer.state is OfferState.OPEN]
        assert sorted(one.name for one in holders) == sorted(
            contact.name for contact in self.contacts if contact.state is ContactState.OFFERED
        ), "an offered contact has exactly one holder"
        called = [one.contact for one in self.attempts if one.state in LIVE]
        called += [
            agent.attempt.contact
            for agent in self.agents
            if agent.attempt is not None and agent.attempt.state not in LIVE
        ]
        in_attempt = {one.name for one in self.contacts if one.state is ContactState.IN_ATTEMPT}
        assert in_attempt == {one.name for one in called}, "in_attempt means a live call or its wrap-up"
        numbers = [one.number for one in [*holders, *called]]
        assert len(numbers) == len(set(numbers)), "a number is in two live offers or attempts"
        assert set(self.busy) == set(numbers), "taken numbers are those in live offers and attempts"

    def _check_grants(self) -> None:
        assert len(self.grants) <= self.max_calls
        for attempt in self.attempts:
            live = attempt.state in LIVE
            assert (attempt in self.grants) is live, "a grant is held exactly as long as the attempt lives"
            assert attempt.given_back == (0 if live else 1), "a grant is given back exactly once"

    def _check_agent(self, agent: Agent) -> None:
        assert agent.offer_timer is (agent.state is AgentState.PREVIEWING), "the offer timer runs with the offer"
        assert (agent.offer is not None) is (agent.state is AgentState.PREVIEWING)
        assert agent.seeking is (agent.state is AgentState.AVAILABLE), "work is looked for while available"
        assert agent.wrap_up is (agent.state is AgentState.WRAP_UP)
        if agent.state is AgentState.RESERVED:
            assert agent.awaits_offer, "a reserved agent whom nobody serves"
        if agent.state in (AgentState.DIALING, AgentState.TALKING, AgentState.WRAP_UP):
            assert agent.attempt is not None
        if self.linked and agent.state in (AgentState.OFFLINE, AgentState.IDLE, AgentState.AVAILABLE):
            assert not agent.line, "a line nobody needs is up"
        if self.linked and agent.state is AgentState.WRAP_UP and not agent.keep_line:
            assert not agent.line, "the reservation ends when the customer call ended"
        if self.linked:
            assert not self.lacks_line(agent), "an agent without the line this state needs"
