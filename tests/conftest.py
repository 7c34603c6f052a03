"""Fixtures that every ring of tests may ask for by name."""

from __future__ import annotations

pytest_plugins = ["tests.support.database", "tests.support.office"]
