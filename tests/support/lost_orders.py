"""Orders to Asterisk that get no answer while the link stays up: lost on their way, or carried out all the same."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from telephony.pbx.ami import Action, AmiLink, AmiTimeout, Message


@dataclass
class Losses:
    """`lost`: what was, as (action, channel)."""

    lost: list[tuple[str, str]] = field(default_factory=list)
    _next: list[tuple[str, str, bool]] = field(default_factory=list)

    def lose(self, action: str, channel: str, *, carried_out: bool = False, times: int = 1) -> None:
        """The next such orders about this channel get no answer, and reach Asterisk or do not."""
        self._next += [(action, channel, carried_out)] * times

    def take(self, action: Action) -> bool | None:
        """None: this one is answered; else whether it is carried out."""
        asked = str(action["Action"]), str(action.get("Channel", ""))
        for one in self._next:
            if one[:2] == asked:
                self._next.remove(one)
                self.lost.append(asked)
                return one[2]
        return None


@pytest.fixture
def losses(monkeypatch: pytest.MonkeyPatch) -> Losses:
    """Of every link that is made from now on."""
    made, send = Losses(), AmiLink.send

    async def perhaps(link: AmiLink, action: Action) -> Message:
        carried_out = made.take(action)
        if carried_out is None:
            return await send(link, action)
        if carried_out:
            await send(link, action)
        raise AmiTimeout("no answer: lost by the test")

    monkeypatch.setattr(AmiLink, "send", perhaps)
    return made
