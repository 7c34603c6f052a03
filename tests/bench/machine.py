"""What the machine does while something is measured: whether the product is slow, or only what measures it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable
from statistics import median

import psutil


class Effort:
    """CPU of groups of processes since it was made, in percent of a core; whoever has ended by then is left out."""

    def __init__(self, **pids: Iterable[int]) -> None:
        self._groups = {name: [psutil.Process(pid) for pid in group] for name, group in pids.items()}
        self._began = time.monotonic()
        self._before = {name: self._used(group) for name, group in self._groups.items()}
        psutil.cpu_percent()

    def told(self) -> str:
        """As in `2 cores 70 % busy: service 20, asterisk 15, browser 60, bench 30, others 15 % of a core`."""
        busy, cores, seconds = psutil.cpu_percent(), os.cpu_count() or 1, time.monotonic() - self._began
        parts = {name: (self._used(group) - self._before[name]) / seconds * 100 for name, group in self._groups.items()}
        parts["others"] = max(0.0, busy * cores - sum(parts.values()))
        told = ", ".join(f"{name} {part:.0f}" for name, part in parts.items())
        return f"{cores} cores {busy:.0f} % busy: {told} % of a core"

    @staticmethod
    def _used(group: Iterable[psutil.Process]) -> float:
        used = 0.0
        for process in group:
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            used += times.user + times.system
        return used


def browsers() -> list[int]:
    """The processes of the Chromium that this process runs."""
    return [one.pid for one in psutil.Process().children(recursive=True) if "chrom" in one.name()]


LOOK_EVERY = 0.2
"""Seconds between two looks at what a piece of work costs now."""


async def dearness(seconds: float) -> float:
    """How many times the CPU a fixed piece of work took that it took at its cheapest in these seconds, the median.

    Programs beside us take caches and, on a virtual machine, time that counts as ours: 1.0 is a machine of our own.
    """
    costs, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        await asyncio.sleep(LOOK_EVERY)
        before = time.thread_time_ns()
        sum(len(str(number)) for number in range(5000))
        costs.append(time.thread_time_ns() - before)
    return median(costs) / min(costs)
