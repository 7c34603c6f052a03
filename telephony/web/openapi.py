"""The OpenAPI 3.1 document, made from the routes themselves."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from telephony.store.accounts import Role
from telephony.web.problems import STATUS, ProblemDocument, sentence
from telephony.web.routes import ID, INSTALLATION, PUBLIC, Route

REF = "#/components/schemas/{model}"

DESCRIPTION = """Outbound preview dialing on Asterisk.

Errors are `application/problem+json` with a stable `code`. Times are ISO 8601 in UTC, ids are UUIDv7.
Sign in with `POST /api/v1/sessions`; the token goes into `Authorization: Bearer`, browsers use the cookie."""


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """The whole document for these routes."""
    found = [route for route in routes if route.method != "HEAD"]
    schemas = _Schemas(found)
    paths: dict[str, dict[str, Any]] = {}
    for route in found:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    tags = list(dict.fromkeys(route.tag for route in found))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Preview dialer", "version": version("telephony"), "description": DESCRIPTION},
        "tags": [{"name": tag} for tag in tags],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "telephony_session"},
            },
        },
    }


class _Schemas:
    """JSON schemas of all models in one go, so that those shared by routes are one component."""

    def __init__(self, routes: list[Route]) -> None:
        wanted: dict[tuple[int, JsonSchemaMode], tuple[Any, JsonSchemaMode]] = {}
        for model in [ProblemDocument, *(route.answer for route in routes if route.answer is not None)]:
            wanted[id(model), "serialization"] = (model, "serialization")
        for model in [route.body for route in routes if route.body is not None]:
            wanted[id(model), "validation"] = (model, "validation")
        inputs = [(key, mode, TypeAdapter(model)) for key, (model, mode) in wanted.items()]
        self._schemas, definitions = TypeAdapter.json_schemas(
            inputs, ref_template=REF, schema_generator=GenerateJsonSchema
        )
        self.components: dict[str, Any] = definitions.get("$defs", {})

    def of(self, model: Any, mode: JsonSchemaMode) -> Any:
        return self._schemas[(id(model), mode), mode]


def _operation(route: Route, schemas: _Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{route.tag} {route.handler.__name__}".lower().replace(" ", "_"),
        "tags": [route.tag],
        "summary": route.summary,
        "responses": _responses(route, schemas),
    }
    details = (route.handler.__doc__ or "").strip()
    if details:
        operation["description"] = "\n".join(line.strip() for line in details.splitlines())
    if route.roles is not PUBLIC:
        operation["security"] = [{"token": []}, {"cookie": []}]
        operation["x-roles"] = sorted(role.value for role in route.roles)
    parameters = _parameters(route)
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        operation["requestBody"] = {
            "required": route.needs_body,
            "content": {"application/json": {"schema": schemas.of(route.body, "validation")}},
        }
    elif route.takes:
        operation["requestBody"] = {"required": True, "content": {kind: {} for kind in route.takes}}
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": f"^{route.patterns.get(name, ID)}$"},
        }
        for name in route.parts
    ]
    if of_a_tenant(route):
        text = "whose; an administrator of the installation belongs to no tenant and says which one is meant"
        parameters.append({"name": "tenant", "in": "query", "schema": {"type": "string"}, "description": text})
    if route.query is not None:
        schema = route.query.model_json_schema(ref_template=REF)
        # the few enums of a query stand in the parameter itself
        definitions = schema.get("$defs", {})
        required = schema.get("required", ())
        for name, part in schema.get("properties", {}).items():
            shown = _inlined(part, definitions)
            description = shown.pop("description", None)
            parameter = {"name": name, "in": "query", "required": name in required, "schema": shown}
            parameters.append(parameter | ({"description": description} if description else {}))
    return parameters


def _inlined(part: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(part, dict):
        reference = part.get("$ref")
        if reference is not None:
            return _inlined(definitions[reference.rpartition("/")[2]], definitions)
        return {key: _inlined(value, definitions) for key, value in part.items()}
    return [_inlined(one, definitions) for one in part] if isinstance(part, list) else part


def _responses(route: Route, schemas: _Schemas) -> dict[str, Any]:
    good: dict[str, Any] = {"description": route.summary}
    if route.answer is not None:
        good["content"] = {route.answer_type: {"schema": schemas.of(route.answer, "serialization")}}
    elif route.answer_type != "application/json":
        good["content"] = {route.answer_type: {}}
    responses: dict[str, Any] = {str(route.status): good}
    by_status: dict[int, list[str]] = {}
    for code in codes(route):
        by_status.setdefault(STATUS.get(code, 409), []).append(code)
    problem = {"application/problem+json": {"schema": schemas.of(ProblemDocument, "serialization")}}
    for status, found in sorted(by_status.items()):
        text = "; ".join(f"`{code}` {sentence(code, 'en')}" for code in found)
        responses[str(status)] = {"description": text, "content": problem}
    return responses


def of_a_tenant(route: Route) -> bool:
    """True for what belongs to a tenant and may be asked by an administrator of the installation too."""
    return Role.ADMIN in route.roles and route.roles != INSTALLATION and route.tag not in ("Me", "Sessions")


def codes(route: Route) -> list[str]:
    """Every problem code that this route may answer with, the general ones included."""
    found = list(route.errors)
    if route.roles is not PUBLIC:
        found += ["UNAUTHENTICATED", "FORBIDDEN"]
        if route.method != "GET":
            found.append("ORIGIN_REFUSED")
    if of_a_tenant(route):
        found += ["TENANT_NEEDED", "NOT_FOUND"]
    if route.parts:
        found.append("NOT_FOUND")
    if route.body is not None:
        found += ["BAD_JSON", "TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "INVALID"]
    elif route.takes:
        found += ["TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE"]
    if route.query is not None:
        found.append("INVALID")
    return list(dict.fromkeys(found))


def main() -> None:
    """Print the document of this service; the desktop's types are made of it."""
    from telephony.web.api import all_routes  # the routes' modules use this one

    print(json.dumps(document(all_routes())))


if __name__ == "__main__":
    main()
