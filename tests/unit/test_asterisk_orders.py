"""What the switchboard writes to Asterisk, and what it refuses to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telephony.model.campaign import Amd
from telephony.pbx import asterisk_orders as orders
from telephony.pbx.ami_action import check_action
from telephony.pbx.port import AgentCall, CustomerCall, DirectCall, OrderRefused

pytestmark = pytest.mark.unit

AGENT = "0197a000-0000-7000-8000-00000000000a"
LEG = "0197a000-0000-7000-8000-00000000000c"
RESERVATION = AgentCall(leg=AGENT, phone="alice", ring_limit=18, caller_name='Spring "25"')
CALL = CustomerCall(
    leg=LEG,
    agent_leg=AGENT,
    dial="PJSIP/+12025550100@carrier",
    ring_limit=32,
    caller_id="+12025550199",
    amd=Amd.INLINE,
    amd_arguments="2500,1500",
    abandon_sound="/srv/messages/sorry",
)


def test_a_customers_call_is_one_originate_with_the_leg_as_its_only_name() -> None:
    action = orders.call_customer(CALL, fastagi="10.0.0.5:4573")
    assert action == {
        "Action": "Originate",
        "ActionID": LEG,
        "ChannelId": LEG,
        "Account": LEG,
        "Channel": "PJSIP/+12025550100@carrier",
        "Context": "pd-customer",
        "Exten": "answered",
        "Priority": "1",
        "Timeout": "32000",
        "Async": "true",
        "CallerID": "<+12025550199>",
        "Variable": [
            f'LEG="{LEG}"',
            'PD_FASTAGI="10.0.0.5:4573"',
            'CHANNEL(hangup_handler_push)="pd-end,s,1"',
            f'PD_AGENT="{AGENT}"',
            'PD_AMD="inline"',
            'PD_AMD_ARGS="2500,1500"',
            'PD_ABANDON="/srv/messages/sorry"',
            'PD_RECORD=""',
        ],
    }
    check_action(action)


@pytest.mark.parametrize("file", ["call.wav", "/srv/x.wav,b,rm", "/srv/x.sh", "/srv/${SHELL(id)}.wav", "/a|b.wav"])
def test_a_file_that_could_mean_more_is_refused(file: str) -> None:
    with pytest.raises(OrderRefused, match="file"):
        orders.record(LEG, AGENT, file)
    with pytest.raises(OrderRefused, match="recording"):
        orders.direct_variables(
            DirectCall(leg=LEG, agent_leg=AGENT, dial="PJSIP/1@carrier", ring_limit=30, recording=file)
        )


def test_the_reservation_call_names_the_campaign_and_nothing_else() -> None:
    action = orders.ring_agent(RESERVATION, fastagi="h:1", auto_answer=False)
    assert action["Channel"] == "PJSIP/alice"
    assert action["CallerID"] == '"Spring \\"25\\"" <>'
    assert (action["Context"], action["Exten"], action["Timeout"]) == ("pd-agent", "hold", "18000")
    assert len(action["Variable"]) == 3
    check_action(action)


def test_auto_answer_headers_are_a_setting() -> None:
    headers = orders.ring_agent(RESERVATION, fastagi="h:1", auto_answer=True)["Variable"][3:]
    assert headers == [
        'PJSIP_HEADER(add,Call-Info)="<sip:pbx>;answer-after=0"',
        'PJSIP_HEADER(add,Alert-Info)="<http://pbx>;info=alert-autoanswer;delay=0"',
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("leg", "x"),
        ("leg", LEG.upper()),
        ("leg", LEG + "\n"),
        ("agent_leg", "PJSIP/alice-00000001"),
        ("dial", ""),
        ("dial", "PJSIP/1@a&PJSIP/2@a"),
        ("dial", "PJSIP/1@a\r\nAction: Logoff"),
        ("dial", "PJSIP/${SHELL(id)}@a"),
        ("dial", "Local/1@default"),
        ("dial", "SIP/1@a"),
        ("caller_id", "Mallory <1>"),
        ("caller_id", '1" <2'),
        ("amd_arguments", "2500,1500)"),
        ("abandon_sound", "a&b"),
        ("abandon_sound", "a,noanswer"),
        ("abandon_sound", "${EXTEN}"),
        ("ring_limit", 0),
        ("ring_limit", 601),
    ],
)
def test_a_value_that_could_mean_more_than_itself_is_refused_by_its_field(field: str, value: object) -> None:
    with pytest.raises(OrderRefused) as refusal:
        orders.call_customer(replace(CALL, **{field: value}), fastagi="h:1")  # type: ignore[arg-type]
    assert str(refusal.value).startswith(f"{field}: ")
    assert str(value) not in str(refusal.value) or str(value) in ("", "0", "x")


def test_a_page_is_told_to_answer_and_which_leg_it_is() -> None:
    call = replace(RESERVATION, in_browser=True)
    headers = orders.ring_agent(call, fastagi="h:1", auto_answer=False)["Variable"][3:]
    assert headers == [*orders.AUTO_ANSWER, f'PJSIP_HEADER(add,X-Reservation)="{AGENT}"']


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("phone", "alice&PJSIP/bob"),
        ("phone", "alice/sip:x@y"),
        ("phone", ""),
        ("caller_name", "a\r\nAction: Logoff"),
        ("caller_name", "a\0"),
        ("caller_name", "n" * 81),
    ],
)
def test_a_reservation_call_with_a_wrong_value_is_refused(field: str, value: str) -> None:
    call = replace(RESERVATION, **{field: value})  # type: ignore[arg-type]
    with pytest.raises(OrderRefused, match=f"^{field}: "):
        orders.ring_agent(call, fastagi="h:1", auto_answer=False)


@pytest.mark.parametrize("make", [orders.hang_up, lambda leg: orders.send_to(leg, "hold")])
def test_only_a_leg_can_be_sent_or_ended(make: object) -> None:
    with pytest.raises(OrderRefused):
        make("/PJSIP.*/")  # type: ignore[operator]  # AMI's Hangup would take a pattern and end every call


@pytest.mark.parametrize(
    ("channel", "asked"),
    [
        ("PJSIP/alice", "DEVICE_STATE(PJSIP/alice)"),
        ("PJSIP/+12025550100@carrier", "DEVICE_STATE(PJSIP/carrier)"),
        ("PJSIP/carrier/sip:+12025550100@198.51.100.1", "DEVICE_STATE(PJSIP/carrier)"),
    ],
)
def test_the_endpoint_of_a_dial_string(channel: str, asked: str) -> None:
    assert orders.device_state(channel) == {"Action": "Getvar", "Variable": asked}
