"""Reason codes (SPEC section 5): stable in the API, each with an English and a Spanish text."""

from __future__ import annotations

from enum import StrEnum


class Capacity(StrEnum):
    """An accept was refused for want of room; the offer stays open."""

    TENANT_CALL_LIMIT = "TENANT_CALL_LIMIT"
    DATA_CENTER_CALL_LIMIT = "DATA_CENTER_CALL_LIMIT"
    TRUNK_CHANNEL_LIMIT = "TRUNK_CHANNEL_LIMIT"
    CALL_RATE_LIMIT = "CALL_RATE_LIMIT"
    CELL_CHANNEL_LIMIT = "CELL_CHANNEL_LIMIT"
    NO_TRUNK = "NO_TRUNK"
    PBX_UNREACHABLE = "PBX_UNREACHABLE"


class Withdrawal(StrEnum):
    """The contact may not be called; its offer closes as withdrawn."""

    OUTSIDE_CALLING_HOURS = "OUTSIDE_CALLING_HOURS"
    ON_DO_NOT_CALL_LIST = "ON_DO_NOT_CALL_LIST"
    NUMBER_IN_USE = "NUMBER_IN_USE"
    MIN_GAP = "MIN_GAP"
    DAILY_CAP = "DAILY_CAP"
    NUMBER_NOT_ALLOWED = "NUMBER_NOT_ALLOWED"
    CONTACT_REMOVED = "CONTACT_REMOVED"
    CAMPAIGN_STOPPED = "CAMPAIGN_STOPPED"


class Refusal(StrEnum):
    """A request that changes nothing."""

    ACTION_DISABLED = "ACTION_DISABLED"
    OFFER_CLOSED = "OFFER_CLOSED"
    NOT_AVAILABLE = "NOT_AVAILABLE"
    PHONE_NOT_REGISTERED = "PHONE_NOT_REGISTERED"
    CALL_ANSWERED = "CALL_ANSWERED"


class Outcome(StrEnum):
    """How an attempt ended, as the system saw it."""

    TALKED = "TALKED"
    VOICEMAIL_LEFT = "VOICEMAIL_LEFT"
    MESSAGE_DROPPED = "MESSAGE_DROPPED"
    MESSAGE_NOT_LEFT = "MESSAGE_NOT_LEFT"
    MACHINE_HUNG_UP = "MACHINE_HUNG_UP"
    CUSTOMER_BUSY = "CUSTOMER_BUSY"
    NO_ANSWER_CUSTOMER = "NO_ANSWER_CUSTOMER"
    CUSTOMER_UNAVAILABLE = "CUSTOMER_UNAVAILABLE"
    INVALID_NUMBER = "INVALID_NUMBER"
    CUSTOMER_DECLINED = "CUSTOMER_DECLINED"
    CUSTOMER_LEFT = "CUSTOMER_LEFT"
    FAX = "FAX"
    AGENT_CANCELLED = "AGENT_CANCELLED"
    AGENT_ENDED = "AGENT_ENDED"
    ABANDONED = "ABANDONED"
    NOT_PLACED = "NOT_PLACED"
    CHANNEL_FAILURE = "CHANNEL_FAILURE"
    PBX_LOST = "PBX_LOST"
    SYSTEM_ERROR = "SYSTEM_ERROR"


class AgentLegOutcome(StrEnum):
    """How the call to the agent's phone failed."""

    RONA = "RONA"
    USER_DECLINED = "USER_DECLINED"
    USER_BUSY = "USER_BUSY"
    USER_UNAVAILABLE = "USER_UNAVAILABLE"
    CHANNEL_FAILURE = "CHANNEL_FAILURE"
    INVALID_NUMBER = "INVALID_NUMBER"


TEXTS: dict[str, tuple[str, str]] = {
    "TENANT_CALL_LIMIT": (
        "The company's limit of simultaneous calls is reached",
        "Se alcanzó el límite de llamadas simultáneas de la empresa",
    ),
    "DATA_CENTER_CALL_LIMIT": (
        "The data center's limit of simultaneous calls is reached",
        "Se alcanzó el límite de llamadas simultáneas del centro de datos",
    ),
    "TRUNK_CHANNEL_LIMIT": (
        "All channels of the trunk are in use",
        "Todos los canales de la troncal están en uso",
    ),
    "CALL_RATE_LIMIT": (
        "The trunk takes no more new calls this second",
        "La troncal no admite más llamadas nuevas en este segundo",
    ),
    "CELL_CHANNEL_LIMIT": (
        "This telephone system has no free channel",
        "Esta central telefónica no tiene canales libres",
    ),
    "NO_TRUNK": ("No trunk may call this number", "Ninguna troncal puede llamar a este número"),
    "PBX_UNREACHABLE": (
        "The telephone system cannot be reached",
        "No se puede contactar con la central telefónica",
    ),
    "OUTSIDE_CALLING_HOURS": (
        "It is outside the calling hours where the customer lives",
        "Está fuera del horario de llamadas en la zona del cliente",
    ),
    "ON_DO_NOT_CALL_LIST": (
        "The number is on the do-not-call list",
        "El número está en la lista de no llamar",
    ),
    "NUMBER_IN_USE": (
        "This number is being called or previewed by somebody else",
        "Otra persona está llamando o viendo este número",
    ),
    "MIN_GAP": ("The number was called too short a time ago", "Se llamó a este número hace muy poco"),
    "DAILY_CAP": (
        "The number was called as often as allowed today",
        "Ya se llamó a este número el máximo de veces permitido hoy",
    ),
    "NUMBER_NOT_ALLOWED": ("The number may not be dialed", "No está permitido marcar este número"),
    "CONTACT_REMOVED": ("The contact was removed from the campaign", "El contacto fue quitado de la campaña"),
    "CAMPAIGN_STOPPED": ("The campaign was stopped", "La campaña fue detenida"),
    "ACTION_DISABLED": ("The campaign does not allow this action", "La campaña no permite esta acción"),
    "OFFER_CLOSED": ("This contact was already decided", "Este contacto ya fue resuelto"),
    "NOT_AVAILABLE": ("This is not possible in the present state", "No es posible en el estado actual"),
    "PHONE_NOT_REGISTERED": ("Your phone is not registered", "Su teléfono no está registrado"),
    "CALL_ANSWERED": ("The customer has already answered", "El cliente ya contestó"),
    "TALKED": ("Agent and customer were joined", "El agente y el cliente hablaron"),
    "VOICEMAIL_LEFT": ("The agent left a voicemail", "El agente dejó un mensaje de voz"),
    "MESSAGE_DROPPED": ("The recorded message was left", "Se dejó el mensaje grabado"),
    "MESSAGE_NOT_LEFT": ("The recorded message could not be left", "No se pudo dejar el mensaje grabado"),
    "MACHINE_HUNG_UP": ("An answering machine was hung up on", "Se colgó a un contestador automático"),
    "CUSTOMER_BUSY": ("The customer is busy", "El cliente está ocupado"),
    "NO_ANSWER_CUSTOMER": ("The customer did not answer", "El cliente no contestó"),
    "CUSTOMER_UNAVAILABLE": ("The customer cannot be reached", "No se puede localizar al cliente"),
    "INVALID_NUMBER": ("The number does not exist", "El número no existe"),
    "CUSTOMER_DECLINED": ("The customer declined the call", "El cliente rechazó la llamada"),
    "CUSTOMER_LEFT": ("The customer hung up before being joined", "El cliente colgó antes de ser conectado"),
    "FAX": ("A fax machine answered", "Contestó un fax"),
    "AGENT_CANCELLED": ("The agent cancelled the call", "El agente canceló la llamada"),
    "AGENT_ENDED": ("The agent's phone hung up", "El teléfono del agente colgó"),
    "ABANDONED": ("The customer answered and no agent was there", "El cliente contestó y no había agente"),
    "NOT_PLACED": ("The call was not placed", "La llamada no se realizó"),
    "CHANNEL_FAILURE": (
        "The telephone system could not make the call",
        "La central no pudo hacer la llamada",
    ),
    "PBX_LOST": ("The telephone system failed during the call", "La central falló durante la llamada"),
    "SYSTEM_ERROR": ("The dialer made an error", "El marcador cometió un error"),
    "RONA": ("The agent did not answer the phone", "El agente no contestó el teléfono"),
    "USER_DECLINED": ("The agent declined the reservation call", "El agente rechazó la llamada de reserva"),
    "USER_BUSY": ("The agent's phone is busy", "El teléfono del agente está ocupado"),
    "USER_UNAVAILABLE": (
        "The agent's phone cannot be reached",
        "No se puede localizar el teléfono del agente",
    ),
}


def text(code: str, language: str = "en") -> str:
    """The sentence for a code, in English or (language `es`) Spanish; raises KeyError for an unknown code."""
    english, spanish = TEXTS[code]
    return spanish if language.startswith("es") else english
