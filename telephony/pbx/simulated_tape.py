"""The simulated switchboard's recordings: a tone where somebody talked, silence where it was paused."""

from __future__ import annotations

import asyncio
import logging
import struct
import wave
from pathlib import Path

from telephony.pbx.simulated_clock import Clock

log = logging.getLogger(__name__)

RATE = 8000


class Tape:
    """What is recorded of one leg; times come from the exchange's clock."""

    def __init__(self, file: str, clock: Clock) -> None:
        self.file = file
        self._clock = clock
        self._paused = False
        self._since: float | None = None  # joined and rolling since
        self._parts: list[tuple[float, bool]] = []  # seconds, paused

    def roll(self) -> None:
        """The leg was joined."""
        self._since = self._clock.now()

    def pause(self, *, paused: bool) -> None:
        rolling = self._since is not None
        self.rest()
        self._paused = paused
        if rolling:
            self.roll()

    def rest(self) -> None:
        """The leg was parted."""
        if self._since is not None:
            self._parts.append((self._clock.now() - self._since, self._paused))
            self._since = None

    def end(self) -> None:
        """Write the file beside everything else; of a leg that was never joined there is none."""
        self.rest()
        if self._parts:
            write = asyncio.to_thread(write_tone, Path(self.file), self._parts)
            self._clock.watch(asyncio.get_running_loop().create_task(write))


def write_tone(path: Path, parts: list[tuple[float, bool]]) -> None:
    """A WAV file of 500 Hz, with silence in the parts that were paused; logged where it cannot be written."""
    wavelength = [4000] * (RATE // 1000) + [-4000] * (RATE // 1000)
    try:
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            for seconds, paused in parts:
                count = round(seconds * RATE)
                samples = [0] * count if paused else (wavelength * (count // len(wavelength) + 1))[:count]
                file.writeframes(struct.pack(f"<{count}h", *samples))
    except OSError as error:
        log.error("%s cannot be written: %s", path.name, error.strerror)
