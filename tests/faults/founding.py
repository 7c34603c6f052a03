"""A company with many agents who are signed in already, for services that run as processes of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, update

from telephony.store import accounts, campaigns, infrastructure, schema, teams
from telephony.store.accounts import NewUser, Role
from telephony.store.sessions import open_session
from telephony.store.work import Work
from tests.support.company import Company, company, take_in
from tests.support.platform import TRUNK, WEB_AGENTS
from tests.support.shift import settings

ROOMY = 1000
"""A limit that is not what the test is about."""

FIRST_CELL = "Acme cell"
DATA_CENTER = "Acme hall"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """An agent with phone, cell and the token of an open session: a password check each would cost 50 ms."""

    agent_id: str
    phone: str
    cell: str
    token: str


def found(
    work: Work,
    *,
    phones: Sequence[str],
    numbers: Sequence[str],
    cells: Sequence[str] = (FIRST_CELL,),
    max_calls: int = ROOMY,
    **wanted: Any,
) -> tuple[Company, list[Seat]]:
    """An agent for each phone in each cell, a contact for each number, one running campaign."""
    here = company(work.conn, settings=settings(**wanted))
    ids = {FIRST_CELL: here.cell_id}
    for name in cells[1:]:
        cell = infrastructure.NewCell(name=name, data_center_id=here.data_center_id, max_channels=ROOMY)
        ids[name] = infrastructure.create_cell(work.conn, cell)["id"]
        work.conn.execute(insert(schema.trunk_cells).values(trunk_id=here.trunk_id, cell_id=ids[name]))
    work.conn.execute(update(schema.cells).values(max_channels=ROOMY))
    work.conn.execute(update(schema.data_centers).values(max_calls=ROOMY))
    work.conn.execute(update(schema.tenants).values(max_calls=max_calls))
    trunk = {"max_channels": ROOMY, "max_calls_per_second": ROOMY, "dial_template": f"PJSIP/{{number}}@{TRUNK}"}
    work.conn.execute(update(schema.trunks).values(trunk))
    seats = [_seat(work, here, phone, cell, ids[cell]) for cell in cells for phone in phones]
    members = teams.TeamChange(user_ids=tuple(seat.agent_id for seat in seats))
    teams.change_team(work.conn, here.tenant_id, here.team_id, members)
    take_in(work, here, *({"external_id": f"c{n}", "number": number} for n, number in enumerate(numbers)))
    campaigns.run_campaign(work, here.tenant_id, here.campaign_id, running=True)
    return here, seats


def _seat(work: Work, here: Company, phone: str, cell: str, cell_id: str) -> Seat:
    in_browser = phone in WEB_AGENTS  # Asterisk's endpoints go by the name alone
    user = NewUser.model_validate(
        {
            "username": phone if in_browser else f"{phone}.{cell_id}",
            "name": phone,
            "role": Role.AGENT,
            "password": "correct horse",
            "cell_id": cell_id,
            "phone": "" if in_browser else phone,
        }
    )
    made = accounts.create_user(work.conn, here.tenant_id, user, password_hash="-", now=work.now)
    token = open_session(work.conn, made["id"], now=work.now, lifetime=timedelta(hours=1))
    return Seat(agent_id=made["id"], phone=phone, cell=cell, token=token)
