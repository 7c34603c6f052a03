"""`telephony doctor`, the PBX's part: is this Asterisk fit for the service? Each check tells what it saw.

It goes through pyst2 and plain sockets and shares no code with the service's own links: a mistake there cannot make
it blind here. Nothing it does reaches a telephone: orders it tries name channels that do not exist, and the calls it
makes go to [pd-probe] or to itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from telephony.pbx import doctor_inside as inside
from telephony.pbx import doctor_ways as ways
from telephony.pbx.audio_folder import AudioFolder
from telephony.pbx.doctor_browser import browser_phones
from telephony.pbx.doctor_ears import ears
from telephony.pbx.doctor_finding import Finding
from telephony.pbx.doctor_manager import LoginRefused, ManagerLine, ManagerTrouble
from telephony.pbx.doctor_media import address_towards

__all__ = ["Finding", "PbxDoctor", "endpoint_of"]


class PbxDoctor:
    """Looks at one Asterisk with the service's own settings.

    `fastagi_address`, `ears_address`: host:port that Asterisk is told; `audio`: where recordings and messages are;
    `dials`: the dial strings or templates of the trunks; `phones_host`, `phones_port`, `phones_secret`: how phones in
    the browser reach it, `users`: the names of the agents, who may have one.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        username: str,
        secret: str,
        fastagi_host: str,
        fastagi_port: int,
        fastagi_address: str,
        ears_host: str,
        ears_port: int,
        ears_address: str,
        audio: AudioFolder,
        phones_host: str = "127.0.0.1",
        phones_port: int = 8088,
        phones_secret: str = "",
        dials: Sequence[str] = (),
        users: Sequence[str] = (),
    ) -> None:
        self._host = host
        self._port = port
        self._username = username
        self._secret = secret
        self._fastagi = (fastagi_host, fastagi_port, fastagi_address)
        self._ears = (ears_host, ears_port, ears_address)
        self._audio = audio
        self._phones = (phones_host, phones_port, phones_secret, users)
        self._endpoints = list(dict.fromkeys(endpoint_of(dial) for dial in dials))

    def findings(self) -> Iterator[Finding]:
        """Check after check; without a login there is only the first."""
        try:
            line = ManagerLine(host=self._host, port=self._port, username=self._username, secret=self._secret)
        except LoginRefused as trouble:
            yield Finding(
                name="ami",
                fact=str(trouble),
                remedy="make ami.username and ami.secret those of a user in Asterisk's manager.conf, and let its"
                " permit/deny lines allow this machine",
            )
            return
        except ManagerTrouble as trouble:
            yield Finding(
                name="ami",
                fact=str(trouble),
                remedy="start Asterisk, and make ami.host and ami.port those of manager.conf (enabled = yes, bindaddr,"
                " port)",
            )
            return
        try:
            yield from self._look(line)
        finally:
            line.close()

    def _look(self, line: ManagerLine) -> Iterator[Finding]:
        source = address_towards(self._host, self._port)
        user = self._username
        checks: list[tuple[str, Callable[[ManagerLine], Finding]]] = [
            ("ami", self._logged_in),
            ("rights", partial(inside.rights, username=user)),
            ("dialplan", inside.dialplan),
            ("modules", inside.modules),
            ("events", partial(inside.events, username=user)),
            ("fastagi", lambda line: ways.fast_agi(line, *self._fastagi)),
            ("ears", lambda line: ears(line, *self._ears)),
            ("browser phones", lambda line: browser_phones(line, *self._phones)),
            ("clock", inside.clock),
            *((f"trunk {name}", partial(ways.trunk, endpoint=name)) for name in self._endpoints),
            ("rtp", partial(ways.rtp, endpoints=self._endpoints, source=source)),
            ("folders", partial(ways.folders, audio=self._audio)),
        ]
        for name, check in checks:
            try:
                yield check(line)
            except ManagerTrouble as trouble:
                yield Finding(name=name, fact=str(trouble), remedy="see whether Asterisk still runs, and its log")
                return

    def _logged_in(self, line: ManagerLine) -> Finding:
        version = line.ask({"Action": "CoreSettings"}).get("AsteriskVersion", "of unknown version")
        return Finding(name="ami", fact=f"{self._username} at {self._host}:{self._port}, Asterisk {version}")


def endpoint_of(dial: str) -> str:
    """The endpoint that a dial string or template uses, as chan_pjsip reads it."""
    endpoint, slash, _ = dial.partition("/")[2].partition("/")
    return endpoint if slash else endpoint.rpartition("@")[2]
