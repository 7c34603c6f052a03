"""GET /healthz: the process answers. GET /readyz: calls can be made."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from telephony.store.engine import StoreUnavailable
from telephony.web.exchange import Exchange
from telephony.web.problems import Problem
from telephony.web.routes import PUBLIC, Routes

STORE_WAIT = 2.0
"""Seconds the database has to answer; load balancers ask every few seconds and wait no longer."""

routes = Routes("Service", prefix="")


class Health(BaseModel):
    status: str


@routes.get("/healthz", "Whether the process answers", roles=PUBLIC, answer=Health)
async def healthz(exchange: Exchange) -> Any:
    return {"status": "ok"}


@routes.get("/readyz", "Whether calls can be made", roles=PUBLIC, answer=Health, errors=("NOT_READY",))
async def readyz(exchange: Exchange) -> Any:
    """The refusal's `missing` names what is not there: `database`, `pbx` or `survey`."""
    missing = []
    try:
        async with asyncio.timeout(STORE_WAIT):
            await exchange.run(lambda conn: conn.execute(select(1)).scalar_one())
    except (TimeoutError, SQLAlchemyError, StoreUnavailable):
        missing.append("database")
    if not exchange.floor.pbx_connected:
        missing.append("pbx")
    elif not exchange.floor.ready:
        missing.append("survey")
    if missing:
        raise Problem("NOT_READY", missing=missing)
    return {"status": "ok"}
