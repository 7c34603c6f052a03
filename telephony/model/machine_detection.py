"""What AMD() said, put in the words of the product.

Asterisk calls silence a machine (INITIALSILENCE) and gives up undecided (TOOLONG); for this product silence, no
audio and doubt always count as a human (SPEC section 2). The raw status and cause are stored beside the verdict.
"""

from __future__ import annotations

from enum import StrEnum

MACHINE_CAUSES = ("MAXWORDS", "LONGGREETING", "MAXWORDLENGTH")
"""The causes of AMD() that are evidence of a recorded greeting (app_amd.c of Asterisk 22)."""


class Verdict(StrEnum):
    HUMAN = "HUMAN"
    MACHINE = "MACHINE"
    FAX = "FAX"
    NO_AUDIO = "NO_AUDIO"
    NOT_SURE = "NOT_SURE"


def verdict_of(status: str, cause: str) -> Verdict:
    """The verdict for AMDSTATUS and AMDCAUSE, e.g. `MACHINE`, `MAXWORDS-4-4`."""
    if status == "MACHINE" and cause.startswith(MACHINE_CAUSES):
        return Verdict.MACHINE
    if status == "FAX":  # the dialplan's own, from the tone of an answering fax machine
        return Verdict.FAX
    if status == "HUMAN":
        return Verdict.HUMAN
    if cause.startswith("INITIALSILENCE") or cause.startswith("NOAUDIODATA"):
        return Verdict.NO_AUDIO
    return Verdict.NOT_SURE
