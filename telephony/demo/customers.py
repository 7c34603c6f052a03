"""Simulated customers: one sipp that plays every kind of customer, chosen by the last two digits of the called number.

The same script, scenario and sounds run in docker/customers. Numbers come from a range that is kept free for fiction,
and a number ends in the two digits that name its behaviour; other last digits behave like `HUMAN`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from hashlib import sha256
from pathlib import Path

import phonenumbers

from telephony.demo.call_log import Call, read_calls
from telephony.demo.child import DIES_WITH_US, Child
from telephony.demo.host import REPOSITORY, Say, SetupError, cache_folder, need_packages, only_one, run

READY_WITHIN = 10.0
"""Seconds until sipp must listen; it needs a tenth of one."""

_SCRIPTS = REPOSITORY / "docker" / "customers"
_PROGRAMS = {"sipp": "sip-tester", "espeak-ng": "espeak-ng", "sox": "sox"}


class Behaviour(StrEnum):
    """What a customer does; the value is the end of their number."""

    HUMAN = "00"
    BUSY = "01"
    RINGS_FOR_EVER = "02"
    NOT_FOUND = "03"
    CONGESTION = "04"
    SHORT_GREETING = "05"
    LONG_GREETING = "06"
    NO_BEEP = "07"
    NO_AUDIO = "08"
    HANGS_UP_AT_ONCE = "09"
    DECLINES = "10"
    FAX = "11"
    CALL_SCREENING = "12"
    ANNOUNCEMENT = "13"


def fictional_number(behaviour: str, index: int = 0) -> str:
    """E.164 of the INDEX-th customer with this behaviour.

    +1 <area code> 555 01xx, which the North American numbering plan keeps for fiction (ATIS-0300115); INDEX runs
    through the area codes of the United States, of which there are more than 300. Raises IndexError beyond them.
    """
    return f"+1{_area_codes()[index]}55501{behaviour}"


@cache
def _area_codes() -> tuple[int, ...]:
    numbers = {code: phonenumbers.parse(f"+1{code}5550100") for code in range(201, 990)}
    return tuple(
        code
        for code, number in numbers.items()
        if phonenumbers.region_code_for_number(number) == "US"
        and phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE  # not toll-free
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomersSettings:
    """One group of customers.

    A ring lasts `ring_seconds`: HUMAN answers after two, machines after one; 0 answers at once. HUMAN hangs up after
    `talk_seconds`, None = never. sipp takes two ports for each call from `media_port` upwards, without an upper bound.
    """

    directory: Path
    port: int
    bind: str = "127.0.0.1"
    media_port: int = 40000
    ring_seconds: float = 2.0
    talk_seconds: float | None = None


class Customers:
    """The running customers; stands 100 short calls a second and 400 calls up."""

    def __init__(self, settings: CustomersSettings, *, say: Say = print) -> None:
        self.settings = settings
        self._say = say
        self._directory = settings.directory.resolve()
        self._child: Child | None = None
        recipe = sha256((_SCRIPTS / "sounds").read_bytes()).hexdigest()[:8]
        self.sounds = cache_folder() / f"customer-sounds-{recipe}"

    @property
    def address(self) -> str:
        """host:port, as the PBX's trunk wants it."""
        return f"{self.settings.bind}:{self.settings.port}"

    @property
    def running(self) -> bool:
        """Whether sipp is still there."""
        return self._child is not None and self._child.running

    async def prepare(self) -> None:
        """Install the programs and make the sounds, where this has not been done. Raises SetupError."""
        await need_packages(_PROGRAMS, say=self._say)
        if not self.sounds.is_dir():
            async with only_one("customer-sounds", say=self._say):
                if not self.sounds.is_dir():
                    self._say("making the customers' voices")
                    partial = self.sounds.with_suffix(".partial")
                    await run([_SCRIPTS / "sounds", partial], log=cache_folder() / "customer-sounds.log")
                    partial.rename(self.sounds)  # last step: a folder of this name is complete

    async def start(self) -> None:
        """Start sipp and wait until its port is open. Raises SetupError when it does not come up."""
        if self.running:
            return
        await self.prepare()
        await asyncio.to_thread(self._directory.mkdir, parents=True, exist_ok=True)
        s = self.settings
        env = [
            f"CUSTOMERS_BIND={s.bind}",
            f"CUSTOMERS_PORT={s.port}",
            f"CUSTOMERS_MEDIA_START={s.media_port}",
            f"CUSTOMERS_RING_MS={round(s.ring_seconds * 1000)}",
            f"CUSTOMERS_TALK_MS={round((s.talk_seconds or 0) * 1000)}",
            f"CUSTOMERS_DIR={self._directory}",
            f"CUSTOMERS_SOUNDS={self.sounds}",
        ]
        log = self._directory / "console.log"
        self._child = await Child.start([*DIES_WITH_US, "env", *env, _SCRIPTS / "customers"], log=log)
        try:
            await asyncio.wait_for(self._listening(self._child), READY_WITHIN)
        except TimeoutError:
            await self._child.kill()
            raise SetupError(f"the customers did not come up within {READY_WITHIN:.0f} s, see {log}") from None

    async def stop(self) -> None:
        """End sipp at once; calls that are up get no BYE."""
        if self._child is not None and self._child.running:
            await self._child.kill()

    async def calls(self) -> list[Call]:
        """All INVITEs since the directory was made, in the order they came."""
        return await asyncio.to_thread(read_calls, self._directory / "calls.log")

    async def _listening(self, child: Child) -> None:
        entry = f":{self.settings.port:04X} "
        while child.running:
            if any(entry in row for row in (await asyncio.to_thread(Path("/proc/net/udp").read_text)).splitlines()):
                return
            await asyncio.sleep(0.05)
        raise SetupError(f"sipp ended with status {child.status}, see {self._directory / 'console.log'}")
