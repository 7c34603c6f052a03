"""Data centers and cells: where the calls are made and how many may be up there."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints
from sqlalchemy import Connection, delete, select

from telephony.store import inputs
from telephony.store.errors import unique, unreferenced
from telephony.store.paging import Page, PageRequest, Row, page
from telephony.store.rows import add, alter, check_references, given, one
from telephony.store.schema import cells, data_centers

Url = Annotated[str, StringConstraints(pattern=r"^(https?://[^\s/?#]+)?$", max_length=300)]


class NewDataCenter(inputs.Input):
    name: inputs.Name
    max_calls: inputs.Calls


class DataCenterChange(inputs.Input):
    name: inputs.Name | None = None
    max_calls: inputs.Calls | None = None


class NewCell(inputs.Input):
    name: inputs.Name
    data_center_id: inputs.Reference
    max_channels: inputs.Calls
    url: Annotated[Url, Field(description="where the other cells reach its API, e.g. http://10.0.0.5:8080")] = ""


class CellChange(inputs.Input):
    name: inputs.Name | None = None
    data_center_id: inputs.Reference | None = None
    max_channels: inputs.Calls | None = None
    url: Url | None = None


def data_center(conn: Connection, id_: str) -> Row:
    return one(conn, select(data_centers).where(data_centers.c.id == id_), "data center")


def data_centers_page(conn: Connection, request: PageRequest) -> Page:
    return page(conn, select(data_centers), data_centers.c.id, request)


def create_data_center(conn: Connection, new: NewDataCenter) -> Row:
    with unique(conn, "name", f"a data center {new.name!r} exists already"):
        return data_center(conn, add(conn, data_centers, new.model_dump()))


def change_data_center(conn: Connection, id_: str, change: DataCenterChange) -> Row:
    with unique(conn, "name", f"a data center {change.name!r} exists already"):
        alter(conn, data_centers, [data_centers.c.id == id_], given(change), "data center")
    return data_center(conn, id_)


def delete_data_center(conn: Connection, id_: str) -> None:
    data_center(conn, id_)
    with unreferenced(conn, "the data center still has cells"):
        conn.execute(delete(data_centers).where(data_centers.c.id == id_))


_CELL = tuple(cells.c[name] for name in ("id", "name", "data_center_id", "max_channels", "url"))


def cell(conn: Connection, id_: str) -> Row:
    return one(conn, select(*_CELL).where(cells.c.id == id_), "cell")


def cells_page(conn: Connection, request: PageRequest) -> Page:
    return page(conn, select(*_CELL), cells.c.id, request)


def create_cell(conn: Connection, new: NewCell) -> Row:
    check_references(conn, data_centers, [new.data_center_id], "data_center_id", "data center")
    with unique(conn, "name", f"a cell {new.name!r} exists already"):
        return cell(conn, add(conn, cells, new.model_dump()))


def change_cell(conn: Connection, id_: str, change: CellChange) -> Row:
    values = given(change)
    if change.data_center_id is not None:
        check_references(conn, data_centers, [change.data_center_id], "data_center_id", "data center")
    with unique(conn, "name", f"a cell {change.name!r} exists already"):
        alter(conn, cells, [cells.c.id == id_], values, "cell")
    return cell(conn, id_)


def delete_cell(conn: Connection, id_: str) -> None:
    cell(conn, id_)
    with unreferenced(conn, "the cell still has agents, trunks or records"):
        conn.execute(delete(cells).where(cells.c.id == id_))
