"""Limits on a real Asterisk: more accepts than places, counted from outside."""
