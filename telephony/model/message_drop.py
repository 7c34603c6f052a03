"""When a recorded message is played into a mailbox: cues in, "play it now, from its beginning" out.

    cue                                       what is done
    a beep heard less than 10 s before        played at once
    the agent says `now`                      played at once
    a beep                                    played after it
    2 s of silence after speech               played: mailboxes without a beep take it from there
    none of these for 30 s                    given up: MESSAGE_NOT_LEFT(no_beep)
    a beep while it plays                     played again from its beginning, once: only now does the mailbox record
                                              (a second tone, or a greeting that only paused)
    speech again and 2 s of silence,          the same, where silence had started it: it was the greeting's pause
    while it plays
    hung up before it was whole               MESSAGE_NOT_LEFT(cut)

Silence while a message plays that a beep or the agent started means nothing: nobody is expected to speak then. `now`
needs no ear: a beep after it begins it again only where the call is listened to anyway.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

BEEP_FRESH = 10.0
"""Seconds a beep counts as "the mailbox is recording now" (SPEC section 2)."""

PATIENCE = 30.0
"""Seconds without beep or silence after which a message is given up (SPEC section 2)."""

MOST_STARTS = 2
"""Times a message is begun: what beeps on and on is no mailbox."""


class When(StrEnum):
    """`auto`: after the beep, or after silence; `now`: at once."""

    AUTO = "auto"
    NOW = "now"


class NotLeft(StrEnum):
    """Why a message was not left."""

    NO_BEEP = "no_beep"
    CUT = "cut"  # hung up before it was whole
    NOT_PLAYED = "not_played"  # the telephone system could not play it


class _Cue(StrEnum):
    BEEP = "beep"
    SILENCE = "silence"
    AGENT = "agent"


@dataclass(slots=True)
class MessageDrop:
    """One message on its way; the methods that take a cue are True where it is to be played from its beginning."""

    when: When
    whole: bool = False
    given_up: bool = False
    failed: bool = False
    _starts: int = 0
    _cue: _Cue | None = None

    def begin(self, *, beep_age: float | None) -> bool:
        """The customer's side is alone; `beep_age`: seconds since its last beep, None where there was none."""
        if self.when is When.NOW:
            return self._start(_Cue.AGENT)
        return beep_age is not None and beep_age < BEEP_FRESH and self._start(_Cue.BEEP)

    def beep(self) -> bool:
        return self._start(_Cue.BEEP)

    def speech_ended(self) -> bool:
        """It spoke and has been silent for 2 s since."""
        return self._cue in (None, _Cue.SILENCE) and self._start(_Cue.SILENCE)

    def found_playing(self) -> None:
        """It plays, begun before the service was started: what began it is not known, so it is not begun again."""
        self._starts, self._cue = MOST_STARTS, _Cue.AGENT

    def patience_over(self) -> bool:
        """Whether it is given up."""
        self.given_up = self._cue is None
        return self.given_up

    def played(self, *, whole: bool) -> None:
        self.whole |= whole
        self.failed = not self.whole

    @property
    def not_left(self) -> NotLeft | None:
        """Why it was not left, now that the other side is gone; None where it was."""
        if self.whole:
            return None
        return NotLeft.NO_BEEP if self.given_up else NotLeft.NOT_PLAYED if self.failed else NotLeft.CUT

    def _start(self, cue: _Cue) -> bool:
        if self._starts == MOST_STARTS or self.whole or self.given_up or self.failed:
            return False
        self._starts += 1
        self._cue = cue
        return True
