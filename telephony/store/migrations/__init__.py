"""Versions of the database schema, applied at the start of the service by `telephony.store.migrate`."""
