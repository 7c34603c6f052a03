"""The web application: every request passes `_around`, which tells the caller, validates, and words refusals."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from aiohttp import hdrs, web
from pydantic import ValidationError
from pydantic_core import to_json

from telephony.dialer.errors import Elsewhere
from telephony.logs import request_id
from telephony.model.ids import new_id
from telephony.web import openapi
from telephony.web.exchange import Exchange, Services, json_answer
from telephony.web.fields import field_problems
from telephony.web.problems import Problem, problem_of
from telephony.web.routes import ID, PUBLIC, Route

log = logging.getLogger("telephony.web")

MAX_BODY = 64 * 1024
"""Bytes of a JSON body: the largest, a campaign's settings with all its dispositions, is a tenth of it."""

EXCHANGE = web.RequestKey("exchange", Exchange)
SERVICES = web.AppKey("services", Services)

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(self), geolocation=()",
}

HTTP_CODES = {
    400: "BAD_REQUEST",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
}


def build_app(services: Services, routes: Iterable[Route]) -> web.Application:
    """The application of these routes, and `/api/openapi.json` that describes them."""
    app = web.Application(middlewares=[_around], client_max_size=MAX_BODY)
    app[SERVICES] = services
    found = list(routes)
    for route in found:
        app.router.add_route(route.method, route.resource, _handler(route))
        if route.roles is PUBLIC and route.method == "GET":
            app.router.add_route("HEAD", route.resource, _handler(route))  # so do load balancers ask
    described: list[bytes] = []

    async def describe(request: web.Request) -> web.Response:
        if not described:
            described.append(to_json(openapi.document(found)))
        return web.Response(body=described[0], content_type="application/json")

    app.router.add_get("/api/openapi.json", describe)
    hsts = {"Strict-Transport-Security": "max-age=31536000"} if services.settings.http.secure else {}

    async def protect(request: web.Request, response: web.StreamResponse) -> None:
        for name, value in (SECURITY_HEADERS | hsts).items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["Server"] = "telephony"  # whose versions are nobody's business
        exchange = request.get(EXCHANGE)
        if exchange is not None:
            response.headers["X-Request-ID"] = exchange.id

    app.on_response_prepare.append(protect)
    return app


@web.middleware
async def _around(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    started = time.perf_counter()
    services = request.app[SERVICES]
    exchange = Exchange(
        request=request, services=services, id=new_id(), language=request.headers.get("Accept-Language", "en")
    )
    request[EXCHANGE] = exchange
    token = request_id.set(exchange.id)
    try:
        try:
            answer = await handler(request)
        except asyncio.CancelledError:
            raise
        except web.HTTPException as error:
            if error.status < 400:
                raise
            code = HTTP_CODES.get(error.status, "BAD_REQUEST")
            answer = _refusal(exchange, Problem(code, headers=_kept(error)))
        except Exception as error:
            answer = _refusal(exchange, _explained(exchange, error))
        if log.isEnabledFor(logging.INFO):
            _note(exchange, answer.status, time.perf_counter() - started)
        return answer
    finally:
        request_id.reset(token)


def _handler(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    fn, body, query, parts = route.handler, route.body, route.query, route.parts
    needs_body = route.needs_body

    async def handle(request: web.Request) -> web.StreamResponse:
        exchange = request[EXCHANGE]
        exchange.route = route
        if route.roles is not PUBLIC:
            await _admit(exchange, route)
        arguments: dict[str, Any] = {name: request.match_info[name] for name in parts}
        if query is not None:
            arguments["query"] = query.model_validate(_query(request))
        if body is not None:
            content = await request.read()
            if content or needs_body:
                _demand_type(request, ("application/json",))
            arguments["body"] = body.model_validate_json(content) if content or needs_body else body()
        elif route.takes:
            _demand_type(request, route.takes)
        try:
            answer = await fn(exchange, **arguments)
        except Elsewhere as agent:
            return await exchange.services.neighbours.hand_on(exchange, agent.url)
        if isinstance(answer, web.StreamResponse):
            return answer
        if answer is None:
            return web.Response(status=204)
        return json_answer(answer, status=route.status)

    return handle


async def _admit(exchange: Exchange, route: Route) -> None:
    door = exchange.services.door
    token = door.token(exchange.request)
    caller = await door.caller(token) if token else None
    if caller is None:
        raise Problem("UNAUTHENTICATED", headers={"WWW-Authenticate": "Bearer"})
    exchange.admit(caller)
    if caller.role not in route.roles:
        raise Problem("FORBIDDEN")
    if caller.agent:
        exchange.floor.seen(caller.user_id)


def _query(request: web.Request) -> dict[str, Any]:
    # `tenant` is every route's, see Exchange.tenant_id; repeated names are lists
    given: dict[str, Any] = {}
    for name in request.query:
        if name != "tenant":
            values: Sequence[str] = request.query.getall(name)
            given[name] = values[0] if len(values) == 1 else values
    return given


def _demand_type(request: web.Request, allowed: Sequence[str]) -> None:
    if request.content_type not in allowed:
        raise Problem("UNSUPPORTED_MEDIA_TYPE", allowed=list(allowed))


def _explained(exchange: Exchange, error: Exception) -> Problem:
    if isinstance(error, ValidationError):
        found = error.errors(include_url=False, include_context=True)
        if found and found[0]["type"] == "json_invalid":
            return Problem("BAD_JSON", errors=field_problems(found, exchange.language))
        return Problem("INVALID", errors=field_problems(found, exchange.language))
    problem = problem_of(error, exchange.language)
    if problem is not error and (problem is None or problem.status >= 500):
        # values in the error's own text may be a customer's: only where it happened is written
        where = "".join(traceback.format_tb(error.__traceback__)[-8:])
        log.error("%s in %s\n%s", type(error).__name__, _address(exchange), where)
    return problem or Problem("INTERNAL")


def _refusal(exchange: Exchange, problem: Problem) -> web.Response:
    document = problem.document(exchange.language, exchange.id)
    answer = json_answer(document, status=problem.status, content_type="application/problem+json")
    answer.headers.update(problem.headers)
    return answer


def _kept(error: web.HTTPException) -> dict[str, str]:
    return {hdrs.ALLOW: error.headers[hdrs.ALLOW]} if hdrs.ALLOW in error.headers else {}


def _address(exchange: Exchange) -> str:
    route = exchange.route
    return f"{route.method} {route.path}" if route else f"{exchange.request.method} (no route)"


def _note(exchange: Exchange, status: int, seconds: float) -> None:
    log.info(
        "%s %d %.1f ms user=%s %s",
        _address(exchange),
        status,
        seconds * 1000,
        exchange.user_id or "-",
        _ids(exchange),
    )


def _ids(exchange: Exchange) -> str:
    """The ids in the address; what else is in one, such as a telephone number, is a customer's."""
    return " ".join(part for part in exchange.request.match_info.values() if re.fullmatch(ID, part))
