"""A campaign's settings (SPEC section 3): one validated, frozen value; the API and the dialer share it."""

from __future__ import annotations

from datetime import date, time
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, field_validator, model_validator
from pydantic_core import to_json

from telephony.model.hours import WEEKDAYS
from telephony.model.reasons import Outcome
from telephony.model.text import ONE_LINE


class Mode(StrEnum):
    PREVIEW = "preview"
    PREVIEW_STANDARD = "preview_standard"
    PREVIEW_DIRECT = "preview_direct"


class Amd(StrEnum):
    OFF = "off"
    PARALLEL = "parallel"
    INLINE = "inline"


class AmdTreatment(StrEnum):
    TO_AGENT = "to_agent"
    DROP_MESSAGE = "drop_message"
    HANG_UP = "hang_up"


class TimeoutAction(StrEnum):
    ACCEPT = "accept"
    SKIP = "skip"
    REMOVE = "remove"
    IDLE = "idle"


class Recording(StrEnum):
    OFF = "off"
    ALL = "all"
    ON_DEMAND = "on_demand"


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


INLINE_ANALYSIS_LIMIT = 3500
"""Milliseconds a customer may wait in AMD() before being joined (SPEC section 2)."""


def _milliseconds(lowest: int, highest: int, what: str) -> Any:
    return Field(ge=lowest, le=highest, description=f"milliseconds, {lowest}-{highest}: {what}")


class AmdParameters(Frozen):
    """The arguments of Asterisk's AMD() by Asterisk's names; AMD.md tells how the defaults were chosen."""

    initial_silence: Annotated[
        int, _milliseconds(0, 10_000, "silence before the first word, then the verdict is NO_AUDIO")
    ] = 3000
    greeting: Annotated[int, _milliseconds(0, 10_000, "sound in all that makes it a machine (LONGGREETING)")] = 1400
    after_greeting_silence: Annotated[
        int, _milliseconds(0, 10_000, "silence after a word that makes it a human; the verdict waits for it")
    ] = 1000
    total_analysis_time: Annotated[
        int,
        _milliseconds(
            500, 10_000, f"then the verdict is NOT_SURE; with amd 'inline' at most {INLINE_ANALYSIS_LIMIT} of it count"
        ),
    ] = 5000
    min_word_length: Annotated[int, _milliseconds(0, 5_000, "sound that lasts so long is a word")] = 20
    between_words_silence: Annotated[int, _milliseconds(0, 5_000, "silence that ends a word")] = 100
    maximum_number_of_words: Annotated[
        int, Field(ge=0, le=100, description="words, 0-100: one more makes it a machine (MAXWORDS)")
    ] = 5
    silence_threshold: Annotated[
        int,
        Field(
            ge=0,
            le=32_767,
            description="0-32767: what is quieter on average over 20 ms (16-bit magnitude) is silence; "
            "higher stands more noise and hears less of quiet voices",
        ),
    ] = 700
    maximum_word_length: Annotated[
        int, _milliseconds(0, 10_000, "one unbroken sound that makes it a machine (MAXWORDLENGTH)")
    ] = 5000

    def arguments(self) -> str:
        """The values in the order AMD() takes them."""
        return ",".join(str(value) for value in self.model_dump().values())


class CardField(Frozen):
    name: Annotated[str, Field(min_length=1, max_length=64), ONE_LINE]
    label: Annotated[str, Field(min_length=1, max_length=120), ONE_LINE]


class DispositionRule(StrEnum):
    CLOSE = "close"
    RETRY = "retry"
    CALLBACK = "callback"
    DO_NOT_CALL = "do_not_call"


class Reached(StrEnum):
    PERSON = "person"
    MACHINE = "machine"


class Disposition(Frozen):
    """What the agent says the result was, and what becomes of the contact."""

    code: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")]
    label: Annotated[str, Field(min_length=1, max_length=80), ONE_LINE]
    rule: Annotated[
        DispositionRule,
        Field(description="close: done; retry: after retry_after; callback: at the time given; do_not_call: never"),
    ]
    retry_after: Annotated[int, Field(ge=1, le=99_999, description="minutes, for the rule retry")] = 60
    reached: Annotated[
        Reached | None,
        Field(description="who was at the other end, for the report on machine detection; none: it does not tell"),
    ] = None


DEFAULT_DISPOSITIONS = (
    Disposition(code="success", label="Success", rule=DispositionRule.CLOSE, reached=Reached.PERSON),
    Disposition(code="not_interested", label="Not interested", rule=DispositionRule.CLOSE, reached=Reached.PERSON),
    Disposition(code="wrong_person", label="Wrong person", rule=DispositionRule.CLOSE, reached=Reached.PERSON),
    Disposition(
        code="call_again", label="Call again later", rule=DispositionRule.RETRY, retry_after=60, reached=Reached.PERSON
    ),
    Disposition(code="callback", label="Callback agreed", rule=DispositionRule.CALLBACK, reached=Reached.PERSON),
    Disposition(
        code="answering_machine",
        label="Answering machine",
        rule=DispositionRule.RETRY,
        retry_after=240,
        reached=Reached.MACHINE,
    ),
    Disposition(code="do_not_call", label="Do not call", rule=DispositionRule.DO_NOT_CALL, reached=Reached.PERSON),
    Disposition(code="none", label="No result entered", rule=DispositionRule.CLOSE),
)

_CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?$"
Clock = Annotated[time, WithJsonSchema({"type": "string", "pattern": _CLOCK, "examples": ["08:00"]})]
"""A time of day without an offset; JSON Schema's own format `time` has one (RFC 3339)."""

Window = tuple[Clock, Clock]


def _every_day() -> dict[str, tuple[Window, ...]]:
    return {day: ((time(8), time(21)),) for day in WEEKDAYS}


class CampaignSettings(Frozen):
    """Every setting of SPEC section 3 with its range and default; changes take effect from the next offer on."""

    mode: Annotated[
        Mode,
        Field(
            description="preview_standard: the agent is rung, the customer called beside that line; preview_direct: "
            "called from the agent's line; preview: the agent asks for contacts and is called on accept"
        ),
    ] = Mode.PREVIEW_STANDARD
    offer_timeout: Annotated[
        int, Field(ge=0, le=7200, description="seconds; 0-7200 with the action accept, else 10-7200")
    ] = 600
    offer_timeout_action: Annotated[
        TimeoutAction, Field(description="what the server does then; accept without anybody present is a skip")
    ] = TimeoutAction.SKIP
    disabled_actions: Annotated[
        frozenset[Literal["skip", "remove"]], Field(description="refused to agents; the timer's own action still runs")
    ] = frozenset()
    skip_retry_after: Annotated[
        int, Field(ge=1, le=99_999, description="minutes; and 24 h not to the same agent, unless alone")
    ] = 60
    max_skips: Annotated[int, Field(ge=1, le=100, description="skips, then the contact is done")] = 5
    end_call_enabled: Annotated[
        bool, Field(description="whether agents may cancel while the customer's phone rings")
    ] = True
    ring_limit: Annotated[int, Field(ge=16, le=80, description="seconds the customer's phone may ring")] = 32
    reservation_ring_limit: Annotated[int, Field(ge=5, le=60, description="seconds, then RONA")] = 18
    keep_line: Annotated[bool, Field(description="the agent's line stays up between calls")] = False
    amd: Annotated[Amd, Field(description="machine detection, in the mode preview_standard only")] = Amd.OFF
    amd_parameters: AmdParameters = AmdParameters()
    amd_treatment: Annotated[
        AmdTreatment, Field(description="of a clear machine; other than to_agent only with amd inline")
    ] = AmdTreatment.TO_AGENT
    caller_id: Annotated[
        Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$")] | None,
        Field(description="E.164, one that a trunk allows; none: the trunk's own"),
    ] = None
    card_fields: Annotated[
        tuple[CardField, ...], Field(description="fields of the card in their order, with labels; none: all")
    ] = ()
    wrap_up_limit: Annotated[
        int, Field(ge=0, le=3600, description="seconds, then the default disposition; 0 = no limit")
    ] = 120
    dispositions: Annotated[
        tuple[Disposition, ...], Field(min_length=1, description="results to choose from, each with its rule")
    ] = DEFAULT_DISPOSITIONS
    default_disposition: Annotated[
        str, Field(description="code of one of the dispositions, without a time to ask for")
    ] = "none"
    max_attempts: Annotated[int, Field(ge=1, le=100, description="attempts, then the contact is done")] = 3
    retry_after: dict[Outcome, Annotated[int, Field(ge=1, le=99_999)]] = Field(
        default_factory=dict, description="minutes (1-99999) by outcome; 60 where none is given"
    )
    calling_hours: dict[str, tuple[Window, ...]] = Field(
        default_factory=_every_day,
        description="by weekday mon-sun, in the contact's zone; 00:00 ends at midnight",
    )
    holidays: Annotated[frozenset[date], Field(description="days without calls, by the contact's calendar")] = (
        frozenset()
    )
    recording: Annotated[Recording, Field(description="off, all calls, or as the agent says")] = Recording.OFF

    @field_validator("calling_hours")
    @classmethod
    def _known_weekdays(cls, hours: dict[str, tuple[Window, ...]]) -> dict[str, tuple[Window, ...]]:
        unknown = set(hours) - set(WEEKDAYS)
        if unknown:
            raise ValueError(f"unknown weekday {sorted(unknown)[0]!r}; use {', '.join(WEEKDAYS)}")
        for day, windows in hours.items():
            for opens, closes in windows:
                if opens.tzinfo is not None or closes.tzinfo is not None:
                    raise ValueError(f"{day}: give times without an offset; they are in the contact's zone")
                if closes != time(0) and opens >= closes:
                    raise ValueError(f"{day}: {opens:%H:%M} is not before {closes:%H:%M}")
        return hours

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if self.offer_timeout < 10 and self.offer_timeout_action is not TimeoutAction.ACCEPT:
            raise ValueError(
                "offer_timeout below 10 s needs offer_timeout_action 'accept'; "
                "set offer_timeout to 10-7200 or the action to 'accept'"
            )
        if self.amd is not Amd.INLINE and self.amd_treatment is not AmdTreatment.TO_AGENT:
            raise ValueError(
                f"amd_treatment '{self.amd_treatment.value}' needs amd 'inline' (amd is '{self.amd.value}'); "
                "set amd to 'inline' or amd_treatment to 'to_agent'"
            )
        codes = [disposition.code for disposition in self.dispositions]
        if len(set(codes)) != len(codes):
            raise ValueError("dispositions: a code is given twice")
        if self.default_disposition not in codes:
            raise ValueError(f"default_disposition '{self.default_disposition}' is not one of dispositions")
        chosen = self.disposition(self.default_disposition)
        if chosen is not None and chosen.rule is DispositionRule.CALLBACK:
            # it is set where nobody is there to say when
            raise ValueError(f"default_disposition '{chosen.code}' asks for a time; its rule must not be 'callback'")
        return self

    @property
    def refused_actions(self) -> frozenset[str]:
        """What an agent may not do with an offer; in the mode preview there is only accept and skip."""
        return self.disabled_actions | ({"remove", "leave"} if self.mode is Mode.PREVIEW else set())

    @classmethod
    def stored(cls, values: dict[str, Any]) -> CampaignSettings:
        """Settings as the database has them: they were validated when they were written, so the same ones only once."""
        return _read(to_json(values))

    def disposition(self, code: str) -> Disposition | None:
        return next((one for one in self.dispositions if one.code == code), None)

    def amd_arguments(self) -> str:
        """What AMD() is given on a call; empty where it does not run."""
        if self.amd is Amd.OFF:
            return ""
        given = self.amd_parameters
        if self.amd is Amd.INLINE:
            time = min(given.total_analysis_time, INLINE_ANALYSIS_LIMIT)
            given = given.model_copy(update={"total_analysis_time": time})
        return given.arguments()

    def retry_minutes(self, outcome: Outcome) -> int:
        """Minutes until the contact may be tried again after this outcome; 60 where none is given."""
        return self.retry_after.get(outcome, 60)


@lru_cache(maxsize=1000)  # every version of the settings of the campaigns that are worked on, about 5 KB each
def _read(text: bytes) -> CampaignSettings:
    return CampaignSettings.model_validate_json(text)
