"""The doctor's look at the way by which the sound of calls comes to the service's ears."""

from __future__ import annotations

import errno
import secrets
import socket
from uuid import uuid4

from telephony.ears.audiosocket import HEADER
from telephony.pbx.doctor_finding import Finding
from telephony.pbx.doctor_manager import ManagerLine
from telephony.pbx.doctor_probe import originate, told

REACHED_WITHIN = 3.0
"""Seconds; Asterisk gives up connecting after 2."""

_NAME = 16  # bytes of a UUID


def ears(line: ManagerLine, host: str, port: int, address: str) -> Finding:
    """Can Asterisk reach the ears: those of the running service, or a socket of ours in their place?"""
    try:
        with socket.create_server((host, port)) as standing_in:
            standing_in.settimeout(REACHED_WITHIN)
            if _connects(line, address, standing_in):
                return Finding(name="ears", fact=f"Asterisk reached {address}, where the ears will be")
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            return Finding(
                name="ears",
                fact=f"cannot listen on {host}:{port}: {error.strerror}",
                remedy="make ears.host an address of this machine, or 0.0.0.0",
            )
        if _connects(line, address):
            return Finding(name="ears", fact=f"Asterisk reached what listens at {address}")
    return Finding(
        name="ears",
        fact=f"Asterisk cannot reach {address}: no beep will be heard",
        remedy="set ears.advertise to host:port of this service as Asterisk sees it, listen on an address that"
        " Asterisk can reach (ears.host), and open that port in the firewall",
    )


def _connects(line: ManagerLine, address: str, standing_in: socket.socket | None = None) -> bool:
    """Whether an AudioSocket channel to this address comes to be; with a socket of ours, also whether it ends there."""
    probe, name = secrets.token_hex(8), uuid4()
    target = {"Context": "pd-probe", "Exten": "event", "Priority": "1"}
    originate(line, f"AudioSocket/{address}/{name}", target, {"PD_PROBE": probe})
    if not told(line, probe, within=REACHED_WITHIN):
        return False
    if standing_in is None:
        return True
    try:
        connection, _ = standing_in.accept()
        with connection:
            connection.settimeout(REACHED_WITHIN)
            return connection.recv(HEADER + _NAME, socket.MSG_WAITALL).endswith(name.bytes)
    except TimeoutError:
        return False
