"""Whose phone is it: an endpoint of a cell's PBX belongs to one agent, and a trunk is nobody's phone."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from telephony.model.browser_phone import endpoint_of, is_browser_phone
from telephony.store.errors import Invalid, Taken
from telephony.store.schema import agents, trunk_cells, trunks, users


def give_phone(conn: Connection, agent_id: str, phone: str) -> None:
    """Set an agent's SIP phone; empty: none. Raises `Taken` for another agent's, `Invalid` for what is none."""
    if is_browser_phone(phone):
        raise Invalid("phone", "is a phone in a browser, which belongs to one user; its user can choose the browser")
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


def choose_browser(conn: Connection, agent_id: str, *, chosen: bool) -> None:
    """Call the agent in the browser, or at the SIP phone again; raises `Invalid` where the name is too long for one."""
    endpoint = ""
    if chosen:
        endpoint = endpoint_of(conn.execute(select(users.c.username).where(users.c.id == agent_id)).scalar_one())
        if not endpoint:
            raise Invalid("kind", "the user name is too long for a phone in the browser; choose a SIP phone")
    conn.execute(update(agents).where(agents.c.id == agent_id).values(browser_phone=endpoint))


def follow_name(conn: Connection, user_id: str) -> None:
    """The user's name changed, and with it the phone in the browser."""
    used = select(agents.c.id).where(agents.c.id == user_id, agents.c.browser_phone != "")
    if conn.execute(used).first() is not None:
        choose_browser(conn, user_id, chosen=True)


def _endpoints(template: str) -> set[str]:
    """The endpoints a dial template may mean: `PJSIP/{number}@carrier`, `PJSIP/carrier/sip:{number}@host`."""
    rest = template.partition("/")[2]
    return {rest.rpartition("@")[2], rest.partition("/")[0]}
