"""The doctor's look at Asterisk itself: what our user may do and is told, what is loaded, what time it is."""

from __future__ import annotations

import time
from functools import partial

from telephony.pbx.doctor_finding import Finding
from telephony.pbx.doctor_manager import ManagerLine
from telephony.pbx.doctor_probe import probe

EVENTS_WITHIN = 2.0
"""Seconds for the events of a call that ends at once; milliseconds are usual."""

CLOCK_LIMIT = 1.0
"""Seconds the two clocks may differ: the flight recorder's times are Asterisk's, the service's its own."""

_RIGHTS: tuple[tuple[str, dict[str, str], str], ...] = (
    ("Getvar", {"Variable": "EPOCH"}, "call"),
    ("Redirect", {"Channel": "pd/none", "Context": "pd-agent", "Exten": "hold", "Priority": "1"}, "call"),
    ("Hangup", {"Channel": "pd/none"}, "call"),
    ("MixMonitorMute", {"Channel": "pd/none", "Direction": "both", "State": "1"}, "call"),
    ("Originate", {"Channel": "", "Async": "true"}, "originate"),
    ("CoreShowChannels", {}, "reporting"),
    ("DBGetTree", {"Family": "pd-legs"}, "reporting"),
)

_EVENTS = (("FullyBooted", "system"), ("Newchannel", "call"), ("Hangup", "call"), ("UserEvent", "user"))

_EXTENSIONS = (
    ("pd-agent", "hold"),
    ("pd-agent", "ringing"),
    ("pd-customer", "answered"),
    ("pd-customer", "message"),
    ("pd-listen", "ear"),
    ("pd-listen", "spy"),
    ("pd-listen", "amd"),
    ("pd-listen", "both"),
    ("pd-listen", "tape"),
    ("pd-end", "s"),
    ("pd-forget", "s"),
    ("pd-probe", "event"),
    ("pd-probe", "fastagi"),
    ("pd-probe", "echo"),
)

_MODULES = (
    "chan_pjsip",
    "chan_audiosocket",
    "res_rtp_asterisk",
    "res_agi",
    "bridge_simple",
    "bridge_holding",
    "app_amd",
    "app_bridgewait",
    "app_chanspy",
    "app_dial",
    "app_echo",
    "app_exec",
    "app_mixmonitor",
    "app_originate",
    "app_playback",
    "app_playtones",
    "app_record",
    "app_senddtmf",
    "app_stack",
    "app_userevent",
    "res_tonedetect",
    "func_callerid",
    "func_channel",
    "func_db",
    "func_devstate",
    "func_global",
    "func_hangupcause",
    "func_logic",
    "func_strings",
    "func_timeout",
    "func_volume",
)


def rights(line: ManagerLine, username: str) -> Finding:
    """Are the orders of the service allowed? Tried on channels that do not exist."""
    refused: dict[str, str] = {}
    for action, fields, right in _RIGHTS:
        answer = line.ask({"Action": action, **fields})
        if "permission denied" in answer.get("Message", "").lower():
            refused[action] = right
    if refused:
        return Finding(
            name="rights",
            fact=f"{username} may not {', '.join(refused)}",
            remedy=f"add to its `write` in manager.conf: {', '.join(sorted(set(refused.values())))}",
        )
    return Finding(name="rights", fact=f"all {len(_RIGHTS)} kinds of order are allowed")


def dialplan(line: ManagerLine) -> Finding:
    """Is all of pd-extensions.conf there?"""
    missing = [
        f"{exten}@{context}"
        for context, exten in _EXTENSIONS
        if line.ask({"Action": "ShowDialPlan", "Context": context, "Extension": exten}).get("Response") == "Error"
    ]
    if missing:
        return Finding(
            name="dialplan",
            fact=f"missing: {', '.join(missing)}",
            remedy="add `#include pd-extensions.conf` to extensions.conf and `dialplan reload`; the manager user"
            " needs write = reporting",
        )
    return Finding(name="dialplan", fact="all contexts of pd-extensions.conf are loaded")


def modules(line: ManagerLine) -> Finding:
    """Is everything loaded that the dialplan uses?"""
    if line.value("IFMODULE(pbx_config.so)") != "1":
        return Finding(
            name="modules",
            fact="cannot be looked up without func_module.so",
            remedy="add `load => func_module.so` to modules.conf and run `module load func_module.so`",
        )
    missing = [f"{module}.so" for module in _MODULES if line.value(f"IFMODULE({module}.so)") != "1"]
    if missing:
        return Finding(
            name="modules",
            fact=f"not loaded: {', '.join(missing)}",
            remedy="add `load => ...` for each to modules.conf and restart Asterisk, or `module load` them",
        )
    return Finding(name="modules", fact=f"all {len(_MODULES)} that the dialplan needs are loaded")


def events(line: ManagerLine, username: str) -> Finding:
    """Are we told what a call does? The call goes to [pd-probe] and ends there."""
    probe(line, "event", {"Application": "Wait", "Data": "1"}, within=EVENTS_WITHIN)
    missing = [
        (name, right) for name, right in _EVENTS if line.wait(partial(_is_event, name), within=EVENTS_WITHIN) is None
    ]
    if missing:
        return Finding(
            name="events",
            fact=f"not told: {', '.join(name for name, _ in missing)}",
            remedy=f"add to `read` of {username} in manager.conf: {', '.join(sorted({r for _, r in missing}))}"
            "; its eventfilter lines must let these events through",
        )
    return Finding(name="events", fact="channels and user events are told")


def _is_event(name: str, event: dict[str, str]) -> bool:
    return event.get("Event") == name


def clock(line: ManagerLine) -> Finding:
    """Do the two machines agree on the time?"""
    before = time.time()
    told = line.value("STRFTIME(,,%s.%3q)")
    after = time.time()
    try:
        apart = float(told) - (before + after) / 2
    except ValueError:
        return Finding(name="clock", fact="Asterisk does not tell the time", remedy="load func_strings.so")
    if abs(apart) > CLOCK_LIMIT:
        way = "ahead of" if apart > 0 else "behind"
        return Finding(
            name="clock",
            fact=f"Asterisk's clock is {abs(apart):.1f} s {way} this machine's",
            remedy="let both machines take their time from NTP",
        )
    return Finding(name="clock", fact=f"{abs(apart) * 1000:.0f} ms between Asterisk and this machine")
