"""The doctor as a SIP peer: asks a trunk for a sign of life, and takes a call from Asterisk to hear its own echo.

Asterisk calls the doctor through a trunk's endpoint, plays back what it hears ([pd-probe] echo), and the doctor counts
which of its RTP packets come back. So the test takes the way of a real call: Asterisk's SIP transport, the media
address it advertises, its RTP ports and every firewall between the two machines.
"""

from __future__ import annotations

import re
import secrets
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

PACKETS = 50
"""One second of audio."""

_PACKET_SECONDS = 0.02
_RESEND = (0.5, 1.0, 2.0)
"""RFC 3261: an unanswered request over UDP is sent again after T1 = 0.5 s, doubling."""


def answers_options(uri: str) -> bool:
    """Whether the peer of a SIP URI answers OPTIONS over UDP, with whatever status. Raises OSError for a bad name."""
    match = re.fullmatch(r"sips?:(?:[^@]*@)?([^:;?>]+)(?::(\d+))?(?:[;?].*)?", uri)
    if match is None:
        raise OSError(f"not an address: {uri}")
    target = (match[1], int(match[2] or 5060))
    source = address_towards(*target)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sip:
        sip.bind((source, 0))
        port = sip.getsockname()[1]
        tag = secrets.token_hex(8)
        request = (
            f"OPTIONS sip:{target[0]}:{target[1]} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {source}:{port};branch=z9hG4bK{tag};rport\r\n"
            f"From: <sip:doctor@{source}>;tag={tag}\r\nTo: <sip:{target[0]}>\r\n"
            f"Call-ID: {tag}\r\nCSeq: 1 OPTIONS\r\nContact: <sip:doctor@{source}:{port}>\r\n"
            "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        ).encode()
        for pause in _RESEND:
            sip.sendto(request, target)
            sip.settimeout(pause)
            try:
                if sip.recv(4096).startswith(b"SIP/2.0 "):
                    return True
            except (TimeoutError, ConnectionRefusedError):
                continue
    return False


@dataclass(slots=True)
class EchoResult:
    """What became of the call. `media`: the address Asterisk told for its audio; `returned` of PACKETS came back."""

    invited: bool = False
    media: str = ""
    returned: int = 0
    round_trip: float = 0.0
    problem: str = ""


class EchoCall:
    """Takes one call at `uri` and talks with itself through it; `done` is set when `result` is complete."""

    def __init__(self, address: str) -> None:
        self.result = EchoResult()
        self.done = threading.Event()
        self._address = address
        self._sip = _udp(address)
        self._rtp = _udp(address)
        self.uri = f"sip:doctor@{address}:{self._sip.getsockname()[1]}"
        self._closing = False
        self._talked = False
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self._thread.join(3.0)
        self._sip.close()
        self._rtp.close()

    def _serve(self) -> None:
        while not self._closing:
            if not select.select([self._sip], [], [], 0.1)[0]:
                continue
            data, peer = self._sip.recvfrom(65535)
            method = data.split(b" ", 1)[0]
            if method == b"INVITE":
                self._take_call(data.decode("utf-8", "replace"), peer)
            elif method in (b"BYE", b"CANCEL", b"OPTIONS"):
                self._reply(data.decode("utf-8", "replace"), peer, "200 OK")

    def _take_call(self, invite: str, peer: tuple[str, int]) -> None:
        self.result.invited = True
        offer = re.search(r"^m=audio (\d+) RTP/AVP ((?:\d+ ?)+)\r?$", invite, re.MULTILINE)
        where = re.search(r"^c=IN IP4 (\S+)\r?$", invite, re.MULTILINE)
        codec = next((c for c in (offer[2].split() if offer else []) if c in ("0", "8")), None)
        if offer is None or where is None or codec is None:
            self.result.problem = "Asterisk offers neither ulaw nor alaw over plain RTP"
            self._reply(invite, peer, "488 Not Acceptable Here")
            self.done.set()
            return
        port = self._rtp.getsockname()[1]
        sdp = (
            f"v=0\r\no=doctor 1 1 IN IP4 {self._address}\r\ns=-\r\nc=IN IP4 {self._address}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP {codec}\r\na=ptime:20\r\n"
        )
        self._reply(invite, peer, "200 OK", sdp)
        if not self._talked:
            self._talked = True
            self.result.media = f"{where[1]}:{offer[1]}"
            target = (where[1], int(offer[1]))
            threading.Thread(target=self._talk, args=(target, int(codec)), daemon=True).start()

    def _talk(self, target: tuple[str, int], codec: int) -> None:
        sent: dict[bytes, float] = {}
        trips: list[float] = []
        source = secrets.randbits(32)
        end = time.monotonic() + PACKETS * _PACKET_SECONDS + 1.0
        try:
            for number in range(PACKETS):
                payload = secrets.token_bytes(160)
                sent[payload] = time.monotonic()
                header = struct.pack("!BBHII", 0x80, codec, number, number * 160, source)
                self._rtp.sendto(header + payload, target)
                self._listen(sent, trips, until=sent[payload] + _PACKET_SECONDS)
            while sent and time.monotonic() < end:
                self._listen(sent, trips, until=min(end, time.monotonic() + 0.1))
        except OSError as error:
            self.result.problem = f"cannot send audio to {target[0]}:{target[1]}: {error.strerror or error}"
        self.result.returned = len(trips)
        self.result.round_trip = sorted(trips)[len(trips) // 2] if trips else 0.0
        self.done.set()

    def _listen(self, sent: dict[bytes, float], trips: list[float], *, until: float) -> None:
        while (left := until - time.monotonic()) > 0:
            if select.select([self._rtp], [], [], left)[0]:
                at = sent.pop(self._rtp.recv(2048)[12:], None)
                if at is not None:
                    trips.append(time.monotonic() - at)

    def _reply(self, request: str, peer: tuple[str, int], status: str, sdp: str = "") -> None:
        lines = request.split("\r\n")
        kept = [one for one in lines if one.split(":")[0].lower() in ("via", "from", "call-id", "cseq", "record-route")]
        to = next((one for one in lines if one.lower().startswith("to:")), "To: <sip:doctor>")
        if ";tag=" not in to:
            to += ";tag=doctor"
        kind = ["Content-Type: application/sdp"] if sdp else []
        head = [f"SIP/2.0 {status}", *kept, to, f"Contact: <{self.uri}>", *kind, f"Content-Length: {len(sdp)}"]
        self._sip.sendto(("\r\n".join(head) + "\r\n\r\n" + sdp).encode(), peer)


def _udp(address: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((address, 0))
    return made


def address_towards(host: str, port: int) -> str:
    """Our own address on the way to a host. Raises OSError where there is no way."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, port))
        return str(probe.getsockname()[0])
