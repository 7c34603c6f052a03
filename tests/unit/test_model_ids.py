"""Ids sort by the time they were made."""

from __future__ import annotations

import uuid

import pytest

from telephony.model.ids import new_id

pytestmark = pytest.mark.unit


def test_ids_are_uuid_7_in_lower_case_and_in_order() -> None:
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert ids == sorted(ids)
    assert {uuid.UUID(one).version for one in ids} == {7}
    assert all(len(one) == 36 and one == one.lower() for one in ids)
