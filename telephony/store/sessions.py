"""Who is calling: sign-in sessions and API tokens, by random tokens of which only the SHA-256 is stored.

Every request looks its token up, so a changed role, a deactivated user or a revoked token counts at once.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, or_, select

from telephony.store.accounts import DESK_ROLES, Role
from telephony.store.prepared import Prepared
from telephony.store.schema import agents, sessions, team_members, tokens, users

TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The user behind a request. `agent`: has a desk, takes calls; `tenant_id` None: of the installation itself."""

    user_id: str
    tenant_id: str | None
    role: Role
    name: str
    username: str
    language: str
    agent: bool
    team_ids: tuple[str, ...]


_FIELDS = (users.c.id, users.c.tenant_id, users.c.role, users.c.name, users.c.username, users.c.language)
_DESK = agents.c.id.label("desk")
_PEOPLE = users.outerjoin(agents, agents.c.id == users.c.id)
_HASH: BindParameter[str] = bindparam("hash")
_NOW: BindParameter[datetime] = bindparam("now")

_BY_SESSION = Prepared(
    select(*_FIELDS, _DESK)
    .select_from(_PEOPLE.join(sessions, sessions.c.user_id == users.c.id))
    .where(sessions.c.token_hash == _HASH, sessions.c.expires_at > _NOW, users.c.active)
)
_BY_TOKEN = Prepared(
    select(*_FIELDS, _DESK)
    .select_from(_PEOPLE.join(tokens, tokens.c.user_id == users.c.id))
    .where(
        tokens.c.token_hash == _HASH,
        tokens.c.revoked_at.is_(None),
        or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > _NOW),
        users.c.active,
    )
)
_TEAMS = Prepared(select(team_members.c.team_id).where(team_members.c.user_id == bindparam("user")))


def fresh_token() -> str:
    """32 random bytes as text that needs no escaping anywhere."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest(token: str) -> str:
    """What is stored of a token; it needs no salt, the token being random itself."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def open_session(conn: Connection, user_id: str, *, now: datetime, lifetime: timedelta) -> str:
    """Sign a user in; the token is returned here and never again."""
    token = fresh_token()
    conn.execute(
        insert(sessions).values(token_hash=digest(token), user_id=user_id, created_at=now, expires_at=now + lifetime)
    )
    return token


def caller(conn: Connection, token: str, *, now: datetime) -> Caller | None:
    """The active user of a session or API token; None where the token is unknown, expired or revoked."""
    values = {"hash": digest(token), "now": now}
    row = _BY_SESSION(conn, values).one_or_none() or _BY_TOKEN(conn, values).one_or_none()
    if row is None:
        return None
    return Caller(
        user_id=row.id,
        tenant_id=row.tenant_id,
        role=Role(row.role),
        name=row.name,
        username=row.username,
        language=row.language,
        agent=row.desk is not None and Role(row.role) in DESK_ROLES,
        team_ids=tuple(_TEAMS(conn, {"user": row.id}).scalars()),
    )


def close_session(conn: Connection, token: str) -> None:
    conn.execute(delete(sessions).where(sessions.c.token_hash == digest(token)))


def prune_sessions(conn: Connection, now: datetime) -> int:
    """Delete expired sessions; how many."""
    return conn.execute(delete(sessions).where(sessions.c.expires_at <= now)).rowcount
