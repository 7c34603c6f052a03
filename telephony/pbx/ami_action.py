"""What may be written to Asterisk's manager interface: the check that stands before every byte.

A line ends with CR LF, but Asterisk also takes a bare LF for one (main/manager.c, get_input), and cuts a line at
NUL. So each of the three, anywhere in a name or a value, would let customer data become a header or a whole second
action; nothing is escaped or removed, the action is refused and the field named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from telephony.pbx.ami_message import AmiValueError

Action = Mapping[str, str | Sequence[str]]

# main/manager.c of Asterisk 22: `char inbuf[1025]`, one byte of it for the final NUL, the line's CR LF included.
# Tried on 22.10: a line of 1024 bytes is read, with one of 1025 the action is refused ("line too long").
LINE_LIMIT = 1024
# include/asterisk/manager.h, AST_MAX_MANHEADERS. Tried on 22.10: at 129 lines the action is refused, and what is left
# of it is read as the beginning of the next one.
HEADER_LIMIT = 128

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_FORBIDDEN = {"\r": "a carriage return", "\n": "a line feed", "\0": "a NUL"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedAction:
    """An action that went through `check_action`; the connection writes nothing else."""

    name: str
    fields: Mapping[str, str | list[str]]


def check_action(action: Action) -> CheckedAction:
    """A copy of the action that is safe to write.

    Names are letters, digits, `-` and `_`, unique in any case. Values are text, any UTF-8 but CR, LF and NUL, or
    several such texts for a repeated header. A line has at most 1024 bytes, the action at most 127 lines (one is
    kept for a generated ActionID).

    Raises AmiValueError, which names the field.
    """
    checked: dict[str, str | list[str]] = {}
    seen: set[str] = set()
    lines = 0
    for name, value in action.items():
        _check_name(name)
        if name.lower() in seen:
            raise AmiValueError(name, "given twice; repeat a header by a list of values")
        seen.add(name.lower())
        if isinstance(value, list | tuple):
            checked[name] = [_check_value(name, one) for one in value]
            lines += len(value)
        else:
            checked[name] = _check_value(name, value)
            lines += 1
    if lines >= HEADER_LIMIT:
        raise AmiValueError("Variable", f"{lines} headers, Asterisk reads {HEADER_LIMIT - 1}")
    return CheckedAction(name=_check_meaning({n.lower(): v for n, v in checked.items()}), fields=checked)


def quoted_variable(name: str, value: str) -> str:
    """`NAME="value"` for a Variable header of Originate: commas, quotes and backslashes of the value stay in it.

    Without the quotes Asterisk splits the header at commas and one value becomes several variables.
    """
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{name}="{escaped}"'


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise AmiValueError(ascii(name), "not a header name")


def _check_value(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise AmiValueError(name, f"text expected, got {type(value).__name__}")
    for character, word in _FORBIDDEN.items():
        if character in value:
            raise AmiValueError(name, f"contains {word}")
    try:
        length = len(f"{name}: {value}\r\n".encode())
    except UnicodeEncodeError:
        raise AmiValueError(name, "cannot be written as UTF-8") from None
    if length > LINE_LIMIT:
        raise AmiValueError(name, f"line of {length} bytes, Asterisk reads {LINE_LIMIT}")
    return value


def _check_meaning(fields: Mapping[str, str | list[str]]) -> str:
    action = fields.get("action")
    if not isinstance(action, str) or not action:
        raise AmiValueError("Action", "missing")
    action_id = fields.get("actionid", "-")
    if not isinstance(action_id, str) or not action_id:
        raise AmiValueError("ActionID", "one text expected")
    # Without Async Asterisk answers nothing at all on this connection until the call is answered or gone.
    if action.lower() == "originate" and str(fields.get("async", "")).lower() != "true":
        raise AmiValueError("Async", "an Originate needs Async: true, it would block the link otherwise")
    return action
