"""The two sides of a FastAGI conversation as the doctor plays them: a listener, and a caller of the running service."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self

PATIENCE = 3.0


class FastAgiListener:
    """Stands in for a service that does not run: answers one kind of call, `ping`, on the service's port.

    Raises OSError where the address cannot be listened on.
    """

    def __init__(self, host: str, port: int) -> None:
        self.reached = False
        self._socket = socket.create_server((host, port))
        self._socket.settimeout(0.1)
        self._closing = False
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self._thread.join(PATIENCE)
        self._socket.close()

    def _serve(self) -> None:
        while not self._closing:
            try:
                connection, _ = self._socket.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(PATIENCE)
                try:
                    self.reached = b"\n\n" in _read_until(connection, b"\n\n")
                except OSError:
                    continue


def is_our_service(host: str, port: int) -> bool:
    """Whether the program that listens there answers `ping` as our service does."""
    try:
        with socket.create_connection((host, port), timeout=PATIENCE) as connection:
            connection.sendall(b"agi_network: yes\nagi_network_script: ping\nagi_request: agi://127.0.0.1/ping\n\n")
            asked = _read_until(connection, b"\n")
            connection.sendall(b"200 result=1\n")
    except OSError:
        return False
    return asked.startswith(b'SET VARIABLE "PD_PONG"')


def _read_until(connection: socket.socket, end: bytes) -> bytes:
    """What comes up to and with the end, at most 64 KiB or up to the close."""
    data = b""
    while end not in data and len(data) < 65536:
        more = connection.recv(4096)
        if not more:
            break
        data += more
    return data
