"""The doctor's look at the way of phones in the browser: Asterisk's modules, its WebSocket, the agents' passwords.

It asks as a browser would, over a socket of its own: whether the WebSocket takes the sub-protocol `sip`, and whether an
agent's password is right. That is asked by a REGISTER without a contact, which changes nothing (RFC 3261, 10.2.3).
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import secrets
import socket
from collections.abc import Sequence

from telephony.model.browser_phone import endpoint_of, password_of
from telephony.pbx.doctor_finding import Finding
from telephony.pbx.doctor_manager import ManagerLine

ANSWERS_WITHIN = 3.0
"""Seconds for each answer; milliseconds are usual."""

_NAME = "browser phones"
_MODULES = ("res_http_websocket", "res_pjsip_transport_websocket", "res_srtp")
_TEXT, _CLOSE, _FINAL, _MASKED = 0x1, 0x8, 0x80, 0x80
_NORMAL = (1000).to_bytes(2, "big")
_LONGEST_REPLY = 16_384


def browser_phones(line: ManagerLine, host: str, port: int, secret: str, users: Sequence[str]) -> Finding:
    """Can an agent's browser be a phone? `users`: names of the agents, one of whose passwords is tried."""
    if not secret:
        return Finding(name=_NAME, fact="not set up (phones.secret is empty)")
    missing = [f"{module}.so" for module in _MODULES if line.value(f"IFMODULE({module}.so)") != "1"]
    if missing:
        return Finding(
            name=_NAME,
            fact=f"not loaded: {', '.join(missing)}",
            remedy="add `load => ...` for each to modules.conf and restart Asterisk",
        )
    endpoints = [endpoint_of(user) for user in users]
    known = [e for e in endpoints if e and line.value(f"DEVICE_STATE(PJSIP/{e})") not in ("INVALID", "")]
    if users and not known:
        return Finding(
            name=_NAME,
            fact=f"Asterisk has no endpoint for any of the {len(users)} agents, such as {endpoints[0]}",
            remedy="name the agents in PD_WEB_AGENTS for dialplan/render, and #include the result's pd-web.conf in"
            " pjsip.conf",
        )
    try:
        with socket.create_connection((host, port), timeout=ANSWERS_WITHIN) as connection:
            if not _upgraded(connection, host, port):
                return Finding(
                    name=_NAME,
                    fact=f"{host}:{port} takes no WebSocket with the sub-protocol sip at /ws",
                    remedy="make phones.host and phones.port those of Asterisk's http.conf, and load"
                    " res_pjsip_transport_websocket.so",
                )
            if known and not _lets_in(connection, known[0], password_of(secret, known[0])):
                return Finding(
                    name=_NAME,
                    fact=f"Asterisk does not take the password of {known[0]}",
                    remedy="make phones.secret the PD_WEB_SECRET that dialplan/render was given",
                )
            _say_goodbye(connection)
    except OSError as error:
        return Finding(
            name=_NAME,
            fact=f"Asterisk's HTTP server does not answer at {host}:{port}: {error.strerror or error}",
            remedy="make phones.host and phones.port those of http.conf (enabled = yes, bindaddr, bindport)",
        )
    return Finding(name=_NAME, fact=f"{host}:{port} takes them; {len(known)} of {len(users)} agents have one")


def _upgraded(connection: socket.socket, host: str, port: int) -> bool:
    """Whether the connection is a WebSocket for SIP now (RFC 6455, RFC 7118)."""
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sendall(
        f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: sip\r\n\r\n".encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n") and len(head) < _LONGEST_REPLY:
        if not (more := connection.recv(1)):  # byte by byte: what follows is frames
            break
        head += more
    return head.startswith(b"HTTP/1.1 101") and re.search(rb"(?mi)^Sec-WebSocket-Protocol: sip\r$", head) is not None


def _lets_in(connection: socket.socket, endpoint: str, password: str) -> bool:
    """Whether a question for this endpoint's registrations is answered with this password."""
    call = secrets.token_hex(8)
    challenge = _asked(connection, endpoint, call, 1, "")
    given = dict(re.findall(r'(\w+)="?([^",\r]+)', _header(challenge, "WWW-Authenticate")))
    if not {"realm", "nonce"} <= set(given):
        return False
    first = _md5(f"{endpoint}:{given['realm']}:{password}")
    second = _md5("REGISTER:sip:doctor.invalid")
    response = _md5(f"{first}:{given['nonce']}:00000001:{call}:auth:{second}")
    answer = _asked(
        connection,
        endpoint,
        call,
        2,
        f'Authorization: Digest username="{endpoint}", realm="{given["realm"]}", nonce="{given["nonce"]}", qop=auth,'
        f' uri="sip:doctor.invalid", nc=00000001, cnonce="{call}", algorithm=MD5, response="{response}"'
        + (f', opaque="{given["opaque"]}"' if "opaque" in given else "")
        + "\r\n",
    )
    return answer.startswith("SIP/2.0 200")


def _asked(connection: socket.socket, endpoint: str, call: str, number: int, further: str) -> str:
    _send(
        connection,
        "REGISTER sip:doctor.invalid SIP/2.0\r\n"
        f"Via: SIP/2.0/WS {call}.invalid;branch=z9hG4bK{call}{number}\r\n"
        f"From: <sip:{endpoint}@doctor.invalid>;tag={call}\r\nTo: <sip:{endpoint}@doctor.invalid>\r\n"
        f"Call-ID: {call}\r\nCSeq: {number} REGISTER\r\nMax-Forwards: 70\r\n{further}Content-Length: 0\r\n\r\n",
    )
    return _received(connection)


def _send(connection: socket.socket, text: str) -> None:
    payload, mask = text.encode(), os.urandom(4)
    head = bytes((_FINAL | _TEXT, _MASKED | 126)) + len(payload).to_bytes(2, "big")
    connection.sendall(head + mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload)))


def _say_goodbye(connection: socket.socket) -> None:
    """Close the WebSocket before its connection (RFC 6455, 7.1.2), or Asterisk logs a warning."""
    mask = bytes(4)
    connection.sendall(bytes((_FINAL | _CLOSE, _MASKED | len(_NORMAL))) + mask + _NORMAL)
    connection.recv(_LONGEST_REPLY)


def _received(connection: socket.socket) -> str:
    """One message; Asterisk sends each in one frame."""
    _, size = connection.recv(2, socket.MSG_WAITALL)
    if size == 126:
        size = int.from_bytes(connection.recv(2, socket.MSG_WAITALL), "big")
    return connection.recv(min(size, _LONGEST_REPLY), socket.MSG_WAITALL).decode(errors="replace")


def _header(message: str, name: str) -> str:
    found = re.search(rf"(?mi)^{name}:(.*)$", message)
    return found.group(1) if found else ""


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
