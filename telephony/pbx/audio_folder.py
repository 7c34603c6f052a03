"""The folder that the service and Asterisk share: what one writes, the other reads.

The service writes messages that Asterisk plays; Asterisk writes recordings that the service reads and removes. The two
run as different users, so both folders belong to a group that both are in, and what is made inside inherits it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self

from telephony.settings import Settings

_MODE = 0o2770
"""For owner and group, nobody else; the leading 2 hands the group on to what is made inside."""

_NAMEABLE = re.compile(r"[A-Za-z0-9._/-]+")
"""In the dialplan's arguments and the manager's variables every other character may mean something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFolder:
    """`here`: as the service knows it; `there`: as Asterisk does, the same path or another."""

    here: Path
    there: PurePosixPath

    @property
    def messages(self) -> Path:
        """Written by the service, played by Asterisk."""
        return self.here / "messages"

    @property
    def recordings(self) -> Path:
        """Written by Asterisk, read and removed by the service."""
        return self.here / "recordings"

    def recording(self, name: str) -> Path:
        """The file of a recording by its id."""
        return self.recordings / f"{name}.wav"

    @classmethod
    def of(cls, settings: Settings) -> Self:
        here = settings.audio_dir.resolve()
        return cls(here=here, there=PurePosixPath(settings.pbx_audio_dir or here))

    def prepare(self) -> None:
        """Make what is missing. Raises OSError where that cannot be done, or where we may not write or remove."""
        for folder in (self.messages, self.recordings):
            if not folder.is_dir():
                folder.mkdir(parents=True)
                folder.chmod(_MODE)
            if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                raise PermissionError(13, "may not be read and written by this user", str(folder))

    def for_pbx(self, path: Path) -> str:
        """The name Asterisk knows a file or folder in here by. Raises ValueError for one that is not in here."""
        return str(self.there / path.relative_to(self.here))

    @property
    def nameable(self) -> bool:
        """Whether Asterisk can be told this folder's path."""
        return _NAMEABLE.fullmatch(str(self.there)) is not None
