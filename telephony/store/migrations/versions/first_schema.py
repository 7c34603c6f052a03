"""The whole product's tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from telephony.store.schema import Utc

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "data_centers",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("max_calls", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_centers")),
        sa.UniqueConstraint("name", name=op.f("uq_data_centers_name")),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("agent_id", sa.String(length=36), nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_at", "events", ["at"], unique=False)
    op.create_table(
        "tenants",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("max_calls", sa.Integer(), nullable=False),
        sa.Column("min_gap", sa.Integer(), server_default=sa.text("60"), nullable=False),
        sa.Column("daily_cap", sa.Integer(), server_default=sa.text("3"), nullable=False),
        sa.Column("drop_needs_consent", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("zone", sa.String(length=64), server_default="UTC", nullable=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenants")),
        sa.UniqueConstraint("name", name=op.f("uq_tenants_name")),
    )
    op.create_table(
        "usage",
        sa.Column("scope", sa.String(length=40), nullable=False),
        sa.Column("scope_id", sa.String(length=36), nullable=False),
        sa.Column("used", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("scope", "scope_id", name=op.f("pk_usage")),
    )
    op.create_table(
        "campaigns",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("running", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("priority", sa.Integer(), server_default=sa.text("50"), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("voicemail_message_id", sa.String(length=36), nullable=True),
        sa.Column("abandon_message_id", sa.String(length=36), nullable=True),
        sa.Column("served_at", Utc(), nullable=True),
        sa.Column("due_from", sa.String(length=120), nullable=True),
        sa.Column("created_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_campaigns_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_campaigns_tenant_id_name")),
    )
    op.create_table(
        "cells",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("data_center_id", sa.String(length=36), nullable=False),
        sa.Column("max_channels", sa.Integer(), nullable=False),
        sa.Column("url", sa.String(length=300), server_default="", nullable=False),
        sa.Column("epoch", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["data_center_id"], ["data_centers.id"], name=op.f("fk_cells_data_center_id_data_centers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cells")),
        sa.UniqueConstraint("name", name=op.f("uq_cells_name")),
    )
    op.create_table(
        "dialed",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("e164", sa.String(length=16), nullable=False),
        sa.Column("attempt_id", sa.String(length=36), nullable=False),
        sa.Column("placed_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_dialed_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dialed")),
    )
    op.create_index("ix_dialed_number", "dialed", ["tenant_id", "e164", "placed_at"], unique=False)
    op.create_table(
        "do_not_call",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("e164", sa.String(length=16), nullable=False),
        sa.Column("added_by", sa.String(length=36), nullable=True),
        sa.Column("why", sa.String(length=200), server_default="", nullable=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_do_not_call_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "e164", name=op.f("pk_do_not_call")),
    )
    op.create_table(
        "fields",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_fields_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fields")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_fields_tenant_id_name")),
    )
    op.create_table(
        "messages",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("path", sa.String(length=300), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_messages_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
    )
    op.create_table(
        "number_pauses",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("e164", sa.String(length=16), nullable=False),
        sa.Column("until", Utc(), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_number_pauses_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "e164", name=op.f("pk_number_pauses")),
    )
    op.create_table(
        "teams",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_teams_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teams")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_teams_tenant_id_name")),
    )
    op.create_table(
        "trunks",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("dial_template", sa.String(length=200), nullable=False),
        sa.Column("max_channels", sa.Integer(), nullable=False),
        sa.Column("max_calls_per_second", sa.Float(), nullable=False),
        sa.Column("number_ranges", sa.JSON(), nullable=False),
        sa.Column("caller_ids", sa.JSON(), nullable=False),
        sa.Column("max_ring", sa.Integer(), server_default=sa.text("60"), nullable=False),
        sa.Column("position", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_trunks_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trunks")),
        sa.UniqueConstraint("name", name=op.f("uq_trunks_name")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=True),
        sa.Column("username", sa.String(length=120), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("password_hash", sa.String(length=300), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("language", sa.String(length=5), server_default="en", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_users_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("username", name=op.f("uq_users_username")),
    )
    op.create_index(op.f("ix_users_tenant_id"), "users", ["tenant_id"], unique=False)
    op.create_table(
        "agents",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("cell_id", sa.String(length=36), nullable=False),
        sa.Column("phone", sa.String(length=80), server_default="", nullable=False),
        sa.Column("browser_phone", sa.String(length=80), server_default="", nullable=False),
        sa.Column("state", sa.String(length=40), server_default="offline", nullable=False),
        sa.Column("idle_reason", sa.String(length=40), nullable=True),
        sa.Column("wish", sa.String(length=40), nullable=True),
        sa.Column("wish_reason", sa.String(length=40), nullable=True),
        sa.Column("state_since", Utc(), nullable=False),
        sa.Column("campaign_id", sa.String(length=36), nullable=True),
        sa.Column("reservation_id", sa.String(length=36), nullable=True),
        sa.Column("offer_id", sa.String(length=36), nullable=True),
        sa.Column("attempt_id", sa.String(length=36), nullable=True),
        sa.Column("wrap_up_until", Utc(), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_agents_campaign_id_campaigns")),
        sa.ForeignKeyConstraint(["cell_id"], ["cells.id"], name=op.f("fk_agents_cell_id_cells")),
        sa.ForeignKeyConstraint(["id"], ["users.id"], name=op.f("fk_agents_id_users")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_agents_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agents")),
    )
    op.create_index(op.f("ix_agents_cell_id"), "agents", ["cell_id"], unique=False)
    op.create_index(op.f("ix_agents_tenant_id"), "agents", ["tenant_id"], unique=False)
    op.create_table(
        "campaign_teams",
        sa.Column("campaign_id", sa.String(length=36), nullable=False),
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_teams_campaign_id_campaigns")
        ),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_campaign_teams_team_id_teams")),
        sa.PrimaryKeyConstraint("campaign_id", "team_id", name=op.f("pk_campaign_teams")),
    )
    op.create_index(op.f("ix_campaign_teams_team_id"), "campaign_teams", ["team_id"], unique=False)
    op.create_table(
        "contact_counts",
        sa.Column("campaign_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("contacts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_contact_counts_campaign_id_campaigns")
        ),
        sa.PrimaryKeyConstraint("campaign_id", "state", name=op.f("pk_contact_counts")),
    )
    op.create_table(
        "grants",
        sa.Column("owner_id", sa.String(length=36), nullable=False),
        sa.Column("scope", sa.String(length=40), nullable=False),
        sa.Column("scope_id", sa.String(length=36), nullable=False),
        sa.Column("cell_id", sa.String(length=36), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("granted_at", Utc(), nullable=False),
        sa.Column("released_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(["cell_id"], ["cells.id"], name=op.f("fk_grants_cell_id_cells")),
        sa.PrimaryKeyConstraint("owner_id", "scope", "scope_id", name=op.f("pk_grants")),
    )
    op.create_index(op.f("ix_grants_cell_id"), "grants", ["cell_id"], unique=False)
    op.create_table(
        "legs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("cell_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("attempt_id", sa.String(length=36), nullable=True),
        sa.Column("agent_id", sa.String(length=36), nullable=True),
        sa.Column("trunk_id", sa.String(length=36), nullable=True),
        sa.Column("e164", sa.String(length=16), nullable=True),
        sa.Column("abandon_message_id", sa.String(length=36), nullable=True),
        sa.Column("placed_at", Utc(), nullable=True),
        sa.Column("rang_at", Utc(), nullable=True),
        sa.Column("answered_at", Utc(), nullable=True),
        sa.Column("ended_at", Utc(), nullable=True),
        sa.Column("cause", sa.Integer(), nullable=True),
        sa.Column("sip", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(["cell_id"], ["cells.id"], name=op.f("fk_legs_cell_id_cells")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_legs_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legs")),
    )
    op.create_index(op.f("ix_legs_attempt_id"), "legs", ["attempt_id"], unique=False)
    op.create_index("ix_legs_live", "legs", ["cell_id", "ended_at"], unique=False)
    op.create_index("ix_legs_trunk", "legs", ["trunk_id", "placed_at"], unique=False)
    op.create_table(
        "lists",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("campaign_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("priority", sa.Integer(), server_default=sa.text("50"), nullable=False),
        sa.Column("expires_at", Utc(), nullable=True),
        sa.Column("created_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_lists_campaign_id_campaigns")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_lists_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lists")),
        sa.UniqueConstraint("campaign_id", "name", name=op.f("uq_lists_campaign_id_name")),
    )
    op.create_index(op.f("ix_lists_campaign_id"), "lists", ["campaign_id"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("expires_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id_users")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_user_id"), "sessions", ["user_id"], unique=False)
    op.create_table(
        "team_members",
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_team_members_team_id_teams")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_team_members_user_id_users")),
        sa.PrimaryKeyConstraint("team_id", "user_id", name=op.f("pk_team_members")),
    )
    op.create_index(op.f("ix_team_members_user_id"), "team_members", ["user_id"], unique=False)
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("expires_at", Utc(), nullable=True),
        sa.Column("revoked_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_tokens_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_tokens_token_hash")),
    )
    op.create_index(op.f("ix_tokens_user_id"), "tokens", ["user_id"], unique=False)
    op.create_table(
        "trunk_cells",
        sa.Column("trunk_id", sa.String(length=36), nullable=False),
        sa.Column("cell_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["cell_id"], ["cells.id"], name=op.f("fk_trunk_cells_cell_id_cells")),
        sa.ForeignKeyConstraint(["trunk_id"], ["trunks.id"], name=op.f("fk_trunk_cells_trunk_id_trunks")),
        sa.PrimaryKeyConstraint("trunk_id", "cell_id", name=op.f("pk_trunk_cells")),
    )
    op.create_table(
        "contacts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("campaign_id", sa.String(length=36), nullable=False),
        sa.Column("list_id", sa.String(length=36), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=True),
        sa.Column("consent", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("state", sa.String(length=40), server_default="waiting", nullable=False),
        sa.Column("due_at", Utc(), nullable=True),
        sa.Column("shuts_at", Utc(), nullable=True),
        sa.Column("waits_for", sa.String(length=40), nullable=True),
        sa.Column("retry_at", Utc(), nullable=True),
        sa.Column("why", sa.String(length=200), nullable=True),
        sa.Column("changed_by", sa.String(length=36), nullable=True),
        sa.Column("callback_agent_id", sa.String(length=36), nullable=True),
        sa.Column("callback_at", Utc(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("skips", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_agent_id", sa.String(length=36), nullable=True),
        sa.Column("holder_id", sa.String(length=36), nullable=True),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("updated_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_contacts_campaign_id_campaigns")),
        sa.ForeignKeyConstraint(["list_id"], ["lists.id"], name=op.f("fk_contacts_list_id_lists")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_contacts_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
        sa.UniqueConstraint("campaign_id", "external_id", name=op.f("uq_contacts_campaign_id_external_id")),
    )
    op.create_index("ix_contacts_callbacks", "contacts", ["callback_agent_id", "state", "due_at"], unique=False)
    op.create_index(
        "ix_contacts_due", "contacts", ["list_id", "state", "due_at", "id", "shuts_at", "waits_for"], unique=False
    )
    op.create_index("ix_contacts_shut", "contacts", ["state", "shuts_at"], unique=False)
    op.create_table(
        "imports",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("campaign_id", sa.String(length=36), nullable=False),
        sa.Column("list_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=200), server_default="", nullable=False),
        sa.Column("total_bytes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("read_bytes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("added", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("updated", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rejected", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("started_by", sa.String(length=36), nullable=True),
        sa.Column("started_at", Utc(), nullable=False),
        sa.Column("progress_at", Utc(), nullable=False),
        sa.Column("ended_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_imports_campaign_id_campaigns")),
        sa.ForeignKeyConstraint(["list_id"], ["lists.id"], name=op.f("fk_imports_list_id_lists")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_imports_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
    )
    op.create_index(op.f("ix_imports_campaign_id"), "imports", ["campaign_id"], unique=False)
    op.create_table(
        "reservations",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("cell_id", sa.String(length=36), nullable=False),
        sa.Column("campaign_id", sa.String(length=36), nullable=False),
        sa.Column("agent_id", sa.String(length=36), nullable=False),
        sa.Column("contact_id", sa.String(length=36), nullable=True),
        sa.Column("leg_id", sa.String(length=36), nullable=False),
        sa.Column("started_at", Utc(), nullable=False),
        sa.Column("answered_at", Utc(), nullable=True),
        sa.Column("ended_at", Utc(), nullable=True),
        sa.Column("end", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_reservations_agent_id_agents")),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_reservations_campaign_id_campaigns")),
        sa.ForeignKeyConstraint(["cell_id"], ["cells.id"], name=op.f("fk_reservations_cell_id_cells")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_reservations_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservations")),
    )
    op.create_index(op.f("ix_reservations_agent_id"), "reservations", ["agent_id"], unique=False)
    op.create_table(
        "busy_numbers",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("e164", sa.String(length=16), nullable=False),
        sa.Column("contact_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_busy_numbers_contact_id_contacts")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_busy_numbers_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "e164", name=op.f("pk_busy_numbers")),
    )
    op.create_index(op.f("ix_busy_numbers_contact_id"), "busy_numbers", ["contact_id"], unique=False)
    op.create_table(
        "import_rejections",
        sa.Column("import_id", sa.String(length=36), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("field", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_import_rejections_import_id_imports")),
        sa.PrimaryKeyConstraint("import_id", "row", name=op.f("pk_import_rejections")),
    )
    op.create_table(
        "numbers",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("contact_id", sa.String(length=36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("e164", sa.String(length=16), nullable=False),
        sa.Column("label", sa.String(length=60), server_default="", nullable=False),
        sa.Column("zones", sa.Text(), server_default="", nullable=False),
        sa.Column("status", sa.String(length=40), server_default="open", nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_numbers_contact_id_contacts")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_numbers_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_numbers")),
        sa.UniqueConstraint("contact_id", "position", name=op.f("uq_numbers_contact_id_position")),
    )
    op.create_index("ix_numbers_tenant_e164", "numbers", ["tenant_id", "e164"], unique=False)
    op.create_table(
        "offers",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("cell_id", sa.String(length=36), nullable=False),
        sa.Column("campaign_id", sa.String(length=36), nullable=False),
        sa.Column("agent_id", sa.String(length=36), nullable=False),
        sa.Column("contact_id", sa.String(length=36), nullable=False),
        sa.Column("number_id", sa.String(length=36), nullable=False),
        sa.Column("e164", sa.String(length=16), nullable=False),
        sa.Column("reservation_id", sa.String(length=36), nullable=True),
        sa.Column("state", sa.String(length=40), server_default="open", nullable=False),
        sa.Column("action", sa.String(length=40), nullable=True),
        sa.Column("code", sa.String(length=40), nullable=True),
        sa.Column("closed_by", sa.String(length=36), nullable=True),
        sa.Column("attempt_id", sa.String(length=36), nullable=True),
        sa.Column("mode", sa.String(length=40), nullable=False),
        sa.Column("card", sa.JSON(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("opened_at", Utc(), nullable=False),
        sa.Column("expires_at", Utc(), nullable=True),
        sa.Column("closed_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_offers_agent_id_agents")),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_offers_campaign_id_campaigns")),
        sa.ForeignKeyConstraint(["cell_id"], ["cells.id"], name=op.f("fk_offers_cell_id_cells")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_offers_contact_id_contacts")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_offers_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offers")),
    )
    op.create_index("ix_offers_agent", "offers", ["agent_id", "opened_at"], unique=False)
    op.create_index(op.f("ix_offers_contact_id"), "offers", ["contact_id"], unique=False)
    op.create_index("ix_offers_open", "offers", ["cell_id", "state"], unique=False)
    op.create_table(
        "attempts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("cell_id", sa.String(length=36), nullable=False),
        sa.Column("campaign_id", sa.String(length=36), nullable=False),
        sa.Column("contact_id", sa.String(length=36), nullable=False),
        sa.Column("offer_id", sa.String(length=36), nullable=False),
        sa.Column("agent_id", sa.String(length=36), nullable=False),
        sa.Column("number_id", sa.String(length=36), nullable=False),
        sa.Column("e164", sa.String(length=16), nullable=False),
        sa.Column("mode", sa.String(length=40), nullable=False),
        sa.Column("amd", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("leg_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cancelled_by", sa.String(length=40), nullable=True),
        sa.Column("outcome", sa.String(length=40), nullable=True),
        sa.Column("code", sa.String(length=40), nullable=True),
        sa.Column("amd_verdict", sa.String(length=40), nullable=True),
        sa.Column("amd_cause", sa.String(length=120), nullable=True),
        sa.Column("amd_after", sa.Float(), nullable=True),
        sa.Column("beep_after", sa.Float(), nullable=True),
        sa.Column("voicemail_left", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=True),
        sa.Column("message_when", sa.String(length=40), nullable=True),
        sa.Column("recording", sa.String(length=40), nullable=True),
        sa.Column("away", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("muted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("held_since", Utc(), nullable=True),
        sa.Column("held_for", sa.Float(), server_default=sa.text("0"), nullable=False),
        sa.Column("transfer_state", sa.String(length=40), nullable=True),
        sa.Column("transfer_to", sa.String(length=200), nullable=True),
        sa.Column("transfer_agent_id", sa.String(length=36), nullable=True),
        sa.Column("transferred_at", Utc(), nullable=True),
        sa.Column("monitor_mode", sa.String(length=40), nullable=True),
        sa.Column("monitored_by", sa.String(length=200), nullable=True),
        sa.Column("disposition", sa.String(length=40), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("callback_at", Utc(), nullable=True),
        sa.Column("callback_agent_id", sa.String(length=36), nullable=True),
        sa.Column("granted_at", Utc(), nullable=False),
        sa.Column("placed_at", Utc(), nullable=True),
        sa.Column("ringing_at", Utc(), nullable=True),
        sa.Column("answered_at", Utc(), nullable=True),
        sa.Column("joined_at", Utc(), nullable=True),
        sa.Column("ended_at", Utc(), nullable=True),
        sa.Column("wrapped_up_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_attempts_agent_id_agents")),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_attempts_campaign_id_campaigns")),
        sa.ForeignKeyConstraint(["cell_id"], ["cells.id"], name=op.f("fk_attempts_cell_id_cells")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_attempts_contact_id_contacts")),
        sa.ForeignKeyConstraint(["offer_id"], ["offers.id"], name=op.f("fk_attempts_offer_id_offers")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_attempts_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    op.create_index("ix_attempts_campaign", "attempts", ["campaign_id", "granted_at", "outcome"], unique=False)
    op.create_index(op.f("ix_attempts_contact_id"), "attempts", ["contact_id"], unique=False)
    op.create_index("ix_attempts_live", "attempts", ["cell_id", "state"], unique=False)
    op.create_index("ix_attempts_tenant", "attempts", ["tenant_id", "granted_at"], unique=False)
    op.create_table(
        "recordings",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("cell_id", sa.String(length=36), nullable=False),
        sa.Column("campaign_id", sa.String(length=36), nullable=False),
        sa.Column("attempt_id", sa.String(length=36), nullable=False),
        sa.Column("agent_id", sa.String(length=36), nullable=False),
        sa.Column("on_demand", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("error", sa.String(length=40), nullable=True),
        sa.Column("paused", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("started_at", Utc(), nullable=False),
        sa.Column("ended_at", Utc(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("removed_by", sa.String(length=36), nullable=True),
        sa.Column("removed_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_recordings_agent_id_agents")),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name=op.f("fk_recordings_attempt_id_attempts")),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_recordings_campaign_id_campaigns")),
        sa.ForeignKeyConstraint(["cell_id"], ["cells.id"], name=op.f("fk_recordings_cell_id_cells")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_recordings_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recordings")),
    )
    op.create_index(op.f("ix_recordings_attempt_id"), "recordings", ["attempt_id"], unique=False)
    op.create_index("ix_recordings_unsettled", "recordings", ["cell_id", "state", "ended_at"], unique=False)
    op.create_table(
        "refusals",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("campaign_id", sa.String(length=36), nullable=False),
        sa.Column("agent_id", sa.String(length=36), nullable=False),
        sa.Column("offer_id", sa.String(length=36), nullable=True),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("scope_id", sa.String(length=36), nullable=True),
        sa.Column("used", sa.Integer(), nullable=True),
        sa.Column("limit", sa.Integer(), nullable=True),
        sa.Column("refused_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_refusals_agent_id_agents")),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_refusals_campaign_id_campaigns")),
        sa.ForeignKeyConstraint(["offer_id"], ["offers.id"], name=op.f("fk_refusals_offer_id_offers")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_refusals_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refusals")),
    )
    op.create_index("ix_refusals_tenant", "refusals", ["tenant_id", "refused_at"], unique=False)
