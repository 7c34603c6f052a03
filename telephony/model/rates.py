"""A rate with the interval it is known to."""

from __future__ import annotations

import math
from dataclasses import dataclass

Z = 1.959964
"""Standard deviations that hold 95 % of a normal distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """`hits` of `total`, with the Wilson interval of 95 % (E. B. Wilson, 1927): right for rates near 0 and 1, too."""

    hits: int
    total: int

    @property
    def value(self) -> float:
        return self.hits / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Lowest and highest rate that fit; 0 and 1 where nothing is known."""
        if not self.total:
            return 0.0, 1.0
        n, p = self.total, self.value
        middle = p + Z * Z / (2 * n)
        reach = Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
        scale = 1 + Z * Z / n
        return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.hits} of {self.total}: {self.value:.1%} ({low:.1%}-{high:.1%})"
