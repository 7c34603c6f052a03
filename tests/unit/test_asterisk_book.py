"""The leg book, fed with Asterisk's events as 22.10 sends them (only the headers that matter)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from telephony.pbx.ami import Message
from telephony.pbx.asterisk_book import LegBook, sip_code
from telephony.pbx.port import (
    LegAnswered,
    LegAppeared,
    LegEnded,
    LegEvent,
    LegRang,
    LegsJoined,
    LegsParted,
    LiveLeg,
    MachineVerdict,
)

pytestmark = pytest.mark.unit

AGENT = "0197a000-0000-7000-8000-00000000000a"
CUSTOMER = "0197a000-0000-7000-8000-00000000000c"
OTHER = "0197a000-0000-7000-8000-00000000000f"


def message(headers: dict[str, str]) -> Message:
    return Message({name.lower(): value for name, value in headers.items()})


def event(name: str, leg: str = CUSTOMER, **headers: str) -> Message:
    base = {"Event": name, "Uniqueid": leg, "AccountCode": "" if name == "Newchannel" else leg}
    return message(base | headers)


def dialed(name: str, leg: str = CUSTOMER, **headers: str) -> Message:
    return message({"Event": name, "DestUniqueid": leg, "DestAccountCode": leg} | headers)


def bridged(name: str, leg: str, bridge: str) -> Message:
    context = "pd-agent" if leg == AGENT else "pd-customer"
    return event(name, leg, BridgeUniqueid=bridge, BridgeCreator="<unknown>", Context=context, Exten="x")


def held(name: str, exten: str = "hold", bridge: str = "own") -> Message:
    return event(name, AGENT, BridgeUniqueid=bridge, BridgeCreator="BridgeWait", Context="pd-agent", Exten=exten)


def channel(leg: str, state: str, *, context: str, bridge: str = "") -> Message:
    headers = {"Uniqueid": leg, "AccountCode": leg, "ChannelState": state, "Context": context, "BridgeId": bridge}
    return message(headers)


def told(book: LegBook, *messages: Message) -> list[LegEvent]:
    return [one for message in messages for one in book.take(message, 7.0)]


def expecting(*legs: str) -> LegBook:
    book = LegBook()
    for leg in legs:
        book.expect(leg)
    return book


def test_the_life_of_a_leg_that_is_answered() -> None:
    book = expecting(CUSTOMER)
    assert book.awaited(CUSTOMER)
    assert told(
        book,
        event("Newchannel", ChannelState="0"),
        dialed("DialState", DialStatus="RINGING"),
        event("Newstate", ChannelState="5"),
        event("Newstate", ChannelState="6"),
        dialed("DialEnd", DialStatus="ANSWER"),
        event("Hangup", ChannelState="6", Cause="16"),
    ) == [
        LegAppeared(leg=CUSTOMER, at=7.0),
        LegRang(leg=CUSTOMER, at=7.0),
        LegAnswered(leg=CUSTOMER, at=7.0),
        LegEnded(leg=CUSTOMER, at=7.0, appeared=True, answered=True, rang=True, cause=16),
    ]
    assert not book.awaited(CUSTOMER)


def test_early_media_shows_only_in_the_dial_state() -> None:
    book = expecting(CUSTOMER)
    story = told(book, event("Newchannel"), dialed("DialState", DialStatus="PROGRESS"))
    assert story == [LegAppeared(leg=CUSTOMER, at=7.0), LegRang(leg=CUSTOMER, at=7.0)]


@pytest.mark.parametrize(
    ("before", "cause", "tech", "limit"),
    [
        ([], "19", "480", True),  # Asterisk's own ring limit brings no DialEnd
        ([dialed("DialEnd", DialStatus="NOANSWER")], "19", "480", False),  # the far end's 480
        ([dialed("DialEnd", DialStatus="NOANSWER")], "0", "", False),  # our Hangup
        ([dialed("DialEnd", DialStatus="BUSY")], "17", "486", False),
    ],
)
def test_the_ring_limit_and_a_480_of_the_far_end_are_told_apart(
    before: list[Message], cause: str, tech: str, limit: bool
) -> None:
    book = expecting(CUSTOMER)
    told(book, event("Newchannel"), event("Newstate", ChannelState="5"), *before)
    (end,) = told(book, event("Hangup", ChannelState="5", Cause=cause, TechCause=tech))
    assert isinstance(end, LegEnded)
    assert end.ring_limit_reached is limit
    assert end.sip == (int(tech) if tech else None)
    assert end.rang


def test_a_leg_ends_once() -> None:
    book = expecting(CUSTOMER)
    assert len(told(book, event("Newchannel"), event("Hangup", ChannelState="0", Cause="34"))) == 2
    assert not told(book, event("Hangup", ChannelState="0", Cause="34"), event("Newstate", ChannelState="5"))
    assert book.merge([]) == {}


def test_customer_and_agent_are_joined_and_parted_and_the_agents_hold_is_neither() -> None:
    book = expecting(AGENT, CUSTOMER)
    told(book, event("Newchannel", AGENT), event("Newstate", AGENT, ChannelState="6"), event("Newchannel"))
    told(book, event("Newstate", ChannelState="6"))
    assert not told(book, held("BridgeEnter"))
    assert book.waits(AGENT) == "hold"
    assert not told(book, held("BridgeLeave"), held("BridgeEnter", "ringing", "own-2"))
    assert book.waits(AGENT) == "ringing"
    assert not book.busy(AGENT)
    joined = told(book, held("BridgeLeave"), bridged("BridgeEnter", AGENT, "b"), bridged("BridgeEnter", CUSTOMER, "b"))
    assert joined == [LegsJoined(leg=CUSTOMER, agent_leg=AGENT, at=7.0)]
    assert book.busy(AGENT)
    assert book.waits(AGENT) == ""
    assert told(book, bridged("BridgeLeave", AGENT, "b")) == [LegsParted(leg=CUSTOMER, agent_leg=AGENT, at=7.0)]
    assert not told(book, bridged("BridgeLeave", CUSTOMER, "b"), held("BridgeEnter", bridge="own-3"))
    assert book.waits(AGENT) == "hold"


def test_a_leg_that_ends_inside_a_bridge_is_parted_first() -> None:
    book = expecting(AGENT, CUSTOMER)
    told(book, bridged("BridgeEnter", AGENT, "b"), bridged("BridgeEnter", CUSTOMER, "b"))
    kinds = [type(one) for one in told(book, event("Hangup", ChannelState="6", Cause="16"))]
    assert kinds == [LegsParted, LegEnded]


@pytest.mark.parametrize(
    "message",
    [
        event("Newchannel", "1795352977.12"),
        event("Newchannel", OTHER),  # nobody ordered it, and it has no account code yet
        event("Newstate", OTHER, AccountCode="listen-" + OTHER, ChannelState="6"),
        event("Hangup", OTHER, AccountCode="", ChannelState="6", Cause="16"),
        event("Hangup", "phone-to-phone", ChannelState="6", Cause="16"),
        message({"Event": "UserEvent", "UserEvent": "PdAmd", "Leg": "x"}),
        message({"Event": "UserEvent", "UserEvent": "SomebodyElse", "Leg": OTHER}),
        message({"Event": "ContactStatus"}),
    ],
)
def test_what_is_not_ours_is_not_told(message: Message) -> None:
    book = expecting(CUSTOMER)
    assert told(book, message) == []
    assert book.merge([]) == {}


def test_a_leg_of_a_former_service_is_known_by_its_account_code() -> None:
    book = LegBook()
    assert told(book, event("Newstate", ChannelState="6")) == [LegAnswered(leg=CUSTOMER, at=7.0)]
    (end,) = told(book, event("Hangup", AGENT, ChannelState="6", Cause="16"))
    assert end == LegEnded(leg=AGENT, at=7.0, appeared=True, answered=True, rang=False, cause=16)


def test_a_verdict_keeps_asterisks_raw_cause() -> None:
    book = expecting(CUSTOMER)
    amd = {"UserEvent": "PdAmd", "Leg": CUSTOMER, "Status": "MACHINE", "Cause": "MAXWORDS-4-4"}
    verdict = event("UserEvent", "1795352977.12", **amd)
    assert told(book, verdict) == [MachineVerdict(leg=CUSTOMER, at=7.0, verdict="MACHINE", cause="MAXWORDS-4-4")]
    told(book, event("Newchannel"), event("Hangup", ChannelState="6", Cause="16"))
    assert not told(book, verdict)


def test_a_survey_finds_who_is_up_and_who_talks_to_whom() -> None:
    book = LegBook()
    live = book.merge(
        [
            channel(AGENT, "6", context="pd-agent", bridge="b"),
            channel(CUSTOMER, "6", context="pd-customer", bridge="b"),
            channel(OTHER, "5", context="pd-inbound"),
            message({"Uniqueid": "1795352977.12", "AccountCode": f"listen-{CUSTOMER}", "ChannelState": "6"}),
        ]
    )
    assert live == {
        AGENT: LiveLeg(leg=AGENT, state="up", joined_to=CUSTOMER),
        CUSTOMER: LiveLeg(leg=CUSTOMER, state="up", joined_to=AGENT),
        OTHER: LiveLeg(leg=OTHER, state="ringing"),
    }
    assert told(book, bridged("BridgeLeave", CUSTOMER, "b")) == [LegsParted(leg=CUSTOMER, agent_leg=AGENT, at=7.0)]
    assert told(book, event("Newstate", OTHER, ChannelState="5")) == []
    assert told(book, event("Newstate", OTHER, ChannelState="6")) == [LegAnswered(leg=OTHER, at=7.0)]


def test_what_came_while_the_survey_was_read_is_newer_than_the_survey() -> None:
    book = LegBook()
    told(book, event("Hangup", CUSTOMER, ChannelState="6", Cause="16"))
    told(book, held("BridgeEnter"))
    book.expect(OTHER)
    live = book.merge(
        [
            channel(AGENT, "6", context="pd-agent", bridge="b"),
            channel(CUSTOMER, "6", context="pd-customer", bridge="b"),
            channel(OTHER, "0", context="pd-inbound"),
        ]
    )
    assert live == {AGENT: LiveLeg(leg=AGENT, state="up")}
    assert told(book, event("Newchannel", OTHER)) == [LegAppeared(leg=OTHER, at=7.0)]


def test_a_conversation_that_ended_while_the_survey_was_read_has_ended() -> None:
    book = LegBook()
    told(book, bridged("BridgeLeave", AGENT, "b"), bridged("BridgeLeave", CUSTOMER, "b"))
    live = book.merge(
        [
            channel(AGENT, "6", context="pd-agent", bridge="b"),
            channel(CUSTOMER, "6", context="pd-customer", bridge="b"),
        ]
    )
    assert (live[AGENT].joined_to, live[CUSTOMER].joined_to) == (None, None)


def test_a_leg_that_is_not_answered_does_not_wait() -> None:
    book = expecting(AGENT)
    told(book, event("Newchannel", AGENT), event("Newstate", AGENT, ChannelState="5"))
    assert book.busy(AGENT)
    told(book, event("Newstate", AGENT, ChannelState="6"))
    assert not book.busy(AGENT)


def test_after_a_lost_link_nothing_is_taken_for_known() -> None:
    book = expecting(AGENT, CUSTOMER)
    told(book, bridged("BridgeEnter", AGENT, "b"), bridged("BridgeEnter", CUSTOMER, "b"))
    book.clear()
    assert book.merge([]) == {}
    assert not book.awaited(CUSTOMER)
    assert not book.busy(AGENT)


@pytest.mark.parametrize(
    ("text", "code"), [("486", 486), ("200", 200), ("", None), ("0", None), ("180", None), ("x", None), ("9999", None)]
)
def test_sip_codes(text: str, code: int | None) -> None:
    assert sip_code(text) == code


CHANNEL = "1795352977.12"
"""What Asterisk calls a channel that Dial() made."""


def direct_and_ringing() -> LegBook:
    """An agent on the line whose Dial() rings a customer."""
    book = expecting(AGENT)
    told(book, event("Newchannel", AGENT), held("BridgeEnter"))
    book.expect(CUSTOMER, dialed_by=AGENT)
    told(
        book,
        message({"Event": "UserEvent", "UserEvent": "PdLeg", "Leg": CUSTOMER, "Uniqueid": CHANNEL}),
        event("Newstate", CHANNEL, AccountCode=CUSTOMER, ChannelState="5"),
    )
    return book


def customer_gone() -> Message:
    return event("Hangup", CHANNEL, AccountCode=CUSTOMER, ChannelState="5", Cause="0")


def agent_gone() -> Message:
    return event("Hangup", AGENT, ChannelState="6", Cause="16")


@pytest.mark.parametrize("hangups", [(customer_gone, agent_gone), (agent_gone, customer_gone)])
def test_an_agent_who_hangs_up_while_dialing_is_told_before_the_customer_whichever_hangup_comes_first(
    hangups: tuple[Callable[[], Message], ...],
) -> None:
    ends = told(direct_and_ringing(), *(hangup() for hangup in hangups))
    assert [one.leg for one in ends if isinstance(one, LegEnded)] == [AGENT, CUSTOMER]


@pytest.mark.parametrize("dial_first", [True, False])
def test_the_end_of_a_dialed_customer_waits_for_the_end_of_the_dial(dial_first: bool) -> None:
    over = message({"Event": "UserEvent", "UserEvent": "PdDial", "Leg": CUSTOMER, "Status": "NOANSWER"})
    messages = [over, customer_gone()] if dial_first else [customer_gone(), over]
    (end,) = told(direct_and_ringing(), *messages)
    assert isinstance(end, LegEnded)
    assert (end.leg, end.ring_limit_reached) == (CUSTOMER, True)
