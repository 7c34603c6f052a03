"""The doctor's own line to Asterisk's manager interface: pyst2, which shares no code with the service's link.

pyst2 waits without limits and answers by order, so each call runs in a thread that is given up after a while, and one
call is made at a time.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from asterisk import manager

T = TypeVar("T")
Fields = Mapping[str, str | Sequence[str]]

ANSWER_WITHIN = 5.0
"""Seconds for one action; Asterisk needs milliseconds, and 1 s on purpose to refuse a login."""


class ManagerTrouble(Exception):
    """Asterisk cannot be talked to; the text says in which way."""


class LoginRefused(ManagerTrouble):
    """Wrong user or secret."""


class ManagerLine:
    """One connection, logged in. Its methods raise ManagerTrouble when Asterisk says nothing or the line is gone."""

    def __init__(self, *, host: str, port: int, username: str, secret: str) -> None:
        self._news = threading.Condition()
        self._events: list[dict[str, str]] = []
        self._client = manager.Manager()
        self._client.register_event("*", self._note)
        try:
            _within(lambda: self._client.connect(host, port), f"no manager interface answers at {host}:{port}")
        except ManagerTrouble:
            raise
        except Exception as error:
            raise ManagerTrouble(f"cannot connect to {host}:{port}: {getattr(error, 'args', [error])[-1]}") from None
        self.title = str(self._client.title or "")
        answer = self.ask({"Action": "Login", "Username": username, "Secret": secret})
        if answer.get("Response") != "Success":
            self.close()
            raise LoginRefused(f"{host}:{port} does not let {username!r} in: {answer.get('Message', '')}")

    def ask(self, fields: Fields) -> dict[str, str]:
        """The first answer to an action."""
        for value in fields.values():
            for text in [value] if isinstance(value, str) else value:
                if set(text) & {"\r", "\n", "\0"}:
                    raise ManagerTrouble("a setting contains a line end, which cannot be sent to Asterisk")
        action: dict[str, Any] = {n: v if isinstance(v, str) else list(v) for n, v in fields.items()}
        try:
            message = _within(lambda: self._client.send_action(action), f"no answer to {fields['Action']}")
        except (manager.ManagerException, OSError, ValueError) as error:
            raise ManagerTrouble(f"the connection was lost at {fields['Action']}: {error}") from None
        return dict(message.headers)

    def value(self, expression: str) -> str:
        """A variable or dialplan function, without a channel; empty where Asterisk has none."""
        answer = self.ask({"Action": "Getvar", "Variable": expression})
        return answer.get("Value", "")

    def wait(self, wanted: Callable[[dict[str, str]], bool], *, within: float) -> dict[str, str] | None:
        """The first event that is wanted, of those that came or come; None after WITHIN seconds."""

        def found() -> dict[str, str] | None:
            return next((one for one in self._events if wanted(one)), None)

        with self._news:
            self._news.wait_for(lambda: found() is not None, timeout=within)
            return found()

    def close(self) -> None:
        # pyst2 says goodbye first, which fails in many ways where Asterisk has closed the line already.
        with contextlib.suppress(Exception):
            _within(self._client.close, "no answer to the logoff")

    def _note(self, event: Any, _: Any) -> None:
        with self._news:
            self._events.append(dict(event.headers))
            self._news.notify_all()


def _within(call: Callable[[], T], silence: str) -> T:
    """What a call that may block for ever returns or raises. Raises ManagerTrouble after ANSWER_WITHIN."""
    result: queue.Queue[tuple[T | None, Exception | None]] = queue.Queue()

    def run() -> None:
        try:
            result.put((call(), None))
        except Exception as error:
            result.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        value, error = result.get(timeout=ANSWER_WITHIN)
    except queue.Empty:
        raise ManagerTrouble(f"{silence} within {ANSWER_WITHIN:g} s") from None
    if error is not None:
        raise error
    return value  # type: ignore[return-value]  # pyst2 has no types
