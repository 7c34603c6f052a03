"""Asterisk's AudioSocket as messages: one byte of kind, two of length, then so many bytes (res_audiosocket.c)."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from uuid import UUID

HEADER = 3

LONGEST = 3200
"""Bytes of a message at the most: 200 ms of sound, ten times what Asterisk sends at once."""

HANG_UP = bytes(HEADER)
"""The message that ends the listening channel; Asterisk needs no more than the end of the connection."""


class Kind(IntEnum):
    END = 0x00
    NAME = 0x01  # 16 bytes: the UUID of the channel
    DIGIT = 0x03
    SOUND = 0x10  # signed linear, 16 bits, little-endian, 8 kHz
    ERROR = 0xFF


_KINDS = frozenset(int(kind) for kind in Kind)


class AudioSocketError(Exception):
    """What came is not AudioSocket."""


class Messages:
    """Takes bytes in pieces as they come, and hands out whole messages."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> Iterator[tuple[Kind, bytes]]:
        """The messages that are complete by now; raises AudioSocketError for anything else."""
        data, at = self._rest + data, 0
        while len(data) - at >= HEADER:
            length = int.from_bytes(data[at + 1 : at + HEADER])
            if length > LONGEST or data[at] not in _KINDS:
                raise AudioSocketError(f"kind {data[at]:#04x}, length {length}")
            if len(data) - at < HEADER + length:
                break
            yield Kind(data[at]), data[at + HEADER : at + HEADER + length]
            at += HEADER + length
        self._rest = data[at:]


def name_of(payload: bytes) -> str:
    """The UUID that a connection names itself by; raises AudioSocketError for another length."""
    if len(payload) != 16:
        raise AudioSocketError(f"a name of {len(payload)} bytes")
    return str(UUID(bytes=payload))
