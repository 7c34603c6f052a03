"""The one schema, for SQLite and PostgreSQL, laid for the whole product.

Ids are UUIDv7 text. Times are aware UTC. Attempts, legs, offers, reservations and refusals are never deleted
and never changed once ended. `usage` holds how many are up under each limit, `grants` who holds them: both are
written in one transaction, so their sums agree always. `busy_numbers` has a row for each number that is in a
live offer or attempt of a tenant: its primary key is what keeps a phone from ringing twice.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
    true,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Utc(TypeDecorator[datetime]):
    """An aware UTC moment; SQLite keeps it as text without zone, which sorts the same."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def bind_processor(self, dialect: Dialect) -> Any:
        return _as_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return _from_text if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


def _as_text(value: datetime | None) -> str | None:
    """As SQLAlchemy writes a moment on SQLite, in a fifth of its time: a call writes some eighty."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError("a moment without a zone")
    utc = value if value.tzinfo is UTC else value.astimezone(UTC)
    return utc.isoformat(" ", "microseconds")[:-6]


def _from_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value).replace(tzinfo=UTC)


Id = String(36)
Code = String(40)
Name = String(200)
Number = String(16)
Sequence = BigInteger().with_variant(Integer, "sqlite")


def _id() -> Column[str]:
    return Column("id", Id, primary_key=True)


def _to(target: str, *, nullable: bool = False, index: bool = False, name: str = "") -> Column[str]:
    column = name or f"{target.rstrip('s')}_id"
    return Column(column, Id, ForeignKey(f"{target}.id"), nullable=nullable, index=index)


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=text("0"))


def _json(name: str) -> Column[Any]:
    return Column(name, JSON, nullable=False)


def _moment(name: str, *, nullable: bool = True) -> Column[datetime]:
    return Column(name, Utc, nullable=nullable)


tenants = Table(
    "tenants",
    metadata,
    _id(),
    Column("name", Name, nullable=False, unique=True),
    Column("max_calls", Integer, nullable=False),
    Column("min_gap", Integer, nullable=False, server_default=text("60")),  # minutes
    Column("daily_cap", Integer, nullable=False, server_default=text("3")),
    Column("drop_needs_consent", Boolean, nullable=False, server_default=true()),
    Column("zone", String(64), nullable=False, server_default="UTC"),  # whose day the daily cap counts
    _moment("created_at", nullable=False),
)

data_centers = Table(
    "data_centers",
    metadata,
    _id(),
    Column("name", Name, nullable=False, unique=True),
    Column("max_calls", Integer, nullable=False),
)

cells = Table(
    "cells",
    metadata,
    _id(),
    Column("name", Name, nullable=False, unique=True),
    _to("data_centers"),
    Column("max_channels", Integer, nullable=False),
    Column("url", String(300), nullable=False, server_default=""),  # where the other cells reach its API
    Column("epoch", Integer, nullable=False, server_default=text("0")),  # of the process that drives it now
)

trunks = Table(
    "trunks",
    metadata,
    _id(),
    _to("tenants", nullable=True),  # none: for every tenant
    Column("name", Name, nullable=False, unique=True),
    Column("dial_template", String(200), nullable=False),
    Column("max_channels", Integer, nullable=False),
    Column("max_calls_per_second", Float, nullable=False),
    _json("number_ranges"),  # allowed prefixes such as ["+4420"]; empty: every number
    _json("caller_ids"),
    Column("max_ring", Integer, nullable=False, server_default=text("60")),  # seconds, 20-180
    Column("position", Integer, nullable=False, server_default=text("1")),  # lower is tried first
    Column("enabled", Boolean, nullable=False, server_default=true()),
)

trunk_cells = Table(
    "trunk_cells",
    metadata,
    Column("trunk_id", Id, ForeignKey("trunks.id"), primary_key=True),
    Column("cell_id", Id, ForeignKey("cells.id"), primary_key=True),
)

users = Table(
    "users",
    metadata,
    _id(),
    _to("tenants", nullable=True, index=True),  # none: an administrator of the installation
    Column("username", String(120), nullable=False, unique=True),
    Column("name", Name, nullable=False),
    Column("password_hash", String(300), nullable=False),
    Column("role", Code, nullable=False),  # agent, supervisor, tenant_admin, admin
    Column("language", String(5), nullable=False, server_default="en"),
    Column("active", Boolean, nullable=False, server_default=true()),
    _moment("created_at", nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),  # SHA-256 of the token
    _to("users", index=True),
    _moment("created_at", nullable=False),
    _moment("expires_at", nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    _id(),
    _to("users", index=True),
    Column("name", Name, nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    _moment("created_at", nullable=False),
    _moment("expires_at"),
    _moment("revoked_at"),
)

agents = Table(
    "agents",
    metadata,
    Column("id", Id, ForeignKey("users.id"), primary_key=True),
    _to("tenants", index=True),
    _to("cells", index=True),
    Column("phone", String(80), nullable=False, server_default=""),  # endpoint name in the cell's PBX
    Column("browser_phone", String(80), nullable=False, server_default=""),  # called instead, while chosen
    Column("state", Code, nullable=False, server_default="offline"),
    Column("idle_reason", Code),
    Column("wish", Code),  # available, idle or offline, to be honoured after wrap-up
    Column("wish_reason", Code),
    _moment("state_since", nullable=False),
    Column("campaign_id", Id, ForeignKey("campaigns.id")),
    Column("reservation_id", Id),
    Column("offer_id", Id),
    Column("attempt_id", Id),
    _moment("wrap_up_until"),
)

teams = Table(
    "teams",
    metadata,
    _id(),
    _to("tenants"),
    Column("name", Name, nullable=False),
    UniqueConstraint("tenant_id", "name"),
)

team_members = Table(
    "team_members",
    metadata,
    Column("team_id", Id, ForeignKey("teams.id"), primary_key=True),
    Column("user_id", Id, ForeignKey("users.id"), primary_key=True, index=True),
)

campaigns = Table(
    "campaigns",
    metadata,
    _id(),
    _to("tenants"),
    Column("name", Name, nullable=False),
    Column("running", Boolean, nullable=False, server_default=false()),
    Column("priority", Integer, nullable=False, server_default=text("50")),  # 1-100, higher is served first
    _json("settings"),  # CampaignSettings
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("voicemail_message_id", Id),
    Column("abandon_message_id", Id),
    _moment("served_at"),
    Column("due_from", String(120)),  # contacts with external ids after it still await the changed calling hours
    _moment("created_at", nullable=False),
    UniqueConstraint("tenant_id", "name"),
)

campaign_teams = Table(
    "campaign_teams",
    metadata,
    Column("campaign_id", Id, ForeignKey("campaigns.id"), primary_key=True),
    Column("team_id", Id, ForeignKey("teams.id"), primary_key=True, index=True),
)

messages = Table(
    "messages",
    metadata,
    _id(),
    _to("tenants"),
    Column("name", Name, nullable=False),  # of the file that was sent
    Column("path", String(300), nullable=False),  # of the converted file, in the folder of messages
    Column("seconds", Float, nullable=False),
    Column("sha256", String(64), nullable=False),
    _moment("created_at", nullable=False),
)

fields = Table(
    "fields",
    metadata,
    _id(),
    _to("tenants"),
    Column("name", String(64), nullable=False),
    Column("label", String(120), nullable=False),
    Column("kind", Code, nullable=False),  # text, number, date, boolean
    UniqueConstraint("tenant_id", "name"),
)

lists = Table(
    "lists",
    metadata,
    _id(),
    _to("tenants"),
    _to("campaigns", index=True),
    Column("name", Name, nullable=False),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("active", Boolean, nullable=False, server_default=true()),
    Column("priority", Integer, nullable=False, server_default=text("50")),
    _moment("expires_at"),
    _moment("created_at", nullable=False),
    UniqueConstraint("campaign_id", "name"),
)

contacts = Table(
    "contacts",
    metadata,
    _id(),
    _to("tenants"),
    _to("campaigns"),
    _to("lists"),
    Column("external_id", String(120), nullable=False),
    Column("name", Name, nullable=False),
    _json("fields"),
    Column("zone", String(64)),  # of the contact itself; none: the numbers' zones
    Column("consent", Boolean, nullable=False, server_default=false()),  # to a recorded message
    Column("state", Code, nullable=False, server_default="waiting"),
    _moment("due_at"),  # none: never, as things are; `why` tells
    _moment("shuts_at"),  # the end of the calling hours that due_at lies in
    Column("waits_for", Code),  # what due_at was put off for; none: nothing
    _moment("retry_at"),  # not before, by a skip or an outcome; calling hours and gaps not counted in
    Column("why", String(200)),  # why it is done, removed, blocked or never due
    Column("changed_by", Id),  # who removed or restored it
    Column("callback_agent_id", Id),
    _moment("callback_at"),  # set while the contact is owed a callback
    _count("attempts"),
    _count("skips"),
    Column("last_agent_id", Id),  # who had it last and gave it back or skipped it
    Column("holder_id", Id),  # the agent it is offered to or in an attempt with
    _moment("created_at", nullable=False),
    _moment("updated_at", nullable=False),
    UniqueConstraint("campaign_id", "external_id"),
    Index("ix_contacts_due", "list_id", "state", "due_at", "id", "shuts_at", "waits_for"),  # the last two for `why`
    Index("ix_contacts_shut", "state", "shuts_at"),
    Index("ix_contacts_callbacks", "callback_agent_id", "state", "due_at"),
)

numbers = Table(
    "numbers",
    metadata,
    _id(),
    _to("tenants"),
    _to("contacts"),
    Column("position", Integer, nullable=False),
    Column("e164", Number, nullable=False),
    Column("label", String(60), nullable=False, server_default=""),
    Column("zones", Text, nullable=False, server_default=""),  # comma-separated IANA names; some numbers have 40
    Column("status", Code, nullable=False, server_default="open"),  # open, invalid, fax, do_not_call
    _count("tries"),  # attempts that counted
    UniqueConstraint("contact_id", "position"),
    Index("ix_numbers_tenant_e164", "tenant_id", "e164"),
)

contact_counts = Table(
    "contact_counts",
    metadata,
    Column("campaign_id", Id, ForeignKey("campaigns.id"), primary_key=True),
    Column("state", Code, primary_key=True),
    _count("contacts"),
)

busy_numbers = Table(
    "busy_numbers",
    metadata,
    Column("tenant_id", Id, ForeignKey("tenants.id"), primary_key=True),
    Column("e164", Number, primary_key=True),
    _to("contacts", index=True),
)

do_not_call = Table(
    "do_not_call",
    metadata,
    Column("tenant_id", Id, ForeignKey("tenants.id"), primary_key=True),
    Column("e164", Number, primary_key=True),
    Column("added_by", Id),
    Column("why", String(200), nullable=False, server_default=""),
    _moment("created_at", nullable=False),
)

number_pauses = Table(
    "number_pauses",
    metadata,
    Column("tenant_id", Id, ForeignKey("tenants.id"), primary_key=True),
    Column("e164", Number, primary_key=True),
    _moment("until", nullable=False),  # after an abandoned call
    Column("why", String(200), nullable=False),
)

dialed = Table(
    "dialed",
    metadata,
    _id(),
    _to("tenants"),
    Column("e164", Number, nullable=False),
    Column("attempt_id", Id, nullable=False),
    _moment("placed_at", nullable=False),
    Index("ix_dialed_number", "tenant_id", "e164", "placed_at"),
)
"""Every placing of a call to a number: what gap and daily cap are counted from, over all campaigns."""

imports = Table(
    "imports",
    metadata,
    _id(),
    _to("tenants"),
    _to("campaigns", index=True),
    _to("lists"),
    Column("state", Code, nullable=False),  # running, done, failed
    Column("source", Name, nullable=False, server_default=""),
    Column("total_bytes", BigInteger, nullable=False, server_default=text("0")),
    Column("read_bytes", BigInteger, nullable=False, server_default=text("0")),
    _count("added"),
    _count("updated"),
    _count("rejected"),
    Column("error", Text),
    Column("started_by", Id),
    _moment("started_at", nullable=False),
    _moment("progress_at", nullable=False),  # of the last batch; one that stands still has lost its process
    _moment("ended_at"),
)

import_rejections = Table(
    "import_rejections",
    metadata,
    Column("import_id", Id, ForeignKey("imports.id"), primary_key=True),
    Column("row", Integer, primary_key=True),  # line in the file, 1 = the header
    Column("field", String(64), nullable=False),
    Column("reason", String(300), nullable=False),
    _json("values"),
)

reservations = Table(
    "reservations",
    metadata,
    _id(),
    _to("tenants"),
    _to("cells"),
    _to("campaigns"),
    _to("agents", index=True),
    Column("contact_id", Id),  # the contact it was placed with
    Column("leg_id", Id, nullable=False),
    _moment("started_at", nullable=False),
    _moment("answered_at"),
    _moment("ended_at"),
    Column("end", Code),  # an AgentLegOutcome, or why the line ended
)

offers = Table(
    "offers",
    metadata,
    _id(),
    _to("tenants"),
    _to("cells"),
    _to("campaigns"),
    _to("agents"),
    _to("contacts", index=True),
    Column("number_id", Id, nullable=False),
    Column("e164", Number, nullable=False),
    Column("reservation_id", Id),
    Column("state", Code, nullable=False, server_default="open"),
    Column("action", Code),  # what the timer did
    Column("code", Code),  # why it was withdrawn
    Column("closed_by", Id),  # none: the timer or the system
    Column("attempt_id", Id),
    Column("mode", Code, nullable=False),
    _json("card"),  # what the agent was shown
    _json("settings"),  # the campaign's settings as they were when it opened
    _moment("opened_at", nullable=False),
    _moment("expires_at"),
    _moment("closed_at"),
    Index("ix_offers_agent", "agent_id", "opened_at"),
    Index("ix_offers_open", "cell_id", "state"),
)

attempts = Table(
    "attempts",
    metadata,
    _id(),
    _to("tenants"),
    _to("cells"),
    _to("campaigns"),
    _to("contacts", index=True),
    _to("offers"),
    _to("agents"),
    Column("number_id", Id, nullable=False),
    Column("e164", Number, nullable=False),
    Column("mode", Code, nullable=False),
    Column("amd", Code, nullable=False),
    Column("state", Code, nullable=False),
    Column("epoch", Integer, nullable=False),
    _count("leg_count"),
    Column("cancelled_by", Code),  # agent, line, supervisor, system: who asked for the end
    Column("outcome", Code),
    Column("code", Code),  # detail, e.g. why NOT_PLACED
    Column("amd_verdict", Code),
    Column("amd_cause", String(120)),
    Column("amd_after", Float),  # seconds from answer to verdict
    Column("beep_after", Float),  # seconds from answer to beep
    Column("voicemail_left", Boolean, nullable=False, server_default=false()),
    Column("message_id", Id),  # the recording that is, or was, dropped into the mailbox
    Column("message_when", Code),  # auto or now
    Column("recording", Code),  # recording, paused, stopped, then kept, failed or removed; none: never recorded
    Column("away", Boolean, nullable=False, server_default=false()),  # the agent's page is being brought back
    Column("muted", Boolean, nullable=False, server_default=false()),
    _moment("held_since"),
    Column("held_for", Float, nullable=False, server_default=text("0")),  # seconds, of holds that are over
    Column("transfer_state", Code),  # of model/transfer.py, while the agent is still part of it
    Column("transfer_to", Name),  # a number, or a colleague's name
    Column("transfer_agent_id", Id),
    _moment("transferred_at"),  # from then on the customer talks to whom the call was handed to
    Column("monitor_mode", Code),  # listen, whisper or barge, while a supervisor is in the call
    Column("monitored_by", Name),
    Column("disposition", Code),
    Column("note", Text),
    _moment("callback_at"),  # agreed in the wrap-up of a call that was still up
    Column("callback_agent_id", Id),
    _moment("granted_at", nullable=False),
    _moment("placed_at"),
    _moment("ringing_at"),
    _moment("answered_at"),
    _moment("joined_at"),
    _moment("ended_at"),
    _moment("wrapped_up_at"),
    Index("ix_attempts_live", "cell_id", "state"),
    Index("ix_attempts_campaign", "campaign_id", "granted_at", "outcome"),  # the last to count without the rows
    Index("ix_attempts_tenant", "tenant_id", "granted_at"),
)

recordings = Table(
    "recordings",
    metadata,
    _id(),  # of one from the join on: the customer leg's
    _to("tenants"),
    _to("cells"),
    _to("campaigns"),
    _to("attempts", index=True),
    _to("agents"),
    Column("on_demand", Boolean, nullable=False),
    Column("state", Code, nullable=False),  # recording, paused, stopped, kept, failed, removed
    Column("error", Code),  # why it failed
    Column("paused", Boolean, nullable=False, server_default=false()),  # at any time
    _moment("started_at", nullable=False),
    _moment("ended_at"),
    Column("seconds", Float),
    Column("size", BigInteger),  # bytes
    Column("sha256", String(64)),
    Column("removed_by", Id),  # none: by its age
    _moment("removed_at"),  # the file is gone
    Index("ix_recordings_unsettled", "cell_id", "state", "ended_at"),
)
"""Recordings of calls, one for each file; the rows outlive the files."""

legs = Table(
    "legs",
    metadata,
    _id(),
    _to("tenants"),
    _to("cells"),
    Column("kind", Code, nullable=False),  # agent, customer
    Column("attempt_id", Id, index=True),
    Column("agent_id", Id),
    Column("trunk_id", Id),
    Column("e164", Number),
    Column("abandon_message_id", Id),  # what its customer hears where no agent is left
    _moment("placed_at"),  # none: granted, and in the mode preview the agent's phone comes first
    _moment("rang_at"),
    _moment("answered_at"),
    _moment("ended_at"),
    Column("cause", Integer),
    Column("sip", Integer),
    Column("outcome", Code),
    Index("ix_legs_live", "cell_id", "ended_at"),
    Index("ix_legs_trunk", "trunk_id", "placed_at"),  # the rate limit counts the last second here
)

usage = Table(
    "usage",
    metadata,
    Column("scope", Code, primary_key=True),  # tenant, data_center, trunk, cell
    Column("scope_id", Id, primary_key=True),
    _count("used"),
)

grants = Table(
    "grants",
    metadata,
    Column("owner_id", Id, primary_key=True),  # an attempt or a leg
    Column("scope", Code, primary_key=True),
    Column("scope_id", Id, primary_key=True),
    _to("cells", index=True),
    Column("epoch", Integer, nullable=False),
    Column("units", Integer, nullable=False),  # a leg with parallel machine detection holds four channels of its cell
    _moment("granted_at", nullable=False),
    _moment("released_at"),
)

refusals = Table(
    "refusals",
    metadata,
    _id(),
    _to("tenants"),
    _to("campaigns"),
    _to("agents"),
    _to("offers", nullable=True),  # none: the offer did not even open
    Column("code", Code, nullable=False),
    Column("scope_id", Id),
    Column("used", Integer),
    Column("limit", Integer),
    _moment("refused_at", nullable=False),
    Index("ix_refusals_tenant", "tenant_id", "refused_at"),
)

events = Table(
    "events",
    metadata,
    Column("id", Sequence, primary_key=True, autoincrement=True),
    Column("tenant_id", Id, nullable=False),
    Column("agent_id", Id),  # whose desktop it concerns
    Column("kind", Code, nullable=False),
    _json("payload"),
    _moment("at", nullable=False),
    Index("ix_events_at", "at"),
    sqlite_autoincrement=True,
)
"""The outbox of the live feed: written in the transaction that made it true, kept 24 hours."""
