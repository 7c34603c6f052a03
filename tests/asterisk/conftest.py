"""The ring on a real Asterisk: its fixtures."""

from __future__ import annotations

from tests.support.platform import customers, load_phones, new_phone, pbx, ports

__all__ = ["customers", "load_phones", "new_phone", "pbx", "ports"]
