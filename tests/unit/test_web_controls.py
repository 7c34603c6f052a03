"""What is done in a call, over the API: it reaches the dialer as it was meant, and nothing else does."""

from __future__ import annotations

from typing import Any

import pytest

from telephony.model.ids import new_id
from tests.support.office import Office

pytestmark = pytest.mark.unit


async def test_hold_mute_and_digits(office: Office) -> None:
    agent, ann, call = await office.agent(), office.acme.agent_id, new_id()
    for path, body in (("hold", {"held": True}), ("mute", {"muted": False}), ("dtmf", {"digits": "09A*#"})):
        assert (await agent("POST", f"/api/v1/calls/{call}/{path}", body)).status == 204
    assert office.floor.asked == [
        ("hold", ann, call, True),
        ("mute", ann, call, False),
        ("dtmf", ann, call, "09A*#"),
    ]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("hold", {}),
        ("hold", {"held": "perhaps"}),
        ("mute", {"muted": None}),
        ("dtmf", {"digits": ""}),
        ("dtmf", {"digits": "1" * 33}),
        ("dtmf", {"digits": "1,2"}),
        ("dtmf", {"digits": "1\r\nAction: Logoff"}),
    ],
)
async def test_what_makes_no_sense_is_refused(office: Office, path: str, body: dict[str, Any]) -> None:
    agent = await office.agent()
    refused = await agent("POST", f"/api/v1/calls/{new_id()}/{path}", body)
    assert refused.code == "INVALID"
    assert office.floor.asked == []
