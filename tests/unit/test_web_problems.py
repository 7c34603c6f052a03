"""Refusals a program can act on and a person can read."""

from __future__ import annotations

import asyncio
import logging

import pytest

from telephony.dialer.errors import ContactWithdrawn, NoCapacity, NotFound, OfferClosed, Refused
from telephony.model.ids import new_id
from telephony.model.reasons import Capacity, Refusal, Withdrawal
from telephony.store.engine import StoreUnavailable
from telephony.web.problems import STATUS, sentence
from tests.support.office import Office

pytestmark = pytest.mark.unit

STATE = "/api/v1/me/state"


def accept(offer_id: str) -> str:
    return f"/api/v1/offers/{offer_id}/accept"


async def test_a_full_limit_is_told_with_its_figures(office: Office) -> None:
    agent = await office.agent()
    office.floor.refuse = NoCapacity(Capacity.TENANT_CALL_LIMIT, used=3, limit=3)
    answer = await agent("POST", accept(new_id()))
    assert (answer.status, answer.code) == (409, "TENANT_CALL_LIMIT")
    assert (answer.json["used"], answer.json["limit"]) == (3, 3)
    assert answer.json["detail"].endswith("(3 of 3 up)")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (NoCapacity(Capacity.PBX_UNREACHABLE), 409, "PBX_UNREACHABLE"),
        (ContactWithdrawn(Withdrawal.MIN_GAP), 409, "MIN_GAP"),
        (Refused(Refusal.ACTION_DISABLED), 409, "ACTION_DISABLED"),
        (NotFound("offer"), 404, "NOT_FOUND"),
        (StoreUnavailable("gone"), 503, "STORE_UNAVAILABLE"),
        (RuntimeError("+442079460000"), 500, "INTERNAL"),
    ],
)
async def test_each_error_of_the_dialer_has_its_status(
    office: Office, error: Exception, status: int, code: str
) -> None:
    agent = await office.agent()
    office.floor.refuse = error
    answer = await agent("POST", accept(new_id()))
    assert (answer.status, answer.code, answer.json["status"]) == (status, code, status)


async def test_a_refusal_that_says_more_than_its_code_says_it(office: Office) -> None:
    agent = await office.agent()
    office.floor.refuse = Refused(Refusal.NOT_AVAILABLE, "The call is still up: hang up first")
    answer = await agent("POST", accept(new_id()))
    assert (answer.code, answer.json["detail"]) == ("NOT_AVAILABLE", "The call is still up: hang up first")


async def test_who_comes_late_is_told_who_won(office: Office) -> None:
    agent = await office.agent()
    office.floor.refuse = OfferClosed("skipped")
    answer = await agent("POST", accept(new_id()))
    assert (answer.code, answer.json["winner"]) == ("OFFER_CLOSED", "skipped")


async def test_a_fault_of_ours_is_logged_without_what_it_says(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    agent = await office.agent()
    office.floor.refuse = RuntimeError("customer +442079460000")
    with caplog.at_level(logging.INFO, "telephony.web"):
        answer = await agent("POST", accept(new_id()))
    assert "RuntimeError" in caplog.text
    assert "7946" not in caplog.text + answer.text
    assert answer.json["request"] == answer.headers["X-Request-ID"]


async def test_what_is_no_http_is_one_line_without_what_was_sent(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    for sent in (b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer s3cret\x00\r\n\r\n", b"s3cret\r\n\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", office.server.port)
        writer.write(sent)
        assert (await reader.read()).startswith(b"HTTP/1.0 400")
        writer.close()
    assert "s3cret" not in caplog.text
    assert [record.levelname for record in caplog.records if record.levelno > logging.INFO] == ["WARNING"]


async def test_a_spaniard_reads_spanish(office: Office) -> None:
    answer = await office.stranger()("GET", "/api/v1/me", headers={"Accept-Language": "es-MX,es;q=0.9"})
    assert answer.json["detail"] == "Inicie sesión primero"
    wrong = await office.stranger()("POST", "/api/v1/sessions", {"username": "x"}, headers={"Accept-Language": "es"})
    assert wrong.json["errors"] == [{"field": "password", "message": "falta"}]


@pytest.mark.parametrize("code", sorted(STATUS))
def test_every_code_has_both_languages(code: str) -> None:
    assert sentence(code, "en") != sentence(code, "es")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "NOT_FOUND"),
        ("GET", "/nothing", 404, "NOT_FOUND"),
        ("POST", "/api/v1/offers/not-an-id/accept", 404, "NOT_FOUND"),
        ("DELETE", "/api/v1/me", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/api/v1/calls?limit=0", 422, "INVALID"),
        ("GET", "/api/v1/calls?colour=red", 422, "INVALID"),
        ("GET", "/api/v1/live", 400, "BAD_REQUEST"),
    ],
)
async def test_addresses_that_are_wrong(office: Office, method: str, path: str, status: int, code: str) -> None:
    answer = await (await office.agent())(method, path)
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize(
    ("data", "kind", "status", "code"),
    [
        (b'{"state": "available"', "application/json", 400, "BAD_JSON"),
        (b"\xff\xfe", "application/json", 400, "BAD_JSON"),
        (b"[" * 50_000, "application/json", 400, "BAD_JSON"),
        (b'{"state": "available"}', "text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b"state=available", "application/x-www-form-urlencoded", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b'{"state": "' + b"a" * 70_000 + b'"}', "application/json", 413, "TOO_LARGE"),
        (b'{"state": "dancing"}', "application/json", 422, "INVALID"),
        (b'{"state": "idle", "reason": "A lunch!"}', "application/json", 422, "INVALID"),
        (b'{"state": "idle", "colour": 1}', "application/json", 422, "INVALID"),
        (b"[]", "application/json", 422, "INVALID"),
        (b"", "application/json", 400, "BAD_JSON"),
    ],
)
async def test_bodies_that_are_wrong_change_nothing(
    office: Office, data: bytes, kind: str, status: int, code: str
) -> None:
    agent = await office.agent()
    answer = await agent("PUT", STATE, data=data, headers={"Content-Type": kind})
    assert (answer.status, answer.code) == (status, code)
    assert office.floor.asked == []


async def test_a_wrong_field_is_named(office: Office) -> None:
    agent = await office.agent()
    body = {"disposition": "success", "callback": {"at": "2026-06-17T10:00:00"}}
    answer = await agent("POST", f"/api/v1/calls/{new_id()}/wrap-up", body)
    assert [one["field"] for one in answer.json["errors"]] == ["callback.at"]
    answer = await agent("POST", f"/api/v1/calls/{new_id()}/wrap-up", {"disposition": "success", "colour": "red"})
    assert answer.json["errors"] == [{"field": "colour", "message": "this field does not exist"}]


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00%2B12:00"])
async def test_a_moment_without_utc_is_a_wrong_value(office: Office, moment: str) -> None:
    answer = await (await office.agent())("GET", f"/api/v1/calls?since={moment}")
    assert (answer.status, [one["field"] for one in answer.json["errors"]]) == (422, ["since"])


async def test_every_answer_is_guarded(office: Office) -> None:
    for path in ("/", "/api/v1/me", "/nothing", "/healthz"):
        headers = (await office.stranger()("GET", path)).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Server"] == "telephony"
