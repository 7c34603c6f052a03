"""Password hashes: Argon2id with the parameters of the OWASP password storage cheat sheet (19 MiB, 2 passes).

Hashing takes about 30 ms of a core on purpose: never in the event loop, always in a thread.
"""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODY = _hasher.hash("nobody")


def hash_password(password: str) -> str:
    """The hash to be stored, with its salt and parameters inside."""
    return _hasher.hash(password)


def password_matches(stored: str | None, password: str) -> bool:
    """True for the right password; None (no such user) takes as long as a wrong one."""
    try:
        return _hasher.verify(stored or _NOBODY, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False
