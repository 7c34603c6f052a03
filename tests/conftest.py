"""Fixtures that every ring of tests may ask for by name, and the order of the files."""

from __future__ import annotations

import pytest

pytest_plugins = ["tests.support.database", "tests.support.office"]

USUAL_LIMIT = 120.0
"""Seconds; the `timeout` of pyproject.toml."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files whose tests may take longest first, units last: the processes of a run then end at about the same time."""
    items.sort(key=_limit, reverse=True)


def _limit(item: pytest.Item) -> float:
    if item.get_closest_marker("unit") is not None:
        return 0.0
    own = item.get_closest_marker("timeout")
    return float(own.args[0]) if own is not None else USUAL_LIMIT
