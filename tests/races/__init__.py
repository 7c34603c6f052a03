"""Races on a real Asterisk: two that want different things of one offer or call, milliseconds apart."""
