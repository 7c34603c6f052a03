"""Why a campaign does not dial: what stands in the way of all its calls, and where each of its contacts stands.

Every contact stands in exactly one place, so the counts add up to the campaign's contacts. `dials_at` is the moment
of the next call, None while something is in the way that no clock lifts; `next_contact_at` looks at the contacts
alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from telephony.model.due import Waits
from telephony.model.reasons import TEXTS as REASON_TEXTS
from telephony.model.reasons import Capacity, Withdrawal


class Hindrance(StrEnum):
    """In the way of all calls of a campaign; the limits, NO_TRUNK and PBX_UNREACHABLE are those of `Capacity`."""

    CAMPAIGN_STOPPED = Withdrawal.CAMPAIGN_STOPPED.value
    NO_TEAM = "NO_TEAM"
    NO_AGENT = "NO_AGENT"
    NO_AGENT_AVAILABLE = "NO_AGENT_AVAILABLE"
    AGENTS_ASK = "AGENTS_ASK"
    SERVICE_DOWN = "SERVICE_DOWN"
    LIST_EMPTY = "LIST_EMPTY"
    NOTHING_LEFT = "NOTHING_LEFT"


class Standing(StrEnum):
    """Where a contact stands; those that share a name with a `Withdrawal` mean the same."""

    READY = "READY"
    OFFERED = "OFFERED"
    IN_ATTEMPT = "IN_ATTEMPT"
    OUTSIDE_CALLING_HOURS = Withdrawal.OUTSIDE_CALLING_HOURS.value
    MIN_GAP = Withdrawal.MIN_GAP.value
    DAILY_CAP = Withdrawal.DAILY_CAP.value
    NUMBER_IN_USE = Withdrawal.NUMBER_IN_USE.value
    NUMBER_NOT_ALLOWED = Withdrawal.NUMBER_NOT_ALLOWED.value
    RETRY_LATER = "RETRY_LATER"
    CALLBACK_LATER = "CALLBACK_LATER"
    CALLBACK_OF_AGENT = "CALLBACK_OF_AGENT"
    SKIPPED_BY_ALL = "SKIPPED_BY_ALL"
    NUMBER_PAUSED = "NUMBER_PAUSED"
    NO_ROOM_LATELY = "NO_ROOM_LATELY"
    ZONE_UNKNOWN = "ZONE_UNKNOWN"
    NEVER_OPEN = "NEVER_OPEN"
    LIST_INACTIVE = "LIST_INACTIVE"
    LIST_EXPIRED = "LIST_EXPIRED"
    DONE = "DONE"
    REMOVED = "REMOVED"
    ON_DO_NOT_CALL_LIST = Withdrawal.ON_DO_NOT_CALL_LIST.value
    NO_GOOD_NUMBER = "NO_GOOD_NUMBER"


OF_WAITS = {
    Waits.RETRY: Standing.RETRY_LATER,
    Waits.CALLBACK: Standing.CALLBACK_LATER,
    Waits.MIN_GAP: Standing.MIN_GAP,
    Waits.PAUSE: Standing.NUMBER_PAUSED,
    Waits.DAILY_CAP: Standing.DAILY_CAP,
    Waits.HOURS: Standing.OUTSIDE_CALLING_HOURS,
    Waits.NO_ZONE: Standing.ZONE_UNKNOWN,
    Waits.NEVER_OPEN: Standing.NEVER_OPEN,
    Waits.ROOM: Standing.NO_ROOM_LATELY,
    Waits.NOT_ALLOWED: Standing.NUMBER_NOT_ALLOWED,
}

TEXTS: dict[str, tuple[str, str]] = {
    "NO_TEAM": ("No team works on the campaign", "Ningún equipo trabaja en la campaña"),
    "NO_AGENT": ("The campaign's teams have no agents", "Los equipos de la campaña no tienen agentes"),
    "NO_AGENT_AVAILABLE": ("No agent is available", "No hay ningún agente disponible"),
    "AGENTS_ASK": (
        "Agents ask for the contacts of this campaign themselves",
        "Los agentes piden ellos mismos los contactos de esta campaña",
    ),
    "SERVICE_DOWN": ("The service is not running", "El servicio no está en marcha"),
    "LIST_EMPTY": ("The campaign has no contacts", "La campaña no tiene contactos"),
    "NOTHING_LEFT": ("No contact is left to be called", "No queda ningún contacto por llamar"),
    "READY": ("May be called now", "Se puede llamar ahora"),
    "OFFERED": ("Shown to an agent now", "En la pantalla de un agente"),
    "IN_ATTEMPT": ("In a call or its wrap-up now", "En una llamada o su cierre"),
    "RETRY_LATER": ("To be tried again later", "Se volverá a intentar más tarde"),
    "CALLBACK_LATER": ("A callback was agreed for later", "Se acordó llamar más tarde"),
    "CALLBACK_OF_AGENT": (
        "The callback is kept for an agent who is away or busy",
        "La llamada acordada espera a un agente ausente u ocupado",
    ),
    "SKIPPED_BY_ALL": (
        "Skipped within 24 hours by every agent who is available",
        "Todos los agentes disponibles lo saltaron en las últimas 24 horas",
    ),
    "NUMBER_PAUSED": (
        "The number rests after a call without an agent",
        "El número descansa tras una llamada sin agente",
    ),
    "NO_ROOM_LATELY": ("Put off a moment: no room for the call", "Aplazado un momento: no había sitio"),
    "ZONE_UNKNOWN": (
        "Nobody knows the time where the customer lives",
        "No se conoce la hora en la zona del cliente",
    ),
    "NEVER_OPEN": (
        "The calling hours are never open in all of the number's zones",
        "El horario nunca coincide en todas las zonas del número",
    ),
    "LIST_INACTIVE": ("The list is not active", "La lista no está activa"),
    "LIST_EXPIRED": ("The list has expired", "La lista caducó"),
    "DONE": ("Done", "Terminado"),
    "REMOVED": ("Removed from the campaign", "Quitado de la campaña"),
    "NO_GOOD_NUMBER": ("No number of the contact is good", "Ningún número del contacto es válido"),
}


def text(code: str, language: str = "en") -> str:
    """The sentence for a code, in English or (language `es`) Spanish; raises KeyError for an unknown code."""
    english, spanish = TEXTS.get(code) or REASON_TEXTS[code]
    return spanish if language.startswith("es") else english


@dataclass(frozen=True, slots=True, kw_only=True)
class InTheWay:
    """A hindrance; for a limit whose it is, how many are up and how many may be."""

    code: Hindrance | Capacity
    name: str | None = None
    used: int | None = None
    limit: int | None = None


@dataclass(slots=True)
class Contacts:
    """So many contacts stand there; the first of them leaves it at `until`, where a clock says so."""

    code: Standing
    count: int = 0
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AgentsIn:
    """So many agents of the campaign are in this state."""

    state: str
    reason: str | None
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """The answer, with the contacts in the order of `Standing`."""

    total: int
    in_the_way: Sequence[InTheWay]
    agents: Sequence[AgentsIn]
    contacts: Sequence[Contacts]
    next_contact_at: datetime | None
    dials_at: datetime | None


@dataclass(slots=True)
class Tally:
    """Contacts counted by where they stand."""

    found: dict[Standing, Contacts] = field(default_factory=dict)

    def add(self, code: Standing, count: int, until: datetime | None = None) -> None:
        """Count contacts, or with a negative number take them from where they were counted before."""
        one = self.found.setdefault(code, Contacts(code))
        one.count += count
        if until is not None:
            one.until = until if one.until is None else min(one.until, until)

    def standing(self) -> list[Contacts]:
        return [self.found[code] for code in Standing if code in self.found and self.found[code].count]


_FOR_GOOD = frozenset({Standing.DONE, Standing.REMOVED, Standing.ON_DO_NOT_CALL_LIST, Standing.NO_GOOD_NUMBER})
_NOT_SERVED = frozenset({Standing.LIST_INACTIVE, Standing.LIST_EXPIRED})


def of_services(answers: Mapping[str, Hindrance | Capacity | None]) -> list[InTheWay]:
    """What the services of the cells, by name, have in the way of any call; one that can call is enough."""
    if any(code is None for code in answers.values()):
        return []
    return [InTheWay(code=code, name=name) for name, code in answers.items() if code is not None]


def explain(tally: Tally, in_the_way: Iterable[InTheWay], agents: Sequence[AgentsIn], *, now: datetime) -> Why:
    """Put the facts together; what follows from the contacts alone is added to what is in the way."""
    hindrances, contacts = list(in_the_way), tally.standing()
    total = sum(one.count for one in contacts)
    if not total:
        hindrances.append(InTheWay(code=Hindrance.LIST_EMPTY))
    elif all(one.code in _FOR_GOOD for one in contacts):
        hindrances.append(InTheWay(code=Hindrance.NOTHING_LEFT))
    moments = [one.until for one in contacts if one.until is not None and one.code not in _NOT_SERVED]
    ready = any(one.code is Standing.READY for one in contacts)
    next_contact_at = now if ready else min(moments, default=None)
    return Why(
        total=total,
        in_the_way=hindrances,
        agents=agents,
        contacts=contacts,
        next_contact_at=next_contact_at,
        dials_at=None if hindrances else next_contact_at,
    )


def spelled_out(answer: Why, language: str = "en") -> dict[str, Any]:
    """The answer as plain values, each code with its sentence."""
    told = asdict(answer)
    for one in (*told["in_the_way"], *told["contacts"]):
        one["text"] = text(one["code"], language)
    return told
