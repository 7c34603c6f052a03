"""How a supervisor is in a conversation."""

from __future__ import annotations

from enum import StrEnum


class MonitorMode(StrEnum):
    """`listen`: hears both and is heard by nobody; `whisper`: the agent hears them too; `barge`: both do."""

    LISTEN = "listen"
    WHISPER = "whisper"
    BARGE = "barge"
