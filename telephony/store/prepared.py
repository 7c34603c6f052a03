"""Statements on a call's path: compiled once, then run straight on the driver's cursor.

SQLAlchemy makes the SQL and converts the values, as everywhere; but its way through `Connection.execute` costs a
multiple of what the database needs, and a call has some eighty statements. What is run here is part of the
connection's transaction like everything else, and errors are SQLAlchemy's own.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, NoResultFound

_Processor = Callable[[Any], Any]
_NOTHING: Mapping[str, Any] = {}


class Rows(list[Any]):
    """The rows of one execution as named tuples; `rowcount`: how many rows were changed."""

    rowcount = 0

    def first(self) -> Any:
        return self[0] if self else None

    one_or_none = first

    def one(self) -> Any:
        if not self:
            raise NoResultFound("No row was found when one was required")
        return self[0]

    def all(self) -> Rows:
        return self

    def scalars(self) -> list[Any]:
        return list(map(itemgetter(0), self))

    def scalar_one(self) -> Any:
        return self.one()[0]

    def scalar_one_or_none(self) -> Any:
        return self[0][0] if self else None


class Prepared:
    """A statement whose parameters are all `bindparam`s or an insert's columns; none of them expanding."""

    def __init__(self, statement: Any) -> None:
        self._statement = statement
        self._plans: dict[tuple[str, ...], _Plan] = {}

    def __call__(self, conn: Connection, values: Mapping[str, Any] = _NOTHING) -> Rows:
        """Run it once; the rows it returned."""
        plan = self._plans.get((conn.dialect.name, *values)) or self._plan(conn, values)
        return plan.run(conn, values)

    def many(self, conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it for each of at least one row of values, all with the same names."""
        self._plan(conn, rows[0]).run_many(conn, rows)

    def _plan(self, conn: Connection, values: Mapping[str, Any]) -> _Plan:
        key = (conn.dialect.name, *values)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = _Plan(self._statement, conn, tuple(values))
        return plan


class _Plan:
    """A statement for one driver and one set of given names."""

    def __init__(self, statement: Any, conn: Connection, given: tuple[str, ...]) -> None:
        dialect = conn.dialect
        compiled: Any = statement.compile(dialect=dialect, column_keys=list(given))
        self._sql = str(compiled)
        self._positional = compiled.positiontup is not None
        self._fixed = {name: bind.effective_value for name, bind in compiled.binds.items() if name not in given}
        self._names = tuple(compiled.positiontup or compiled.binds)
        self._pick = _picker(self._names)
        found = [compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect) for name in self._names]
        self._converted = [(at, processor) for at, processor in enumerate(found) if processor is not None]
        columns = list(statement.exported_columns)
        self._row: Any = namedtuple("Row", [column.key for column in columns], rename=True) if columns else None
        self._types = [column.type.dialect_impl(dialect) for column in columns]
        self._results: list[tuple[int, _Processor]] | None = None

    def _values(self, values: Mapping[str, Any]) -> Any:
        sent = list(self._pick({**self._fixed, **values} if self._fixed else values))
        for at, processor in self._converted:
            sent[at] = processor(sent[at])
        return sent if self._positional else dict(zip(self._names, sent, strict=True))

    def run_many(self, conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        execute(conn, self._sql, [self._values(row) for row in rows], many=True).close()

    def run(self, conn: Connection, values: Mapping[str, Any]) -> Rows:
        cursor = execute(conn, self._sql, self._values(values))
        rows = Rows()
        if self._row is None:
            rows.rowcount = cursor.rowcount
        else:
            if self._results is None:
                self._results = self._processors(conn, cursor)
            make, results = self._row._make, self._results
            for raw in cursor.fetchall():
                if results:
                    raw = list(raw)
                    for at, processor in results:
                        raw[at] = processor(raw[at])
                rows.append(make(raw))
            rows.rowcount = len(rows)
        cursor.close()
        return rows

    def _processors(self, conn: Connection, cursor: Any) -> list[tuple[int, _Processor]]:
        # drivers tell the type of a column with its first rows only
        described = zip(self._types, cursor.description, strict=True)
        found = [kind.result_processor(conn.dialect, column[1]) for kind, column in described]
        return [(at, processor) for at, processor in enumerate(found) if processor is not None]


def _picker(names: tuple[str, ...]) -> Callable[[Mapping[str, Any]], Iterable[Any]]:
    """Of named values those with these names, in their order."""
    if len(names) > 1:
        return itemgetter(*names)  # one name alone it would not give as a tuple
    return lambda values: [values[name] for name in names]


def execute(conn: Connection, sql: str, values: Any = (), *, many: bool = False) -> Any:
    """Run SQL text on the connection's driver; its cursor. Raises SQLAlchemy's errors, without the values in them."""
    dialect = conn.dialect
    cursor = conn.connection.cursor()
    try:
        if many:
            cursor.executemany(sql, values)
        else:
            cursor.execute(sql, values)
    except dialect.loaded_dbapi.Error as error:
        gone = dialect.is_disconnect(error, conn.connection, cursor)
        raise DBAPIError.instance(
            sql,
            None,
            error,
            dialect.loaded_dbapi.Error,
            hide_parameters=True,
            connection_invalidated=gone,
            dialect=dialect,
        ) from error
    return cursor
