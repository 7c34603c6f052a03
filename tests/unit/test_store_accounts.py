"""Users sign in, are looked up at every request, and lose their rights at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import Connection, select, update

from telephony.store import accounts, sessions, tokens
from telephony.store.accounts import NewUser, Role, UserChange
from telephony.store.engine import Store
from telephony.store.errors import InUse, Invalid, NoSuch, Taken
from telephony.store.paging import PageRequest
from telephony.store.passwords import hash_password, password_matches
from telephony.store.phones import give_phone
from telephony.store.schema import sessions as sessions_table
from telephony.store.schema import users
from tests.support.company import NOON, Company, company

pytestmark = pytest.mark.unit

DAY = timedelta(days=1)


@pytest.fixture
async def acme(store: Store) -> Company:
    return await store.run(company)


def supervisor(name: str = "bob") -> NewUser:
    return NewUser(username=name, name="Bob", role=Role.SUPERVISOR, password="correct horse")


def test_a_password_matches_only_itself_and_nobody_has_none() -> None:
    stored = hash_password("correct horse")

    assert password_matches(stored, "correct horse")
    assert not password_matches(stored, "correct horsf")
    assert not password_matches(None, "nobody")
    assert not password_matches("not a hash", "correct horse")
    assert hash_password("correct horse") != stored


async def test_a_session_tells_who_is_calling_until_it_expires(store: Store, acme: Company) -> None:
    token = await store.run(lambda conn: sessions.open_session(conn, acme.agent_id, now=NOON, lifetime=DAY))

    ann = await store.run(lambda conn: sessions.caller(conn, token, now=NOON))
    assert ann is not None
    assert (ann.user_id, ann.tenant_id, ann.role, ann.agent) == (acme.agent_id, acme.tenant_id, Role.AGENT, True)
    assert ann.team_ids == (acme.team_id,)
    assert await store.run(lambda conn: sessions.caller(conn, token, now=NOON + DAY)) is None
    assert await store.run(lambda conn: sessions.caller(conn, "something else", now=NOON)) is None


async def test_the_token_itself_is_nowhere_in_the_database(store: Store, acme: Company) -> None:
    token = await store.run(lambda conn: sessions.open_session(conn, acme.agent_id, now=NOON, lifetime=DAY))

    (row,) = await store.run(lambda conn: conn.execute(select(sessions_table)).all())

    assert len(token) >= 43
    assert token not in map(str, row)


async def test_a_deactivated_user_is_out_at_once_and_cannot_sign_in(store: Store, acme: Company) -> None:
    token = await store.run(lambda conn: sessions.open_session(conn, acme.agent_id, now=NOON, lifetime=DAY))
    api = await store.run(
        lambda conn: tokens.create_token(conn, acme.tenant_id, acme.agent_id, tokens.NewToken(name="CRM"), now=NOON)
    )

    await store.run(
        lambda conn: accounts.change_user(conn, acme.tenant_id, acme.agent_id, UserChange(active=False), now=NOON)
    )

    assert await store.run(lambda conn: sessions.caller(conn, token, now=NOON)) is None
    assert await store.run(lambda conn: sessions.caller(conn, api["token"], now=NOON)) is None
    assert await store.run(lambda conn: accounts.credentials(conn, "acme.ann")) is None


async def test_a_session_of_an_inactive_user_is_none_however_it_came_to_be(store: Store, acme: Company) -> None:
    token = await store.run(lambda conn: sessions.open_session(conn, acme.agent_id, now=NOON, lifetime=DAY))
    await store.run(lambda conn: conn.execute(update(users).values(active=False)) and None)

    assert await store.run(lambda conn: sessions.caller(conn, token, now=NOON)) is None


async def test_a_changed_role_counts_from_the_next_request_on(store: Store, acme: Company) -> None:
    token = await store.run(lambda conn: sessions.open_session(conn, acme.agent_id, now=NOON, lifetime=DAY))

    await store.run(
        lambda conn: accounts.change_user(
            conn, acme.tenant_id, acme.agent_id, UserChange(role=Role.TENANT_ADMIN), now=NOON
        )
    )

    ann = await store.run(lambda conn: sessions.caller(conn, token, now=NOON))
    assert ann is not None
    assert (ann.role, ann.agent) == (Role.TENANT_ADMIN, False)


async def test_a_new_password_ends_the_sessions_made_with_the_old_one(store: Store, acme: Company) -> None:
    token = await store.run(lambda conn: sessions.open_session(conn, acme.agent_id, now=NOON, lifetime=DAY))

    await store.run(
        lambda conn: accounts.change_user(
            conn, acme.tenant_id, acme.agent_id, UserChange(password="a better one"), password_hash="new", now=NOON
        )
    )

    assert await store.run(lambda conn: sessions.caller(conn, token, now=NOON)) is None
    found = await store.run(lambda conn: accounts.credentials(conn, "ACME.ANN"))
    assert found == accounts.Credentials(acme.agent_id, "new")


async def test_an_api_token_works_until_it_is_revoked_or_expires(store: Store, acme: Company) -> None:
    new = tokens.NewToken(name="CRM", expires_at=NOON + DAY)
    made = await store.run(lambda conn: tokens.create_token(conn, acme.tenant_id, acme.agent_id, new, now=NOON))

    assert await store.run(lambda conn: sessions.caller(conn, made["token"], now=NOON)) is not None
    assert await store.run(lambda conn: sessions.caller(conn, made["token"], now=NOON + DAY)) is None

    shown = await store.run(lambda conn: tokens.tokens_page(conn, acme.tenant_id, None, PageRequest()))
    assert [(row["name"], "token" in row) for row in shown.items] == [("CRM", False)]

    await store.run(lambda conn: tokens.revoke_token(conn, acme.tenant_id, made["id"], now=NOON))
    assert await store.run(lambda conn: sessions.caller(conn, made["token"], now=NOON)) is None


async def test_expired_sessions_are_swept_away(store: Store, acme: Company) -> None:
    for days in (1, 3):
        await store.run(
            lambda conn, days=days: sessions.open_session(conn, acme.agent_id, now=NOON, lifetime=days * DAY)
        )

    assert await store.run(lambda conn: sessions.prune_sessions(conn, NOON + 2 * DAY)) == 1


async def test_a_user_name_is_taken_once_whatever_its_case(store: Store, acme: Company) -> None:
    again = supervisor("Acme.Ann")

    with pytest.raises(Taken, match=r"username: the user name 'acme\.ann' is taken"):
        await store.run(lambda conn: accounts.create_user(conn, acme.tenant_id, again, password_hash="-", now=NOON))


async def test_with_one_cell_an_agent_needs_not_name_it_with_two_it_does(store: Store, acme: Company) -> None:
    bob = await store.run(
        lambda conn: accounts.create_user(conn, acme.tenant_id, supervisor(), password_hash="-", now=NOON)
    )
    assert bob["cell_id"] == acme.cell_id

    await store.run(lambda conn: company(conn, "Globex"))
    with pytest.raises(Invalid, match="cell_id: say which cell"):
        await store.run(
            lambda conn: accounts.create_user(conn, acme.tenant_id, supervisor("carl"), password_hash="-", now=NOON)
        )
    assert await store.run(lambda conn: accounts.credentials(conn, "carl")) is None


async def test_only_the_installation_has_administrators_without_tenant(store: Store, acme: Company) -> None:
    boss = NewUser(username="root", name="Root", role=Role.ADMIN, password="correct horse")

    with pytest.raises(Invalid, match="role"):
        await store.run(lambda conn: accounts.create_user(conn, acme.tenant_id, boss, password_hash="-", now=NOON))
    with pytest.raises(Invalid, match="role"):
        await store.run(lambda conn: accounts.create_user(conn, None, supervisor(), password_hash="-", now=NOON))

    made = await store.run(lambda conn: accounts.create_user(conn, None, boss, password_hash="-", now=NOON))
    assert (made["tenant_id"], made["cell_id"]) == (None, None)


async def test_users_of_another_tenant_do_not_exist(store: Store, acme: Company) -> None:
    other = await store.run(lambda conn: company(conn, "Globex"))

    with pytest.raises(NoSuch):
        await store.run(lambda conn: accounts.user(conn, other.tenant_id, acme.agent_id))
    with pytest.raises(NoSuch):
        await store.run(
            lambda conn: accounts.change_user(conn, other.tenant_id, acme.agent_id, UserChange(name="Mine"), now=NOON)
        )
    with pytest.raises(NoSuch):
        await store.run(lambda conn: accounts.delete_user(conn, other.tenant_id, acme.agent_id))
    with pytest.raises(NoSuch):
        await store.run(
            lambda conn: tokens.create_token(
                conn, other.tenant_id, acme.agent_id, tokens.NewToken(name="spy"), now=NOON
            )
        )
    shown = await store.run(lambda conn: accounts.users_page(conn, other.tenant_id, PageRequest()))
    assert [row["username"] for row in shown.items] == ["globex.ann"]


async def test_a_user_who_never_called_can_be_deleted(store: Store, acme: Company) -> None:
    await store.run(lambda conn: accounts.delete_user(conn, acme.tenant_id, acme.agent_id))

    with pytest.raises(NoSuch):
        await store.run(lambda conn: accounts.user(conn, acme.tenant_id, acme.agent_id))


async def test_an_agent_changes_cells_only_while_no_call_can_be_up(store: Store, acme: Company) -> None:
    other = await store.run(lambda conn: company(conn, "Globex"))
    move = UserChange(cell_id=other.cell_id)
    state = "UPDATE agents SET state = '{}'"

    await store.run(lambda conn: conn.exec_driver_sql(state.format("talking")))
    with pytest.raises(Invalid, match="offline or idle"):
        await store.run(lambda conn: accounts.change_user(conn, acme.tenant_id, acme.agent_id, move, now=NOON))

    await store.run(lambda conn: conn.exec_driver_sql(state.format("idle")))
    moved = await store.run(lambda conn: accounts.change_user(conn, acme.tenant_id, acme.agent_id, move, now=NOON))
    assert moved["cell_id"] == other.cell_id


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "Ann Smith"),
        ("name", "Ann\x00"),
        ("name", "   "),
        ("role", "root"),
        ("password", "short"),
        ("language", "fr"),
        ("phone", "1001&PJSIP/1002"),
        ("phone", "1001\n"),
        ("cell_id", "1"),
    ],
)
def test_what_a_user_cannot_be_called_is_refused_by_field(field: str, value: str) -> None:
    good = {"username": "ann", "name": "Ann", "role": "agent", "password": "correct horse"}

    with pytest.raises(ValidationError) as refused:
        NewUser.model_validate(good | {field: value})

    assert [error["loc"] for error in refused.value.errors()] == [(field,)]


async def test_a_user_with_calls_in_the_records_is_kept(store: Store, acme: Company) -> None:
    def reserve(conn: Connection) -> None:
        conn.exec_driver_sql(
            "INSERT INTO reservations (id, tenant_id, cell_id, campaign_id, agent_id, leg_id, started_at) VALUES "
            f"('r', '{acme.tenant_id}', '{acme.cell_id}', '{acme.campaign_id}', '{acme.agent_id}', 'l', '2026-06-17')"
        )

    await store.run(reserve)

    with pytest.raises(InUse, match="set active to false"):
        await store.run(lambda conn: accounts.delete_user(conn, acme.tenant_id, acme.agent_id))
    ann = await store.run(lambda conn: accounts.user(conn, acme.tenant_id, acme.agent_id))
    assert ann["cell_id"] == acme.cell_id


async def test_a_phone_is_one_agents_and_a_trunk_is_nobodys(store: Store) -> None:
    def story(conn: Connection) -> None:
        here = company(conn)
        ben = accounts.create_user(
            conn,
            here.tenant_id,
            accounts.NewUser(username="ben", name="Ben", role=accounts.Role.AGENT, password="correct horse"),
            password_hash="-",
            now=NOON,
        )
        with pytest.raises(Taken, match="phone"):
            give_phone(conn, ben["id"], "1001")  # Ann's
        with pytest.raises(Invalid, match="trunk"):
            give_phone(conn, ben["id"], "carrier")
        with pytest.raises(Invalid, match="belongs to one user"):
            give_phone(conn, ben["id"], "pd-web-acme.ann")
        give_phone(conn, ben["id"], "1002")
        give_phone(conn, here.agent_id, "1001")  # her own again

    await store.run(story)
