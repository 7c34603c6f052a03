"""Routes as declarations: the aiohttp router and the OpenAPI document are made from the same `Route`.

    routes = Routes("Teams")

    @routes.post("/teams", "Create a team", roles=ADMINISTRATORS, answer=Team, status=201, errors=("ALREADY_EXISTS",))
    async def create(exchange: Exchange, body: NewTeam) -> Any: ...

A parameter named `body` or `query` is a pydantic model, validated before the handler runs; any other is a part of
the path in braces (an id unless `patterns` says otherwise). The handler returns what is to be JSON, None for 204,
or an aiohttp response of its own.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_type_hints

from pydantic import BaseModel

from telephony.store.accounts import Role

API = "/api/v1"

ID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

PUBLIC: frozenset[Role] = frozenset()
EVERYBODY = frozenset(Role)
DESK = frozenset({Role.AGENT, Role.SUPERVISOR})
"""Who may take calls; the handler's `exchange.agent_id` also demands that this user does."""
SUPERVISORS = frozenset({Role.SUPERVISOR, Role.TENANT_ADMIN, Role.ADMIN})
ADMINISTRATORS = frozenset({Role.TENANT_ADMIN, Role.ADMIN})
INSTALLATION = frozenset({Role.ADMIN})

Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method of one address. `takes`: media types of a body that the handler reads itself, in pieces."""

    method: str
    path: str
    summary: str
    handler: Handler
    roles: frozenset[Role]
    tag: str
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answer: Any = None
    answer_type: str = "application/json"
    status: int = 200
    errors: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    patterns: Mapping[str, str] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the path's parts in braces."""
        return tuple(re.findall(r"{(\w+)}", self.path))

    @property
    def needs_body(self) -> bool:
        """Whether the body may not be left out: one without any value that has to be given may."""
        return self.body is not None and any(one.is_required() for one in self.body.model_fields.values())

    @property
    def resource(self) -> str:
        """The path in aiohttp's notation."""
        return re.sub(r"{(\w+)}", lambda part: f"{{{part[1]}:{self.patterns.get(part[1], ID)}}}", self.path)


class Routes:
    """The routes of one subject; `tag` is its heading in the OpenAPI document."""

    def __init__(self, tag: str, *, prefix: str = API) -> None:
        self.tag = tag
        self.prefix = prefix
        self._routes: list[Route] = []

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)

    def route(self, method: str, path: str, summary: str, **declared: Any) -> Callable[[Handler], Handler]:
        """Declare the decorated handler as a route; `declared` are the other members of `Route`."""

        def add(handler: Handler) -> Handler:
            hints = get_type_hints(handler)
            names = list(inspect.signature(handler).parameters)[1:]
            made = Route(
                method=method,
                path=self.prefix + path,
                summary=summary,
                handler=handler,
                tag=self.tag,
                body=hints.get("body"),
                query=hints.get("query"),
                **declared,
            )
            if set(names) - {"body", "query"} != set(made.parts):
                raise TypeError(f"{handler.__qualname__}: its parameters are not the parts of {made.path}")
            self._routes.append(made)
            return handler

        return add

    def get(self, path: str, summary: str, **declared: Any) -> Callable[[Handler], Handler]:
        return self.route("GET", path, summary, **declared)

    def post(self, path: str, summary: str, **declared: Any) -> Callable[[Handler], Handler]:
        return self.route("POST", path, summary, **declared)

    def put(self, path: str, summary: str, **declared: Any) -> Callable[[Handler], Handler]:
        return self.route("PUT", path, summary, **declared)

    def patch(self, path: str, summary: str, **declared: Any) -> Callable[[Handler], Handler]:
        return self.route("PATCH", path, summary, **declared)

    def delete(self, path: str, summary: str, **declared: Any) -> Callable[[Handler], Handler]:
        return self.route("DELETE", path, summary, **declared)
