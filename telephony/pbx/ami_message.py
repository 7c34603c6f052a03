"""What Asterisk's manager interface says to us, and how an action to it can fail.

Whoever sends an action must know one thing of a failure: can Asterisk have done it? `AmiNotSent` says no,
nothing was written. `AmiRefused` says no, Asterisk answered. `AmiUnsettled` says perhaps: only events, the
flight recorder or the channel list can tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence


class Message(Mapping[str, str]):
    """One response or event of Asterisk, immutable; header names are found in any case.

    A header that came more than once keeps all its values (`all`); plain look-up gives the last one.
    Iteration gives lower-case names. The representation names the message and never shows values, so that a
    message may be logged.
    """

    __slots__ = ("_headers",)

    def __init__(self, headers: Mapping[str, str | Sequence[str]]) -> None:
        """`headers` has its names in lower case; it is kept, not copied."""
        self._headers = headers

    def __getitem__(self, name: str) -> str:
        value = self._headers[name.lower()]
        return value if isinstance(value, str) else value[-1]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._headers

    def __iter__(self) -> Iterator[str]:
        return iter(self._headers)

    def __len__(self) -> int:
        return len(self._headers)

    def __repr__(self) -> str:
        kind = f"event {self.event}" if self.event else f"response {self.response}"
        return f"<Message {kind}, ActionID {self.action_id or '-'}, {len(self)} headers>"

    def text(self, name: str) -> str:
        """The value of a header; the empty text where Asterisk sent none or an empty one."""
        value = self._headers.get(name.lower(), "")
        return value if isinstance(value, str) else value[-1]

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a header in the order of arrival."""
        value = self._headers.get(name.lower(), ())
        return (value,) if isinstance(value, str) else tuple(value)

    @property
    def event(self) -> str:
        """The name of the event; empty for a response."""
        return self.text("event")

    @property
    def response(self) -> str:
        """`Success`, `Error`, `Goodbye` ...; empty for an event."""
        return self.text("response")

    @property
    def action_id(self) -> str:
        return self.text("actionid")


class AmiError(Exception):
    """Base of everything that `AmiLink.send` raises."""

    code = "AMI"


class AmiNotSent(AmiError):
    """Nothing was written to Asterisk: the action has certainly not happened."""

    code = "AMI_NOT_SENT"


class AmiNotConnected(AmiNotSent):
    """No link, or Asterisk is not fully booted."""

    code = "AMI_NOT_CONNECTED"


class AmiBusy(AmiNotSent):
    """No place among the actions in flight, or Asterisk does not read, for the whole deadline."""

    code = "AMI_BUSY"


class AmiValueError(AmiNotSent, ValueError):
    """The caller's mistake: a field that must not or cannot be written. The value itself is not repeated."""

    code = "AMI_VALUE"

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"AMI field {field}: {why}")
        self.field = field
        self.why = why


class AmiRefused(AmiError):
    """Asterisk's answer was an error; `message` is that answer, `reason` its text."""

    code = "AMI_REFUSED"

    def __init__(self, action: str, message: Message) -> None:
        self.message = message
        self.reason = message.text("message")
        super().__init__(f"Asterisk refused {action}: {self.reason or 'no reason given'}")


class AmiLoginRefused(AmiRefused):
    """Wrong user or secret: trying again would only lock the account out, the link stops for good."""

    code = "AMI_LOGIN_REFUSED"


class AmiUnsettled(AmiError):
    """The action was written and nothing is known of it."""

    code = "AMI_UNSETTLED"


class AmiTimeout(AmiUnsettled):
    """No answer within the deadline; a later one is ignored."""

    code = "AMI_TIMEOUT"


class AmiLost(AmiUnsettled):
    """The link went down before the answer."""

    code = "AMI_LOST"
