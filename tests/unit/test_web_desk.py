"""What the agent's page and a CRM ask for reaches the dialer as it was meant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from telephony.dialer.errors import DialerError, NoCapacity, NotFound, Refused
from telephony.dialer.preview import Pulled
from telephony.model.campaign import CampaignSettings, Mode
from telephony.model.ids import new_id
from telephony.model.reasons import Capacity, Refusal, Withdrawal
from telephony.store import schema
from telephony.store.due import numbers_of_contact
from telephony.store.work import Work
from tests.support.company import LONDON, take_in
from tests.support.office import Office

pytestmark = pytest.mark.unit


async def test_states_and_phone(office: Office) -> None:
    agent, ann = await office.agent(), office.acme.agent_id
    assert (await agent("PUT", "/api/v1/me/state", {"state": "available"})).status == 204
    assert (await agent("PUT", "/api/v1/me/state", {"state": "idle", "reason": "lunch"})).status == 204
    assert (await agent("PUT", "/api/v1/me/phone", {"phone": "agent-1"})).status == 204
    assert office.floor.asked == [
        ("state", ann, "available", None),
        ("state", ann, "idle", "lunch"),
        ("phone", ann, "agent-1"),
    ]


async def test_what_only_the_system_says_is_no_reason_of_an_agents_own(office: Office) -> None:
    agent = await office.agent()
    for reason in ("rona", "desktop_lost", "signed_in"):
        refused = await agent("PUT", "/api/v1/me/state", {"state": "idle", "reason": reason})
        assert (refused.code, refused.json["errors"][0]["field"]) == ("INVALID", "reason")
    assert office.floor.asked == []


@pytest.mark.parametrize("phone", ["", "a b", "PJSIP/1001", "1001\r\nAction: Logoff", "x" * 81, None, 1001])
async def test_a_phone_is_an_endpoints_name(office: Office, phone: object) -> None:
    agent = await office.agent()
    assert (await agent("PUT", "/api/v1/me/phone", {"phone": phone})).code == "INVALID"
    assert office.floor.asked == []


@pytest.mark.parametrize("action", ["accept", "skip", "remove", "leave"])
async def test_the_four_decisions(office: Office, action: str) -> None:
    agent, offer = await office.agent(), new_id()
    answer = await agent("POST", f"/api/v1/offers/{offer}/{action}")
    assert (answer.status, answer.json["offer"]) == (200, offer)
    assert office.floor.asked == [(action, office.acme.agent_id, offer)]


async def test_asking_for_a_contact_brings_the_offer_with_its_card(office: Office) -> None:
    agent, acme = await office.agent(), office.acme
    path = f"/api/v1/campaigns/{acme.campaign_id}/next"

    def show(conn: Connection) -> str:
        work = Work(conn, datetime.now(UTC))
        (contact,) = take_in(work, acme, {"external_id": "A1", "name": "Jo", "number": LONDON})
        number = numbers_of_contact(conn, contact)[0]
        offer = new_id()
        conn.execute(
            insert(schema.offers).values(
                id=offer, tenant_id=acme.tenant_id, cell_id=acme.cell_id, campaign_id=acme.campaign_id,
                agent_id=acme.agent_id, contact_id=contact, number_id=number.id, e164=LONDON, state="open",
                mode="preview", settings=CampaignSettings(mode=Mode.PREVIEW).model_dump(mode="json"), card={},
                opened_at=work.now, expires_at=work.now,
            )
        )  # fmt: skip
        return offer

    office.floor.pulled = Pulled(offer_id=await office.store.run(show))
    answer = await agent("POST", path)
    assert answer.status == 200
    shown = answer.json["offer"]
    assert (shown["card"]["name"], shown["mode"], shown["disabled_actions"]) == ("Jo", "preview", ["leave", "remove"])
    assert answer.json["next_due"] is None
    assert office.floor.asked == [("next", acme.agent_id, acme.campaign_id)]


async def test_asking_where_nothing_is_due_is_no_error(office: Office) -> None:
    agent = await office.agent()
    later = datetime(2030, 1, 1, 9, tzinfo=UTC)
    office.floor.pulled = Pulled(next_due=later)
    answer = await agent("POST", f"/api/v1/campaigns/{office.acme.campaign_id}/next")
    assert (answer.status, answer.json["offer"]) == (200, None)
    assert datetime.fromisoformat(answer.json["next_due"]) == later


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (Refused(Refusal.NOT_AVAILABLE), 409, "NOT_AVAILABLE"),
        (Refused(Refusal.PHONE_NOT_REGISTERED), 409, "PHONE_NOT_REGISTERED"),
        (DialerError(Withdrawal.CAMPAIGN_STOPPED), 409, "CAMPAIGN_STOPPED"),
        (NoCapacity(Capacity.TENANT_CALL_LIMIT, used=3, limit=3), 409, "TENANT_CALL_LIMIT"),
        (NotFound("campaign"), 404, "NOT_FOUND"),
    ],
)
async def test_asking_is_refused_with_the_reason(office: Office, refusal: Exception, status: int, code: str) -> None:
    agent = await office.agent()
    office.floor.refuse = refusal
    answer = await agent("POST", f"/api/v1/campaigns/{office.acme.campaign_id}/next")
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize("action", ["cancel", "hang-up", "voicemail-left"])
async def test_what_can_be_done_to_a_call(office: Office, action: str) -> None:
    agent, call = await office.agent(), new_id()
    assert (await agent("POST", f"/api/v1/calls/{call}/{action}")).status == 204
    assert office.floor.asked == [(action.replace("-", "_"), office.acme.agent_id, call)]


async def test_a_message_is_dropped_after_the_beep_or_now(office: Office) -> None:
    agent, call = await office.agent(), new_id()
    path = f"/api/v1/calls/{call}/drop-message"
    for body, when in (({}, "auto"), ({"when": "auto"}, "auto"), ({"when": "now"}, "now")):
        assert (await agent("POST", path, body)).status == 204
        assert office.floor.asked.pop() == ("drop_message", office.acme.agent_id, call, when)
    refused = await agent("POST", path, {"when": "later"})
    assert [one["field"] for one in refused.json["errors"]] == ["when"]
    assert office.floor.asked == []


async def test_wrap_up_with_a_callback(office: Office) -> None:
    agent, call = await office.agent(), new_id()
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    written = at.astimezone(timezone(timedelta(hours=2))).isoformat()
    body = {"disposition": "callback", "note": "after <b>five</b>", "callback": {"at": written, "mine": True}}
    assert (await agent("POST", f"/api/v1/calls/{call}/wrap-up", body)).status == 204
    assert office.floor.asked == [("wrap_up", office.acme.agent_id, call, "callback", "after <b>five</b>", at, True)]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"callback": {"at": "2020-01-01T00:00:00Z"}}, "callback.at"),
        ({"callback": {"at": "2190-01-01T00:00:00Z"}}, "callback.at"),
        ({"callback": {"at": "9999-12-31T23:59:59-12:00"}}, "callback.at"),
        ({"note": "a\0b"}, "note"),
    ],
)
async def test_a_callback_nobody_can_have_meant_is_refused(office: Office, change: dict[str, Any], field: str) -> None:
    agent = await office.agent()
    answer = await agent("POST", f"/api/v1/calls/{new_id()}/wrap-up", {"disposition": "callback", **change})
    assert [one["field"] for one in answer.json["errors"]] == [field]
    assert office.floor.asked == []


async def test_wrap_up_without_a_disposition_is_refused(office: Office) -> None:
    agent = await office.agent()
    answer = await agent("POST", f"/api/v1/calls/{new_id()}/wrap-up", {"note": "?"})
    assert [one["field"] for one in answer.json["errors"]] == ["disposition"]


async def test_a_disposition_the_campaign_does_not_have_is_named(office: Office) -> None:
    agent = await office.agent()
    office.floor.refuse = ValueError("disposition: 'nonsense' is not one of this campaign's: success, none")
    answer = await agent("POST", f"/api/v1/calls/{new_id()}/wrap-up", {"disposition": "nonsense"})
    assert (answer.status, answer.code) == (422, "INVALID")
    (problem,) = answer.json["errors"]
    assert problem["field"] == "disposition"
    assert "success, none" in problem["message"]


async def test_the_language_of_what_i_am_told_is_mine_to_choose(office: Office) -> None:
    agent = await office.agent()
    assert (await agent("PUT", "/api/v1/me/language", {"language": "es"})).status == 204
    assert (await agent("GET", "/api/v1/me")).json["user"]["language"] == "es"
    refused = await agent("PUT", "/api/v1/me/language", {"language": "fr"})
    assert (refused.code, refused.json["detail"]) == ("INVALID", "Hay campos incorrectos")
