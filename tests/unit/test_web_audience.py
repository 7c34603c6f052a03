"""Who sees which event of the live feed: the index says what each desktop's own rule says."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.web.audience import Audience

pytestmark = pytest.mark.unit

AGENTS = ("ann", "bob", "cid")
TENANTS = ("acme", "bell")


@dataclass(frozen=True, eq=False)
class Desktop:
    tenant_id: str
    agent_ids: frozenset[str] | None

    def may_see(self, tenant_id: str, agent_id: str | None) -> bool:
        own = agent_id is None or self.agent_ids is None or agent_id in self.agent_ids
        return tenant_id == self.tenant_id and own


desktops = st.builds(
    Desktop, tenant_id=st.sampled_from(TENANTS), agent_ids=st.none() | st.frozensets(st.sampled_from(AGENTS))
)


@given(there=st.lists(desktops), gone=st.lists(desktops))
def test_each_event_is_for_those_who_may_see_it_each_once(there: list[Desktop], gone: list[Desktop]) -> None:
    audience: Audience[Desktop] = Audience()
    for one in (*there, *gone):
        audience.add(one)
    for one in gone:
        audience.discard(one)
    assert set(audience) == set(there)
    for tenant in TENANTS:
        for agent in (*AGENTS, None):
            seen = audience.of(tenant, agent)
            assert len(seen) == len(set(seen))
            assert set(seen) == {one for one in there if one.may_see(tenant, agent)}
