"""State tables: (state, event) -> (state, effects), as data.

A pair that is not in a table raises `IllegalStep` and changes nothing. The diagrams in STATES.md are drawn
from the same rows, so what is documented is what runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)
X = TypeVar("X", bound=StrEnum)


class IllegalStep(Exception):
    """An event met a state that does not know it; nothing was changed."""

    def __init__(self, table: str, state: StrEnum, event: StrEnum) -> None:
        super().__init__(f"{table}: no step for {event.value} in state {state.value}")
        self.table = table
        self.state = state
        self.event = event


@dataclass(frozen=True, slots=True)
class Step(Generic[S, X]):
    """What one event leads to: the new state and what must be done once it is stored, in this order."""

    state: S
    effects: tuple[X, ...]


class Table(Generic[S, E, X]):
    """A named set of rows; `initial` is where a new thing starts, `final` states have no way out."""

    def __init__(
        self,
        name: str,
        *,
        initial: S,
        final: frozenset[S] = frozenset(),
        rows: Mapping[tuple[S, E], tuple[S, tuple[X, ...]]],
    ) -> None:
        for state, event in rows:
            if state in final:
                raise ValueError(f"{name}: {event.value} leaves the final state {state.value}")
        self.name = name
        self.initial = initial
        self.final = final
        self._rows = {pair: Step(state, effects) for pair, (state, effects) in rows.items()}

    def step(self, state: S, event: E) -> Step[S, X]:
        """The step for this pair; raises `IllegalStep` where the table has none."""
        found = self._rows.get((state, event))
        if found is None:
            raise IllegalStep(self.name, state, event)
        return found

    def knows(self, state: S, event: E) -> bool:
        return (state, event) in self._rows

    def __iter__(self) -> Iterator[tuple[S, E, Step[S, X]]]:
        for (state, event), step in self._rows.items():
            yield state, event, step
