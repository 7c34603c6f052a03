"""API tokens: for a CRM or a script that acts as one user, until it expires or is revoked."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Select, select, update

from telephony.store import inputs
from telephony.store.errors import Invalid, NoSuch
from telephony.store.paging import Page, PageRequest, Row, page
from telephony.store.rows import add, one
from telephony.store.schema import tokens, users
from telephony.store.sessions import digest, fresh_token


class NewToken(inputs.Input):
    name: inputs.Name
    expires_at: inputs.Moment | None = None


def _select(tenant_id: str | None, user_id: str | None) -> Select[tuple[object, ...]]:
    shown = (tokens.c[name] for name in ("id", "user_id", "name", "created_at", "expires_at", "revoked_at"))
    statement = (
        select(*shown, users.c.username)
        .select_from(tokens.join(users, users.c.id == tokens.c.user_id))
        .where(users.c.tenant_id.is_not_distinct_from(tenant_id))
    )
    return statement if user_id is None else statement.where(tokens.c.user_id == user_id)


def create_token(conn: Connection, tenant_id: str | None, user_id: str, new: NewToken, *, now: datetime) -> Row:
    """Add a token for a user of the tenant; its text stands in `token`, here only."""
    known = select(users.c.id).where(users.c.id == user_id, users.c.tenant_id.is_not_distinct_from(tenant_id))
    if conn.execute(known).first() is None:
        raise NoSuch("user")
    if new.expires_at is not None and new.expires_at <= now:
        raise Invalid("expires_at", "is in the past")
    token = fresh_token()
    token_id = add(
        conn,
        tokens,
        {
            "user_id": user_id,
            "name": new.name,
            "token_hash": digest(token),
            "created_at": now,
            "expires_at": new.expires_at,
        },
    )
    return one(conn, _select(tenant_id, user_id).where(tokens.c.id == token_id), "token") | {"token": token}


def tokens_page(conn: Connection, tenant_id: str | None, user_id: str | None, request: PageRequest) -> Page:
    """The tokens of a user, or with None of all users of the tenant; never their texts."""
    return page(conn, _select(tenant_id, user_id), tokens.c.id, request)


def revoke_token(
    conn: Connection, tenant_id: str | None, token_id: str, *, user_id: str | None = None, now: datetime
) -> str:
    """End a token at once, with `user_id` only one of that user's own; whose it was."""
    owner: str = one(conn, _select(tenant_id, user_id).where(tokens.c.id == token_id), "token")["user_id"]
    conn.execute(update(tokens).where(tokens.c.id == token_id, tokens.c.revoked_at.is_(None)).values(revoked_at=now))
    return owner
