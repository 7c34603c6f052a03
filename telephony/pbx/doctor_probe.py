"""The doctor's calls: to [pd-probe] of our dialplan, which tells by a user event how it went."""

from __future__ import annotations

import secrets

from telephony.pbx.doctor_manager import ManagerLine

PROBE_WITHIN = 8.0
"""Seconds for a call to [pd-probe]; its own time limit there is 5 s for FastAGI and 10 s for the others."""


def probe(
    line: ManagerLine, exten: str, other_side: dict[str, str], *, within: float = PROBE_WITHIN, **variables: str
) -> str:
    """The status that an extension of [pd-probe] told; empty where it told nothing."""
    name = secrets.token_hex(8)
    variables["PD_PROBE"] = name
    originate(line, f"Local/{exten}@pd-probe/n", other_side, variables)
    return told(line, name, within=within)


def told(line: ManagerLine, name: str, *, within: float) -> str:
    """The status that [pd-probe] told of the probe of this name; empty where it told nothing."""
    event = line.wait(lambda event: event.get("UserEvent") == "PdProbe" and event.get("Id") == name, within=within)
    return event.get("Status", "") if event else ""


def originate(line: ManagerLine, channel: str, target: dict[str, str], variables: dict[str, str] | None = None) -> None:
    line.ask(
        {
            "Action": "Originate",
            "Channel": channel,
            **target,
            "Timeout": str(round(PROBE_WITHIN * 1000)),
            "Async": "true",
            "Variable": [f"{name}={value}" for name, value in (variables or {}).items()],
        }
    )
