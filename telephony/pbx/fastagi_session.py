"""One question of the dialplan to the service: the AGI commands we use, their quoting and their answers.

Strict in both directions: an argument cannot end its line or its quotes, and an answer that is none of Asterisk's
ends the session. Answers are matched by order, so a command that got none makes the session unusable.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

# res/res_agi.c of Asterisk: AGI_BUF_LEN, 2048, the buffer for one command with its line feed and NUL.
COMMAND_LIMIT = 2048 - 2
# The usage text of a command has some 20 lines; beyond this the peer is no Asterisk.
USAGE_LINES = 100

_REPLY = re.compile(r"200 result=(-?\d+)(?: \((.*)\))? ?")
_FORBIDDEN = {"\r": "a carriage return", "\n": "a line feed", "\0": "a NUL"}


class AgiError(Exception):
    """Base of what an AGI session raises."""


class AgiHangup(AgiError):
    """The call or the connection is gone: nothing wrong, and a handler need not catch it."""


class AgiTimeout(AgiError):
    """Asterisk did not answer a command in time."""


class AgiProtocolError(AgiError):
    """Something that Asterisk does not say."""


class AgiRefused(AgiError):
    """Asterisk knows no such command (510), or not with these arguments (520)."""

    def __init__(self, code: int) -> None:
        super().__init__("510 unknown command" if code == 510 else "520 invalid arguments")
        self.code = code


class AgiValueError(AgiError, ValueError):
    """The caller's mistake: a text that cannot be an argument; nothing was written."""


class AgiSession:
    """One run of the dialplan's `AGI(agi://host/script,argument,...)`.

    `env` has all `agi_...` headers without that prefix; the more used ones have names. `hung_up` is true once
    Asterisk has told, with an answer, that the channel is hung up; variables and the database work even then.
    """

    def __init__(
        self,
        *,
        env: Mapping[str, str],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        command_deadline: float,
    ) -> None:
        self.env = env
        self.script = env.get("network_script", "").partition("?")[0]
        self.channel = env.get("channel", "")
        self.uniqueid = env.get("uniqueid", "")
        self.accountcode = env.get("accountcode", "")
        self.args = tuple(arguments(env))
        self.hung_up = False
        self._reader = reader
        self._writer = writer
        self._command_deadline = command_deadline
        self._in_step = True
        self._one_at_a_time = asyncio.Lock()

    async def set_variable(self, name: str, value: str) -> None:
        """Set a channel variable, or write a dialplan function such as `CHANNEL(language)`."""
        await self._command("SET VARIABLE", name, value)

    async def get_variable(self, name: str) -> str | None:
        """A channel variable or the result of a dialplan function; None where it is not set.

        Asterisk 22 gives at most its first 1023 bytes.
        """
        result, text = await self._command("GET VARIABLE", name)
        return text if result == "1" else None

    async def database_del(self, family: str, key: str) -> None:
        """Remove a row of Asterisk's database; Asterisk 22 does not tell whether there was one."""
        await self._command("DATABASE DEL", family, key)

    async def verbose(self, text: str) -> None:
        """Write a line to Asterisk's own console and log, at verbosity 1."""
        await self._command("VERBOSE", text, "1")

    async def _command(self, command: str, *words: str) -> tuple[str, str]:
        line = " ".join([command, *(quoted(word) for word in words)]).encode()
        if len(line) > COMMAND_LIMIT:
            raise AgiValueError(f"{command}: more than {COMMAND_LIMIT} bytes")
        async with self._one_at_a_time:
            if not self._in_step:
                raise AgiHangup("an earlier command of this session was not answered")
            self._in_step = False
            try:
                async with asyncio.timeout(self._command_deadline):
                    self._writer.write(line + b"\n")
                    await self._writer.drain()
                    answer = await self._answer()
            except TimeoutError:
                raise AgiTimeout(f"{command}: no answer within {self._command_deadline:g} s") from None
            except ConnectionError:
                raise AgiHangup("connection lost") from None
            self._in_step = True
        return _result(answer)

    async def _answer(self) -> str:
        """The line that answers a command; of a usage text its last one."""
        line = await self._line()
        if line.startswith("520-"):
            for _ in range(USAGE_LINES):
                if (line := await self._line()).startswith("520 "):
                    return line
            raise AgiProtocolError("a usage text without an end")
        if not line.startswith(("200 ", "510 ", "511 ", "520 ")):
            raise AgiProtocolError("not an answer of Asterisk")
        return line

    async def _line(self) -> str:
        """The next line that is not the notice of a hang-up, which may stand anywhere."""
        while (line := await read_until(self._reader, b"\n")) == "HANGUP":
            self.hung_up = True
        return line


def quoted(word: str) -> str:
    """A text as one argument of an AGI command. Raises AgiValueError for what cannot be in one."""
    for character, name in _FORBIDDEN.items():
        if character in word:
            raise AgiValueError(f"an argument contains {name}")
    try:
        word.encode()
    except UnicodeEncodeError:
        raise AgiValueError("an argument cannot be written as UTF-8") from None
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def arguments(env: Mapping[str, str]) -> list[str]:
    """The arguments behind the script's address, in their order."""
    found: list[str] = []
    while (value := env.get(f"arg_{len(found) + 1}")) is not None:
        found.append(value)
    return found


async def read_until(reader: asyncio.StreamReader, end: bytes) -> str:
    """The text before `end`. Raises AgiHangup at the end of the input, AgiProtocolError at the reader's limit."""
    try:
        text = await reader.readuntil(end)
    except (asyncio.IncompleteReadError, ConnectionError):
        raise AgiHangup("connection closed") from None
    except asyncio.LimitOverrunError:
        raise AgiProtocolError("line or header too long") from None
    return text[: -len(end)].decode("utf-8", "replace")


def _result(answer: str) -> tuple[str, str]:
    code = int(answer[:3])
    if code == 511:
        raise AgiHangup("this command needs a live channel")
    if code != 200:
        raise AgiRefused(code)
    match = _REPLY.fullmatch(answer)
    if match is None:
        raise AgiProtocolError("not an answer of Asterisk")
    return match[1], match[2] or ""
