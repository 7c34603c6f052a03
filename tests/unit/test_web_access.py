"""Who gets in: signing in and out, roles, other people's tenants, other people's web pages."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from telephony.store import accounts, tokens
from telephony.store.accounts import Role, UserChange
from telephony.web import auth
from tests.support.office import PASSWORD, Office, open_office

pytestmark = pytest.mark.unit

SESSIONS = "/api/v1/sessions"
ME = "/api/v1/me"
STATE = "/api/v1/me/state"


def cookie(answer_headers: object) -> str:
    header: str = answer_headers["Set-Cookie"]  # type: ignore[index]
    return header.partition(";")[0]


async def test_an_agent_signs_in_works_and_signs_out(office: Office) -> None:
    agent = await office.agent()
    me = await agent("GET", ME)
    assert (me.status, me.json["user"]["username"], me.json["agent"]["id"]) == (200, "acme.ann", office.acme.agent_id)
    assert (await agent("DELETE", SESSIONS + "/current")).status == 204
    assert (await agent("GET", ME)).code == "UNAUTHENTICATED"


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(office: Office) -> None:
    answer = await office.stranger()("POST", SESSIONS, {"username": "acme.ann", "password": PASSWORD})
    attributes = answer.headers["Set-Cookie"].lower()
    assert "httponly" in attributes
    assert "samesite=strict" in attributes
    assert "path=/" in attributes


@pytest.mark.parametrize(("public_url", "secure"), [("https://dial.example.com", True), ("", False)])
async def test_the_cookie_is_secure_where_the_service_is_reached_over_https(
    sqlite_url: str, tmp_path: Path, public_url: str, secure: bool
) -> None:
    async with open_office(sqlite_url, tmp_path, public_url=public_url) as office:
        url = f"http://127.0.0.1:{office.server.port}"
        async with office.http.post(url + SESSIONS, json={"username": "acme.ann", "password": PASSWORD}) as answer:
            assert ("secure" in answer.headers["Set-Cookie"].lower()) is secure
            assert ("Strict-Transport-Security" in answer.headers) is secure


@pytest.mark.parametrize("username", ["acme.ann", "nobody"])
async def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(office: Office, username: str) -> None:
    answer = await office.stranger()("POST", SESSIONS, {"username": username, "password": "wrong horse"})
    assert (answer.status, answer.code) == (401, "WRONG_PASSWORD")


async def test_after_five_wrong_passwords_even_the_right_one_must_wait(office: Office) -> None:
    stranger = office.stranger()
    for _ in range(5):
        await stranger("POST", SESSIONS, {"username": "acme.ann", "password": "wrong horse"})
    answer = await stranger("POST", SESSIONS, {"username": "Acme.Ann", "password": PASSWORD})
    assert (answer.status, answer.code) == (429, "TOO_MANY_SIGN_INS")
    assert 1 <= int(answer.headers["Retry-After"]) <= 10
    other = await stranger("POST", SESSIONS, {"username": "globex.ann", "password": PASSWORD})
    assert other.status == 201


async def test_a_deactivated_user_is_out(office: Office) -> None:
    agent = await office.agent()
    await office.store.run(
        lambda conn: accounts.change_user(
            conn, office.acme.tenant_id, office.acme.agent_id, UserChange(active=False), now=datetime.now(UTC)
        )
    )
    office.server.door.forget(office.acme.agent_id)
    assert (await agent("GET", ME)).code == "UNAUTHENTICATED"
    again = await office.stranger()("POST", SESSIONS, {"username": "acme.ann", "password": PASSWORD})
    assert again.code == "WRONG_PASSWORD"


async def test_what_another_process_changes_counts_after_a_second(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = await office.agent()
    await agent("GET", ME)
    await office.store.run(
        lambda conn: accounts.change_user(
            conn, office.acme.tenant_id, office.acme.agent_id, UserChange(active=False), now=datetime.now(UTC)
        )
    )
    assert auth.BELIEVED_FOR <= 1.0
    door = office.server.door
    clock = door._clock
    monkeypatch.setattr(door, "_clock", lambda: clock() + auth.BELIEVED_FOR)
    assert (await agent("GET", ME)).code == "UNAUTHENTICATED"


async def test_an_api_token_of_a_crm_works_until_it_is_revoked(office: Office) -> None:
    now = datetime.now(UTC)
    acme = office.acme
    made = await office.store.run(
        lambda conn: tokens.create_token(conn, acme.tenant_id, acme.agent_id, tokens.NewToken(name="crm"), now=now)
    )
    crm = office.stranger()
    crm.token = made["token"]
    assert (await crm("POST", "/api/v1/me/presence")).status == 204
    assert acme.agent_id in office.floor.seen_agents


@pytest.mark.parametrize("header", ["Bearer", "Bearer nonsense", "Basic YTpi", "Bearer \u00e9"])
async def test_a_token_that_is_none_is_refused(office: Office, header: str) -> None:
    answer = await office.stranger()("GET", ME, headers={"Authorization": header})
    assert (answer.status, answer.code) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("own", 204),
        ("https://evil.example", 403),
        ("null", 403),
        (None, 403),
        ("http://127.0.0.1:1", 403),
        ("http://[", 403),
    ],
)
async def test_with_a_cookie_only_our_own_page_may_act(office: Office, origin: str | None, status: int) -> None:
    stranger = office.stranger()
    signed_in = await stranger("POST", SESSIONS, {"username": "acme.ann", "password": PASSWORD})
    headers = {"Cookie": cookie(signed_in.headers)}
    if origin is not None:
        headers["Origin"] = office.url if origin == "own" else origin
    answer = await stranger("PUT", STATE, {"state": "available"}, headers=headers)
    assert answer.status == status
    assert bool(office.floor.asked) is (status == 204)
    assert (await stranger("GET", ME, headers=headers)).status == 200


async def test_another_site_can_neither_listen_nor_sign_somebody_in(office: Office) -> None:
    stranger = office.stranger()
    credentials = {"username": "acme.ann", "password": PASSWORD}
    evil = {"Origin": "https://evil.example"}
    assert (await stranger("POST", SESSIONS, credentials, headers=evil)).code == "ORIGIN_REFUSED"
    signed_in = await stranger("POST", SESSIONS, credentials)
    upgrade = {"Cookie": cookie(signed_in.headers), "Upgrade": "websocket", "Connection": "Upgrade"}
    assert (await stranger("GET", "/api/v1/live", headers=upgrade | evil)).code == "ORIGIN_REFUSED"


async def test_an_allowed_origin_may_act(sqlite_url: str, tmp_path: Path) -> None:
    async with open_office(sqlite_url, tmp_path, allowed_origins="https://crm.example") as office:
        stranger = office.stranger()
        signed_in = await stranger("POST", SESSIONS, {"username": "acme.ann", "password": PASSWORD})
        headers = {"Cookie": cookie(signed_in.headers), "Origin": "https://crm.example"}
        assert (await stranger("PUT", STATE, {"state": "idle"}, headers=headers)).status == 204


async def test_an_administrator_has_no_desk(office: Office) -> None:
    await office.hire("boss", Role.TENANT_ADMIN, office.acme.tenant_id)
    boss = await office.sign_in("boss")
    assert (await boss("PUT", STATE, {"state": "available"})).code == "FORBIDDEN"
    me = await boss("GET", ME)
    assert (me.status, me.json["agent"]) == (200, None)


async def test_the_installations_administrator_says_which_tenant(office: Office) -> None:
    await office.hire("root", Role.ADMIN, None)
    root = await office.sign_in("root")
    assert (await root("GET", "/api/v1/calls")).code == "TENANT_NEEDED"
    assert (await root("GET", f"/api/v1/calls?tenant={office.acme.tenant_id}")).status == 200
    for nobody in ("x", "%00", office.acme.team_id):
        for path in ("calls", "calls.csv", "live", "agents"):
            answer = await root("GET", f"/api/v1/{path}?tenant={nobody}")
            assert (path, nobody, answer.code) == (path, nobody, "NOT_FOUND")


async def test_another_tenant_does_not_exist(office: Office) -> None:
    agent = await office.agent()
    assert (await agent("GET", f"/api/v1/calls?tenant={office.globex.tenant_id}")).code == "NOT_FOUND"


async def test_a_customers_number_in_an_address_is_not_logged(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    await office.hire("boss", Role.TENANT_ADMIN, office.acme.tenant_id)
    boss = await office.sign_in("boss")
    await boss("GET", "/api/v1/do-not-call/+442079460001")
    await boss("GET", f"/api/v1/campaigns/{office.acme.campaign_id}")
    assert "do-not-call/{number} 404" in caplog.text
    assert "442079460001" not in caplog.text
    assert office.acme.campaign_id in caplog.text


async def test_any_request_of_an_agent_is_presence(office: Office) -> None:
    agent = await office.agent()
    office.floor.seen_agents.clear()
    await agent("GET", ME)
    assert office.floor.seen_agents == [office.acme.agent_id]
