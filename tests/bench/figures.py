"""Figures of a measurement and the table they are printed in."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured value; `aim` is the most it should be, None for one that is only told."""

    name: str
    value: float
    unit: str
    aim: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        if self.aim is None:
            return ""
        return "met" if self.value <= self.aim else "not met"


def quantile(values: Sequence[float], part: float) -> float:
    """The smallest value that at least this part of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def middle(values: Sequence[float]) -> float:
    return median(values)


def table(figures: Sequence[Figure]) -> str:
    rows = [("figure", "measured", "aim", "", "")]
    rows += [
        (
            figure.name,
            f"{figure.value:.1f} {figure.unit}",
            "" if figure.aim is None else f"{figure.aim:g} {figure.unit}",
            figure.verdict,
            figure.note,
        )
        for figure in figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def load() -> str:
    """What else the machine has to do: a figure taken at twice as many runnable tasks as cores is worth little."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
