"""Errors of the dialer, by whose they are; each carries a stable code of SPEC section 5."""

from __future__ import annotations

from telephony.model.reasons import Capacity, Refusal, Withdrawal, text


class DialerError(Exception):
    """A request that could not be carried out; `code` is stable, the message is a sentence."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message or text(code))
        self.code = code


class Refused(DialerError):
    """The request does not fit the present state or the campaign's settings; nothing changed."""

    def __init__(self, code: Refusal, message: str = "") -> None:
        super().__init__(code.value, message)


class OfferClosed(Refused):
    """Another action won; `winner` is the offer's state, e.g. `skipped`."""

    def __init__(self, winner: str) -> None:
        super().__init__(Refusal.OFFER_CLOSED, f"{text(Refusal.OFFER_CLOSED)}: {winner}")
        self.winner = winner


class NoCapacity(DialerError):
    """An accept was refused for want of room; the offer stays open. `used` and `limit` where there is a number."""

    def __init__(self, code: Capacity, *, scope_id: str | None = None, used: int = 0, limit: int = 0) -> None:
        figures = f" ({used} of {limit} up)" if limit else ""
        super().__init__(code.value, text(code) + figures)
        self.scope_id = scope_id
        self.used = used
        self.limit = limit


class ContactWithdrawn(DialerError):
    """The contact may not be called now; its offer closed as withdrawn."""

    def __init__(self, code: Withdrawal) -> None:
        super().__init__(code.value)


class Elsewhere(DialerError):
    """The agent belongs to another cell, whose API is at `url`; empty: it has not said where."""

    def __init__(self, url: str) -> None:
        Exception.__init__(self, "the agent belongs to another cell")
        self.code = "CELL_UNREACHABLE"
        self.url = url


class NotFound(DialerError):
    """There is no such thing, or it is another tenant's or another agent's."""

    def __init__(self, what: str) -> None:
        Exception.__init__(self, f"no such {what}")
        self.code = "NOT_FOUND"
