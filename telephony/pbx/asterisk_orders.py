"""The AMI actions of the dialer's orders, made from checked values only, and what their failure means to the dialer.

What an order carries comes from the database, and there from people: a value that could mean more to Asterisk than
itself (a second channel, a function, an option) is refused here by what it may be, not by what it must not.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from telephony.model.campaign import Amd
from telephony.model.monitoring import MonitorMode
from telephony.pbx.ami import Action, AmiNotSent, AmiRefused, AmiUnsettled, AmiValueError, quoted_variable
from telephony.pbx.asterisk_book import LEG_ID, MONITOR
from telephony.pbx.asterisk_survey import FAMILY
from telephony.pbx.port import (
    AgentCall,
    CustomerCall,
    DirectCall,
    MonitorCall,
    OrderRefused,
    OrderUnsettled,
    PbxUnreachable,
    ThirdCall,
    UnknownLeg,
)

# `&` would dial several at once, `,` and `|` are read as further arguments.
_DIAL = re.compile(r"PJSIP/[A-Za-z0-9_.:@/+*#-]{1,200}")
_UNIQUEID = re.compile(r"[A-Za-z0-9.-]{1,80}")
_PHONE = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_CALLER_ID = re.compile(r"\+?[0-9]{0,20}")
_AMD_ARGUMENTS = re.compile(r"[0-9,]{0,100}")
_SOUND = re.compile(r"[A-Za-z0-9_./-]{0,250}")
_FILE = re.compile(r"(?:/[A-Za-z0-9_./-]{1,245}\.wav)?")
_DIGITS = re.compile(r"[0-9A-D*#]{1,32}")
_NAME_LIMIT = 80
_RING_LIMIT_MAX = 600

# Asterisk's own limit for connecting is 2 s.
LISTEN_WITHIN = 3.0

# The two notations in use; a phone that knows neither ignores them.
AUTO_ANSWER = (
    quoted_variable("PJSIP_HEADER(add,Call-Info)", "<sip:pbx>;answer-after=0"),
    quoted_variable("PJSIP_HEADER(add,Alert-Info)", "<http://pbx>;info=alert-autoanswer;delay=0"),
)


def ring_agent(call: AgentCall, *, fastagi: str, auto_answer: bool) -> Action:
    """The reservation call; nothing of a customer is in it. Raises OrderRefused for a value that cannot be sent."""
    _check("phone", call.phone, _PHONE)
    name = _quoted_name(call.caller_name)
    return {
        **_originate(call.leg, f"PJSIP/{call.phone}", call.ring_limit, "pd-agent", "hold"),
        **({"CallerID": f"{name} <>"} if name else {}),
        "Variable": [
            *_variables(call.leg, fastagi),
            *_answered_by_itself(call.leg, auto_answer=auto_answer, in_browser=call.in_browser),
        ],
    }


def call_customer(call: CustomerCall, *, fastagi: str) -> Action:
    """A customer's leg. Raises OrderRefused for a value that cannot be sent."""
    _check("agent_leg", call.agent_leg, LEG_ID)
    _check("dial", call.dial, _DIAL)
    _check("caller_id", call.caller_id, _CALLER_ID)
    _check("amd_arguments", call.amd_arguments, _AMD_ARGUMENTS)
    _check("abandon_sound", call.abandon_sound, _SOUND)
    _check("recording", call.recording, _FILE)
    return {
        **_originate(call.leg, call.dial, call.ring_limit, "pd-customer", "answered"),
        **({"CallerID": f"<{call.caller_id}>"} if call.caller_id else {}),
        "Variable": [
            *_variables(call.leg, fastagi),
            quoted_variable("PD_AGENT", call.agent_leg),
            quoted_variable("PD_AMD", Amd(call.amd).value),
            quoted_variable("PD_AMD_ARGS", call.amd_arguments),
            quoted_variable("PD_ABANDON", call.abandon_sound),
            quoted_variable("PD_RECORD", call.recording),
            *((quoted_variable("PD_KEEP", "1"),) if call.keep else ()),
        ],
    }


def direct_variables(call: DirectCall) -> dict[str, str]:
    """What the script `dial` sets on the agent's leg. Raises OrderRefused for a value that cannot be sent."""
    _check("leg", call.leg, LEG_ID)
    _check("agent_leg", call.agent_leg, LEG_ID)
    _check("dial", call.dial, _DIAL)
    _check("caller_id", call.caller_id, _CALLER_ID)
    _check("recording", call.recording, _FILE)
    _check_ring_limit(call.ring_limit)
    return {
        "PD_RECORD": call.recording,
        "PD_KEEP": "1" if call.keep else "",
        "PD_TARGET": call.dial,
        "PD_RING": str(call.ring_limit),
        "PD_LEG": call.leg,
        "CALLERID(num)": call.caller_id,  # also where it is none: the line may have served another campaign
    }


def send_to(leg: str, exten: str, *, context: str = "pd-agent") -> Action:
    """Another extension of [pd-agent] for an agent's leg, or of its own context for another one."""
    _check("leg", leg, LEG_ID)
    return {"Action": "Redirect", "Channel": leg, "Context": context, "Exten": exten, "Priority": "1"}


def listen(leg: str, channel: str, *, address: str, name: str) -> Action:
    """One more channel that spies on this leg's `channel` and brings its sound to the ears as connection `name`."""
    _check("leg", leg, LEG_ID)
    _check("channel", channel, _UNIQUEID)
    return {
        "Action": "Originate",
        "Channel": f"AudioSocket/{address}/{name}",
        "Codecs": "slin",
        "Account": f"listen-{leg}",
        "Context": "pd-listen",
        "Exten": "ear",
        "Priority": "1",
        "Timeout": str(round(LISTEN_WITHIN * 1000)),
        "Async": "true",
        "Variable": [quoted_variable("PD_SPY", channel)],
    }


def send_customer_to(channel: str, exten: str) -> Action:
    """An extension of [pd-customer] for a customer's leg, by its id or its channel's Uniqueid."""
    _check("leg", channel, _UNIQUEID)
    return {"Action": "Redirect", "Channel": channel, "Context": "pd-customer", "Exten": exten, "Priority": "1"}


def set_message(channel: str, sound: str) -> Action:
    """What a customer's leg will hear. Raises OrderRefused for a value that cannot be sent."""
    _check("leg", channel, _UNIQUEID)
    _check("sound", sound, _SOUND)
    return {"Action": "Setvar", "Channel": channel, "Variable": "PD_MESSAGE", "Value": sound}


def call_third(call: ThirdCall, *, fastagi: str) -> Action:
    """A third party's leg. Raises OrderRefused for a value that cannot be sent."""
    _check("dial", call.dial, _DIAL)
    _check("caller_id", call.caller_id, _CALLER_ID)
    name = _quoted_name(call.caller_name)
    shown = {"CallerID": f"{name} <{call.caller_id}>".strip()} if name or call.caller_id else {}
    return {
        **_originate(call.leg, call.dial, call.ring_limit, "pd-third", "hold"),
        **shown,
        "Variable": _variables(call.leg, fastagi),
    }


def monitor(call: MonitorCall, *, fastagi: str, auto_answer: bool) -> Action:
    """A supervisor's leg. Raises OrderRefused for a value that cannot be sent."""
    _check("phone", call.phone, _PHONE)
    _check("agent_leg", call.agent_leg, LEG_ID)
    return {
        **_originate(call.leg, f"PJSIP/{call.phone}", call.ring_limit, MONITOR, MonitorMode(call.mode).value),
        "Variable": [
            *_variables(call.leg, fastagi),
            quoted_variable("PD_SPY", call.agent_leg),
            *_answered_by_itself(call.leg, auto_answer=auto_answer, in_browser=call.in_browser),
        ],
    }


def no_limit(leg: str) -> Action:
    """A third party that is joined now is not ended for having waited too long."""
    _check("leg", leg, LEG_ID)
    return {"Action": "Setvar", "Channel": leg, "Variable": "TIMEOUT(absolute)", "Value": "0"}


def set_partner(channel: str, agent_leg: str) -> Action:
    """Whom a customer's leg is joined to next."""
    _check("leg", channel, _UNIQUEID)
    _check("agent_leg", agent_leg, LEG_ID)
    return {"Action": "Setvar", "Channel": channel, "Variable": "PD_AGENT", "Value": agent_leg}


def mute(leg: str, *, muted: bool) -> Action:
    """What this leg's phone says becomes silence, by a divisor that leaves nothing, or is let through as it is.

    Not MUTEAUDIO(), nor the action MuteAudio, which would need the right `system`: they drop the frames, and a line
    without packets is one that some carriers and phones end.
    """
    _check("leg", leg, LEG_ID)
    return {"Action": "Setvar", "Channel": leg, "Variable": "VOLUME(RX)", "Value": "-32767" if muted else "0"}


def send_digits(channel: str, digits: str, *, name: str) -> Action:
    """A channel without a telephone that sends digits on another one, and tells [pd-keys]'s event `name`.

    Its two halves are in no count of the cell: they carry no sound and end with the last digit, 0.22 s each, and for a
    leg one order at a time is carried out.
    """
    _check("leg", channel, _UNIQUEID)
    _check("digits", digits, _DIGITS)
    return {
        "Action": "Originate",
        "Channel": "Local/s@pd-keys/n",
        "Application": "Wait",
        "Data": "1",
        "Timeout": "10000",
        "Async": "true",
        "Variable": [
            quoted_variable("PD_KEYS", digits),
            quoted_variable("PD_KEYS_TO", channel),
            quoted_variable("PD_KEYS_ID", name),
        ],
    }


def hang_up(leg: str) -> Action:
    """The end of a leg, by its id or its channel's Uniqueid."""
    _check("leg", leg, _UNIQUEID)
    return {"Action": "Hangup", "Channel": leg}


def record(channel: str, tape: str, file: str) -> Action:
    """A listening pair of channels whose one half records: the action MixMonitor would need the right `system`."""
    _check("channel", channel, _UNIQUEID)
    _check("tape", tape, LEG_ID)
    _check("file", file, _FILE)
    return {
        "Action": "Originate",
        "ChannelId": tape,
        "OtherChannelId": f"{tape}-spy",
        "Account": f"tape-{tape}",
        "Channel": "Local/both@pd-listen/n",
        "Context": "pd-listen",
        "Exten": "tape",
        "Priority": "1",
        "Async": "true",
        "Variable": [quoted_variable("PD_SPY", channel), quoted_variable("PD_TAPE", file)],
    }


def pause_recording(leg: str, *, paused: bool) -> Action:
    """Silence in both directions of what is recorded; the two who talk notice nothing."""
    _check("leg", leg, _UNIQUEID)
    return {"Action": "MixMonitorMute", "Channel": leg, "Direction": "both", "State": "1" if paused else "0"}


def try_recording(file: str, probe: str) -> Action:
    """A channel without a telephone that records another one's tone, and tells [pd-probe]'s event `probe`."""
    _check("file", file, _FILE)
    return {
        "Action": "Originate",
        "Channel": "Local/record@pd-probe/n",
        "Context": "pd-probe",
        "Exten": "tone",
        "Priority": "1",
        "Async": "true",
        "Variable": [quoted_variable("PD_PROBE", probe), quoted_variable("PD_PROBE_FILE", file.removesuffix(".wav"))],
    }


def device_state(channel: str) -> Action:
    """The question whether the endpoint of a dial string is there: INVALID means no such, UNAVAILABLE no contact."""
    # As chan_pjsip reads it: PJSIP/endpoint, PJSIP/endpoint/sip:user@host or PJSIP/user@endpoint.
    technology, _, rest = channel.partition("/")
    endpoint, slash, _ = rest.partition("/")
    if not slash:
        endpoint = rest.rpartition("@")[2]
    return {"Action": "Getvar", "Variable": f"DEVICE_STATE({technology}/{endpoint})"}


def own_name(leg: str) -> Action:
    """A question that only a leg with a channel answers. Raises OrderRefused for what is no leg."""
    _check("leg", leg, LEG_ID)
    return {"Action": "Getvar", "Channel": leg, "Variable": "LEG"}


def has_recorded_end(leg: str) -> Action:
    """The question whether the flight recorder has a leg: 1 or 0. (`DB` itself reads as empty without a channel.)"""
    _check("leg", leg, LEG_ID)
    return {"Action": "Getvar", "Variable": f"DB_EXISTS({FAMILY}/{leg})"}


def phone_state(phone: str) -> Action:
    """The same question about an agent's phone. Raises OrderRefused for a value that cannot be sent."""
    _check("phone", phone, _PHONE)
    return device_state(f"PJSIP/{phone}")


def clear_recorder(batch: str, *, fastagi: str, limit: float) -> Action:
    """A channel without a telephone that asks our script `forget`, for at most `limit` seconds."""
    return {
        "Action": "Originate",
        "Channel": "Local/s@pd-forget/n",
        "Application": "Wait",
        "Data": "1",
        "Timeout": str(round(limit * 1000)),
        "Async": "true",
        "Variable": [quoted_variable("PD_FASTAGI", fastagi), quoted_variable("PD_BATCH", batch)],
    }


_NO_CHANNEL = ("No such channel", "Channel does not exist")
"""How Asterisk says that a channel is gone."""

NOT_UP = "Redirect failed, channel not up"
"""What it says of one that is just being hung up, and of one that is still on its way from the Redirect before."""


@asynccontextmanager
async def port_errors() -> AsyncIterator[None]:
    """The link's errors as the port's."""
    try:
        yield
    except AmiValueError as error:
        raise OrderRefused(str(error)) from None
    except AmiNotSent as error:
        raise PbxUnreachable(str(error)) from None
    except AmiUnsettled as error:
        raise OrderUnsettled(str(error)) from None
    except AmiRefused as error:
        if error.reason.startswith(_NO_CHANNEL):
            raise UnknownLeg(str(error)) from None
        raise OrderRefused(str(error)) from None


def _answered_by_itself(leg: str, *, auto_answer: bool, in_browser: bool) -> list[str]:
    """Headers for desk phones; our own page is told the leg too."""
    return [
        *(AUTO_ANSWER if auto_answer or in_browser else ()),
        *((quoted_variable("PJSIP_HEADER(add,X-Reservation)", leg),) if in_browser else ()),
    ]


def _quoted_name(name: str) -> str:
    if len(name) > _NAME_LIMIT or not name.isprintable():
        raise OrderRefused(f"caller_name: printable, at most {_NAME_LIMIT} characters")
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if name else ""


def _originate(leg: str, channel: str, ring_limit: int, context: str, exten: str) -> dict[str, str | Sequence[str]]:
    _check("leg", leg, LEG_ID)
    _check_ring_limit(ring_limit)
    return {
        "Action": "Originate",
        "ActionID": leg,
        "ChannelId": leg,
        "Account": leg,
        "Channel": channel,
        "Context": context,
        "Exten": exten,
        "Priority": "1",
        "Timeout": str(ring_limit * 1000),
        "Async": "true",
    }


def _variables(leg: str, fastagi: str) -> list[str]:
    return [
        quoted_variable("LEG", leg),
        quoted_variable("PD_FASTAGI", fastagi),
        quoted_variable("CHANNEL(hangup_handler_push)", "pd-end,s,1"),
    ]


def _check_ring_limit(ring_limit: int) -> None:
    if not 1 <= ring_limit <= _RING_LIMIT_MAX:
        raise OrderRefused(f"ring_limit: 1 to {_RING_LIMIT_MAX} s")


def _check(field: str, value: str, pattern: re.Pattern[str]) -> None:
    # The value may be a customer's number: the message names the field only.
    if not pattern.fullmatch(value):
        raise OrderRefused(f"{field}: not a value that Asterisk may be given")
