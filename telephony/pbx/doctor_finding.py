"""One line of the doctor's report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the doctor's report; without a remedy it is a good one."""

    name: str
    fact: str
    remedy: str = ""

    @property
    def ok(self) -> bool:
        return not self.remedy

    def __str__(self) -> str:
        return f"ok   {self.name}: {self.fact}" if self.ok else f"FAIL {self.name}: {self.fact}. Remedy: {self.remedy}"
