"""Tenants: the customer organisations of an installation, with their limit and their rules for repeated calls."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field
from sqlalchemy import Connection, delete, select

from telephony.store import inputs
from telephony.store.errors import unique, unreferenced
from telephony.store.paging import Page, PageRequest, Row, page
from telephony.store.rows import add, alter, given, one
from telephony.store.schema import tenants

Gap = Annotated[int, Field(ge=0, le=10_080, description="minutes between two calls to one number")]
Cap = Annotated[int, Field(ge=1, le=100, description="calls to one number in a day of the tenant's zone")]

Consent = Annotated[bool, Field(description="whether a recorded message is dropped only to contacts with consent")]
Days = Annotated[inputs.Zone, Field(description="IANA name; the days of daily_cap are counted in it")]


class NewTenant(inputs.Input):
    name: inputs.Name
    max_calls: inputs.Calls
    min_gap: Gap = 60
    daily_cap: Cap = 3
    drop_needs_consent: Consent = True
    zone: Days = "UTC"


class TenantChange(inputs.Input):
    name: inputs.Name | None = None
    max_calls: inputs.Calls | None = None
    min_gap: Gap | None = None
    daily_cap: Cap | None = None
    drop_needs_consent: Consent | None = None
    zone: Days | None = None


def tenant(conn: Connection, tenant_id: str) -> Row:
    return one(conn, select(tenants).where(tenants.c.id == tenant_id), "tenant")


def tenants_page(conn: Connection, request: PageRequest) -> Page:
    return page(conn, select(tenants), tenants.c.id, request)


def create_tenant(conn: Connection, new: NewTenant, *, now: datetime) -> Row:
    with unique(conn, "name", f"a tenant {new.name!r} exists already"):
        return tenant(conn, add(conn, tenants, new.model_dump() | {"created_at": now}))


def change_tenant(conn: Connection, tenant_id: str, change: TenantChange) -> Row:
    """Change a tenant; a limit below its use lets running calls go on."""
    with unique(conn, "name", f"a tenant {change.name!r} exists already"):
        alter(conn, tenants, [tenants.c.id == tenant_id], given(change), "tenant")
    return tenant(conn, tenant_id)


def delete_tenant(conn: Connection, tenant_id: str) -> None:
    """Delete a tenant that owns nothing any more; raises `NoSuch`, `InUse`."""
    tenant(conn, tenant_id)
    with unreferenced(conn, "the tenant still owns users, campaigns or records"):
        conn.execute(delete(tenants).where(tenants.c.id == tenant_id))
