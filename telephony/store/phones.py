"""Whose phone is it: an endpoint of a cell's PBX belongs to one agent, and a trunk is nobody's phone."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from telephony.store.errors import Invalid, Taken
from telephony.store.schema import agents, trunk_cells, trunks


def give_phone(conn: Connection, agent_id: str, phone: str) -> None:
    """Set an agent's phone; empty: none. Raises `Taken` for another agent's, `Invalid` for a trunk's endpoint."""
    cell_id = conn.execute(select(agents.c.cell_id).where(agents.c.id == agent_id)).scalar_one()
    if phone:
        others = select(agents.c.id).where(
            agents.c.cell_id == cell_id, agents.c.phone == phone, agents.c.id != agent_id
        )
        if conn.execute(others).first() is not None:
            raise Taken("phone", "is another agent's phone; choose your own, or let the other one give it up first")
        templates = conn.execute(
            select(trunks.c.dial_template)
            .join(trunk_cells, trunk_cells.c.trunk_id == trunks.c.id)
            .where(trunk_cells.c.cell_id == cell_id)
        ).scalars()
        if any(phone in _endpoints(template) for template in templates):
            raise Invalid("phone", "is a trunk, not a phone; name the endpoint of a phone")
    conn.execute(update(agents).where(agents.c.id == agent_id).values(phone=phone))


def _endpoints(template: str) -> set[str]:
    """The endpoints a dial template may mean: `PJSIP/{number}@carrier`, `PJSIP/carrier/sip:{number}@host`."""
    rest = template.partition("/")[2]
    return {rest.rpartition("@")[2], rest.partition("/")[0]}
