"""What the demo must show: SPEC section 8's table, written before the code that plays and judges it.

A row is one contact: how the simulated customer behaves (the last two digits of the number), which way it is called,
what the scripted agent does, and what must come of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from telephony.model.campaign import Amd, Mode
from telephony.model.reasons import Outcome


class Way(StrEnum):
    """How a campaign calls: its mode, and in `preview_standard` its machine detection too."""

    OFF = "standard, off"
    PARALLEL = "standard, parallel"
    INLINE = "standard, inline"
    DIRECT = "direct"
    PULL = "pull"

    @property
    def mode(self) -> Mode:
        return {Way.DIRECT: Mode.PREVIEW_DIRECT, Way.PULL: Mode.PREVIEW}.get(self, Mode.PREVIEW_STANDARD)

    @property
    def amd(self) -> Amd:
        return {Way.PARALLEL: Amd.PARALLEL, Way.INLINE: Amd.INLINE}.get(self, Amd.OFF)


STANDARD = (Way.OFF, Way.PARALLEL, Way.INLINE)
AGENTS_OWN_LEG = (Way.DIRECT, Way.PULL)
"""The customer is dialed from the agent's leg, who hears what the network plays."""
EVERY_WAY = STANDARD + AGENTS_OWN_LEG


class AgentDoes(StrEnum):
    """The scripted agent's part, once the two are joined if nothing else is said."""

    TALK = "talks, then hangs up"
    LEAVE_VOICEMAIL = "speaks after the beep or the greeting, marks the voicemail, hangs up"
    DROP_MESSAGE = "lets the recorded message be dropped, and goes on"
    HEAR_OUT = "stays until it is clear who is there, talks, then hangs up"
    CANCEL = "cancels while it rings"
    WAIT = "does nothing, the customer ends it"


class Verdict(StrEnum):
    """What machine detection must say. ANY: the table leaves it open."""

    NONE = "none"
    ANY = "any"
    HUMAN = "HUMAN"
    MACHINE = "MACHINE"
    NO_AUDIO = "NO_AUDIO"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`outcomes`: any of them is right. `joined`, `beep`: None where either is right."""

    suffix: str
    customer: str
    way: Way
    agent: AgentDoes
    outcomes: frozenset[Outcome]
    joined: bool | None
    verdict: Verdict = Verdict.NONE
    beep: bool | None = False


def _rows(
    suffix: str,
    customer: str,
    ways: tuple[Way, ...],
    *outcomes: Outcome,
    agent: AgentDoes = AgentDoes.WAIT,
    joined: bool | None = False,
    verdict: Verdict = Verdict.NONE,
    beep: bool | None = False,
) -> tuple[Row, ...]:
    """One row for each way; `verdict` holds where machine detection runs, `beep` where it goes on listening."""
    return tuple(
        Row(
            suffix=suffix,
            customer=customer,
            way=way,
            agent=agent,
            outcomes=frozenset(outcomes),
            joined=joined,
            verdict=Verdict.NONE if way.amd is Amd.OFF else verdict,
            # where a message is to be dropped somebody may listen in every way
            beep=beep if way is Way.PARALLEL else None if beep and agent is AgentDoes.DROP_MESSAGE else False,
        )
        for way in ways
    )


def _machine(suffix: str, customer: str) -> tuple[Row, ...]:
    """A mailbox with a beep: the agent speaks, or drops the message."""
    does = {
        Outcome.VOICEMAIL_LEFT: (AgentDoes.LEAVE_VOICEMAIL, EVERY_WAY),
        Outcome.MESSAGE_DROPPED: (AgentDoes.DROP_MESSAGE, STANDARD),
    }
    return tuple(
        row
        for outcome, (agent, ways) in does.items()
        for row in _rows(suffix, customer, ways, outcome, agent=agent, joined=True, verdict=Verdict.MACHINE, beep=True)
    )


_HUMAN = "answers after 2 rings and talks"
_RINGS = "lets it ring for ever"
_NO_BEEP = "is a machine: greeting, no beep"
_SILENT = "answers and sends no audio"
_HASTY = "answers and hangs up at once"
_FAX = "is a fax machine"
_SCREENING = "has calls screened: name and reason"

ROWS: tuple[Row, ...] = (
    *_rows("00", _HUMAN, EVERY_WAY, Outcome.TALKED, agent=AgentDoes.TALK, joined=True, verdict=Verdict.HUMAN),
    *_rows("01", "is busy", EVERY_WAY, Outcome.CUSTOMER_BUSY),
    *_rows("02", _RINGS, STANDARD, Outcome.NO_ANSWER_CUSTOMER),
    *_rows("02", _RINGS, AGENTS_OWN_LEG, Outcome.AGENT_CANCELLED, agent=AgentDoes.CANCEL),
    *_rows("03", "does not exist", EVERY_WAY, Outcome.INVALID_NUMBER),
    *_rows("04", "cannot be reached (congestion)", EVERY_WAY, Outcome.CUSTOMER_UNAVAILABLE),
    *_machine("05", "is a machine: short greeting, beep"),
    *_machine("06", "is a machine: long greeting, beep"),
    *_rows(
        "07",
        _NO_BEEP,
        STANDARD,
        Outcome.MESSAGE_DROPPED,
        agent=AgentDoes.DROP_MESSAGE,
        joined=True,
        verdict=Verdict.ANY,
    ),
    *_rows("07", _NO_BEEP, AGENTS_OWN_LEG, Outcome.VOICEMAIL_LEFT, agent=AgentDoes.LEAVE_VOICEMAIL, joined=True),
    *_rows("08", _SILENT, EVERY_WAY, Outcome.TALKED, agent=AgentDoes.TALK, joined=True, verdict=Verdict.NO_AUDIO),
    *_rows("09", _HASTY, STANDARD, Outcome.CUSTOMER_LEFT, Outcome.TALKED, joined=None),
    *_rows("09", _HASTY, AGENTS_OWN_LEG, Outcome.TALKED, joined=True),
    *_rows("10", "declines", EVERY_WAY, Outcome.CUSTOMER_DECLINED),
    *_rows("11", _FAX, (Way.INLINE,), Outcome.FAX, verdict=Verdict.ANY),
    *_rows(
        "11",
        _FAX,
        (Way.OFF, Way.PARALLEL, *AGENTS_OWN_LEG),
        Outcome.TALKED,
        agent=AgentDoes.HEAR_OUT,
        joined=True,
        verdict=Verdict.ANY,
        beep=None,
    ),
    *_rows(
        "12",
        _SCREENING,
        EVERY_WAY,
        Outcome.TALKED,
        agent=AgentDoes.HEAR_OUT,
        joined=True,
        verdict=Verdict.ANY,
        beep=None,
    ),
    *_rows("13", "an announcement, then it fails", EVERY_WAY, Outcome.CUSTOMER_UNAVAILABLE),
)
