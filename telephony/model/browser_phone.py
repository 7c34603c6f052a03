"""Phones in the browser: the endpoint that belongs to a user, and its password.

Both follow from the user's name and one secret that the service and `dialplan/render` share, so that neither has to be
kept or handed over, and nobody can have another user's.
"""

from __future__ import annotations

import hashlib
import hmac

PREFIX = "pd-web-"
"""How every browser phone's endpoint begins, and no other phone's."""

DOMAIN = "pbx.invalid"
"""What stands after the @ of their SIP addresses; nobody looks it up (RFC 2606)."""

LONGEST = 64
"""Characters of an endpoint's name: those of Asterisk's channels hold 80, with a prefix and a number."""


def endpoint_of(username: str) -> str:
    """The endpoint in Asterisk; two names never share one. Empty where it would be too long."""
    # @ would mean something in a dial string
    endpoint = PREFIX + username.replace("_", "__").replace("@", "_-")
    return endpoint if len(endpoint) <= LONGEST else ""


def is_browser_phone(endpoint: str) -> bool:
    return endpoint.startswith(PREFIX)


def password_of(secret: str, endpoint: str) -> str:
    """HMAC-SHA256 of the endpoint's name, in hex, as `dialplan/render` writes it into pd-web-agents.conf."""
    return hmac.new(secret.encode(), endpoint.encode(), hashlib.sha256).hexdigest()
