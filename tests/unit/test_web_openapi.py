"""The OpenAPI document says what is served, and what is served is what it says."""

from __future__ import annotations

import re
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from telephony.web import api, openapi
from telephony.web.problems import STATUS
from telephony.web.routes import PUBLIC, Routes
from tests.support.office import Office

pytestmark = pytest.mark.unit


async def served(office: Office) -> Any:
    answer = await office.stranger()("GET", "/api/openapi.json")
    assert answer.status == 200
    return answer.json


async def test_the_document_is_valid(office: Office) -> None:
    document = await served(office)
    assert document["openapi"] == "3.1.0"
    validate(document)


async def test_every_route_is_documented_and_nothing_else(office: Office) -> None:
    document = await served(office)
    described = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations
        if method != "parameters"
    }
    app = office.server.app
    pages = ("/assets/", "/codes/")
    routed = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None
        and route.method != "HEAD"
        and route.resource.canonical not in ("/", "/icon.svg", "/api/openapi.json")
        and not route.resource.canonical.startswith(pages)
    }
    assert described == routed


async def test_operations_can_be_told_apart(office: Office) -> None:
    document = await served(office)
    ids = [one["operationId"] for operations in document["paths"].values() for one in operations.values()]
    assert len(ids) == len(set(ids))


async def test_routes_for_users_say_so(office: Office) -> None:
    document = await served(office)
    for route in api.all_routes():
        operation = document["paths"][route.path][route.method.lower()]
        assert ("security" in operation) is (route.roles is not PUBLIC)
        assert ("401" in operation["responses"]) is (route.roles is not PUBLIC or "WRONG_PASSWORD" in route.errors)


@pytest.mark.parametrize("route", list(api.all_routes()), ids=lambda route: f"{route.method} {route.path}")
def test_a_changing_route_tells_of_foreign_pages(route: Any) -> None:
    codes = openapi.codes(route)
    assert ("ORIGIN_REFUSED" in codes) is (route.method != "GET" or route.status == 101)
    assert all(code in STATUS or code.isupper() for code in codes)


@pytest.mark.parametrize("path", ["/api/v1/me", "/api/v1/calls", "/healthz", "/readyz"])
async def test_answers_are_as_described(office: Office, path: str) -> None:
    document = await served(office)
    answer = await (await office.agent())("GET", path)
    assert answer.status == 200
    schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    OAS31Validator({**schema, "components": document["components"]}).validate(answer.json)


async def test_problems_are_as_described(office: Office) -> None:
    document = await served(office)
    answer = await office.stranger()("POST", "/api/v1/sessions", {"username": ""})
    schema = {"$ref": "#/components/schemas/ProblemDocument", "components": document["components"]}
    OAS31Validator(schema).validate(answer.json)


def test_a_handler_that_forgets_a_part_of_its_path_is_refused() -> None:
    routes = Routes("Trial")
    with pytest.raises(TypeError, match="parts of"):

        @routes.get("/things/{id}", "A thing", roles=PUBLIC)
        async def thing(exchange: Any) -> None: ...


async def test_settings_are_described_with_unit_and_range(office: Office) -> None:
    schemas = (await served(office))["components"]["schemas"]
    for name, setting in schemas["CampaignSettings"]["properties"].items():
        assert "description" in setting or "$ref" in setting or name == "dispositions", name
        if setting.get("type") == "integer":
            assert setting["minimum"] < setting["maximum"], name
    opens, closes = schemas["CampaignSettings"]["properties"]["calling_hours"]["additionalProperties"]["items"][
        "prefixItems"
    ]
    for one in (opens, closes):
        assert re.fullmatch(one["pattern"], "08:00:00")
        assert "format" not in one
    change = schemas["CampaignChange"]["properties"]["settings"]
    assert {"$ref": "#/components/schemas/CampaignSettings"} in change["anyOf"]
