"""What every command starts from: the settings, the database, and how it says what is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from telephony.settings import Loaded, Settings, SettingsError, load

if TYPE_CHECKING:
    from telephony.store.engine import Store

CONFIGURATION = 2
"""Exit code for what must be put right before anything starts."""


class Setup:
    """The settings of this call of the command, read when first needed."""

    def __init__(self, config: Path | None) -> None:
        self._config = config

    @cached_property
    def loaded(self) -> Loaded:
        try:
            return load(self._config)
        except SettingsError as error:
            stop(*error.problems)

    @property
    def settings(self) -> Settings:
        return self.loaded.settings

    @contextmanager
    def database(self) -> Iterator[Store]:
        """The database, brought up to date; errors of the request and of the database end the command."""
        from sqlalchemy.exc import SQLAlchemyError

        from telephony.store.engine import Store, StoreUnavailable
        from telephony.store.errors import StoreError
        from telephony.store.migrate import DatabaseTooNew, upgrade

        try:
            self.settings.data_dir.mkdir(parents=True, exist_ok=True)
            store = Store(self.settings.database_url)
            try:
                upgrade(store)
                yield store
            finally:
                store.engine.dispose()
        except StoreError as error:
            raise click.ClickException(str(error)) from error
        except BrokenPipeError:
            raise  # who reads our output has seen enough, as in `... | head`
        except (StoreUnavailable, DatabaseTooNew, SQLAlchemyError, OSError) as error:
            stop(f"database_url: {str(error).splitlines()[0]}")


def stop(*problems: str) -> NoReturn:
    """Say what must be put right, one line each, and end with exit code 2."""
    for problem in problems:
        click.echo(f"telephony: {problem}", err=True)
    sys.exit(CONFIGURATION)


@contextmanager
def checked() -> Iterator[None]:
    """Values that were typed and are not right end the command, each named."""
    from pydantic import ValidationError

    try:
        yield
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        lines = [f"{'.'.join(map(str, one['loc']))}: {_wrong(one)}" for one in found]
        raise click.ClickException("; ".join(lines)) from error


def _wrong(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "there is none of this name"
    return str(error["msg"]).removeprefix("Value error, ")


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows in columns under a heading."""
    lines = [list(head), *([_text(value) for value in row] for row in rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(head))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def everything(pages: Callable[[str | None], Any]) -> Iterator[dict[str, Any]]:
    """The rows of all pages; `pages(after)` reads one."""
    after: str | None = None
    while True:
        page = pages(after)
        yield from page.items
        after = page.next
        if after is None:
            return


def named(rows: Iterable[dict[str, Any]], name: str, what: str, key: str = "name") -> dict[str, Any]:
    """The row of that name or id; ends the command, naming those there are."""
    known = list(rows)
    for row in known:
        if name in (row[key], row["id"]):
            return row
    names = ", ".join(sorted(row[key] for row in known)) or "none yet"
    raise click.ClickException(f"there is no {what} {name!r} (there are: {names})")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None or value == "" else str(value)
