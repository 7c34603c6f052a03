"""The open desktops by what they may see: an event costs as much as it has viewers, not as there are desktops."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar


class Viewer(Protocol):
    """Who sees the events of a tenant's agents; `agent_ids` None: of all of them. Those of no agent everybody sees."""

    @property
    def tenant_id(self) -> str: ...
    @property
    def agent_ids(self) -> frozenset[str] | None: ...


V = TypeVar("V", bound=Viewer)
K = TypeVar("K")


class Audience(Iterable[V]):
    """All viewers, each once."""

    def __init__(self) -> None:
        self._all: set[V] = set()
        self._of_tenant: defaultdict[str, set[V]] = defaultdict(set)
        self._of_agent: defaultdict[tuple[str, str | None], set[V]] = defaultdict(set)  # None: who sees every agent

    def __iter__(self) -> Iterator[V]:
        return iter(self._all)

    def add(self, viewer: V) -> None:
        self._all.add(viewer)
        self._of_tenant[viewer.tenant_id].add(viewer)
        for agent in self._seen(viewer):
            self._of_agent[viewer.tenant_id, agent].add(viewer)

    def discard(self, viewer: V) -> None:
        self._all.discard(viewer)
        _drop(self._of_tenant, viewer.tenant_id, viewer)
        for agent in self._seen(viewer):
            _drop(self._of_agent, (viewer.tenant_id, agent), viewer)

    def of(self, tenant_id: str, agent_id: str | None) -> list[V]:
        """Who sees an event of this agent, or one of the whole tenant."""
        if agent_id is None:
            return [*self._of_tenant.get(tenant_id, ())]
        return [*self._of_agent.get((tenant_id, agent_id), ()), *self._of_agent.get((tenant_id, None), ())]

    def _seen(self, viewer: V) -> Iterable[str | None]:
        return (None,) if viewer.agent_ids is None else viewer.agent_ids


def _drop(sets: defaultdict[K, set[V]], key: K, viewer: V) -> None:
    if key in sets:
        sets[key].discard(viewer)
        if not sets[key]:
            del sets[key]
