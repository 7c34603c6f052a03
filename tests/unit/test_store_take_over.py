"""A cell changes hands between two transactions of its old process, never inside one."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from telephony.store import cells, grants
from telephony.store.engine import Store
from telephony.store.grants import LostCell, Place
from telephony.store.work import Work, change
from tests.support.company import company

pytestmark = pytest.mark.unit


def take_over(work: Work) -> Place:
    return cells.take_over(work.conn, name="Acme cell", data_center="Acme hall", url="", max_channels=1, max_calls=1)


async def test_a_cell_is_not_taken_over_in_the_middle_of_a_grant(postgres_url: str) -> None:
    old, new = Store(postgres_url), Store(postgres_url)
    try:
        await change(old, lambda work: company(work.conn))
        place = await change(old, take_over)

        def granting(work: Work) -> None:
            grants.check_place(work, place)
            with new.engine.connect() as other:
                other.execute(text("SET lock_timeout = '200ms'"))
                with pytest.raises(OperationalError, match="lock timeout"):
                    take_over(Work(other, work.now))

        await change(old, granting)
        assert (await change(new, take_over)).epoch == place.epoch + 1
        with pytest.raises(LostCell):
            await change(old, lambda work: grants.check_place(work, place))
    finally:
        await asyncio.gather(old.close(), new.close())
