"""Administration over HTTP: built up from nothing, by those who may, for the own tenant only."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from sqlalchemy import update

from telephony.dialer.errors import Refused
from telephony.model.reasons import Refusal
from telephony.store.accounts import Role
from telephony.store.schema import contacts
from telephony.web import api
from tests.support.office import Answer, Client, Office

pytestmark = pytest.mark.unit

V1 = "/api/v1"
TAGS = {
    "Campaigns", "Lists", "Fields", "Contacts", "Do not call", "Imports", "Users", "Teams", "Tokens", "Tenants",
    "Data centers", "Cells", "Trunks", "Limits", "Floor",
}  # fmt: skip
ROUTES = [route for route in api.all_routes() if route.tag in TAGS]
LONDON = "+442079460000"
CSV = {"Content-Type": "text/csv"}


class Described:
    """A client whose answers are all held against the OpenAPI document."""

    def __init__(self, client: Client, document: Any) -> None:
        self._client = client
        self._document = document

    async def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        answer = await self._client(method, V1 + path, body, **options)
        plain = V1 + path.partition("?")[0]
        described = next(
            operations[method.lower()]
            for template, operations in self._document["paths"].items()
            if method.lower() in operations and re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), plain)
        )
        if answer.status >= 400 and answer.code in ("NOT_FOUND", "TENANT_NEEDED"):
            return answer  # what `?tenant=` may lead to everywhere
        response = described["responses"].get(str(answer.status))
        assert response is not None, f"{method} {path} answers {answer.status}, undescribed: {answer.text}"
        for content in response.get("content", {}).values():
            if "schema" in content:
                schema = {**content["schema"], "components": self._document["components"]}
                OAS31Validator(schema).validate(answer.json)
        return answer


async def somebody(office: Office, role: Role, tenant_id: str | None = "acme") -> Described:
    where = office.acme.tenant_id if tenant_id == "acme" else tenant_id
    await office.hire(f"the.{role.value}", role, where)
    client = await office.sign_in(f"the.{role.value}")
    return Described(client, (await office.stranger()("GET", "/api/openapi.json")).json)


@pytest.fixture
async def boss(office: Office) -> Described:
    """Acme's administrator."""
    return await somebody(office, Role.TENANT_ADMIN)


@pytest.fixture
async def root(office: Office) -> Described:
    """The installation's administrator."""
    return await somebody(office, Role.ADMIN, None)


async def made(client: Described, path: str, body: Any) -> Any:
    answer = await client("POST", path, body)
    assert answer.status == 201, answer.text
    return answer.json


def problem_fields(answer: Answer) -> list[str]:
    assert answer.code == "INVALID", answer.text
    return [one["field"] for one in answer.json["errors"]]


async def test_an_installation_is_built_up_and_its_agent_signs_in(office: Office, root: Described) -> None:
    center = await made(root, "/data-centers", {"name": "Leeds", "max_calls": 50})
    cell = await made(root, "/cells", {"name": "leeds-1", "data_center_id": center["id"], "max_channels": 200})
    trunk = await made(
        root,
        "/trunks",
        {
            "name": "Leeds carrier",
            "dial_template": "PJSIP/{number}@leeds",
            "max_channels": 30,
            "max_calls_per_second": 2.5,
            "number_ranges": ["+44"],
            "caller_ids": ["+441134960000"],
            "cell_ids": [cell["id"]],
        },
    )
    tenant = await made(root, "/tenants", {"name": "Initech", "max_calls": 5, "zone": "Europe/London"})
    t = f"?tenant={tenant['id']}"
    person = {"username": "milton", "name": "Milton", "role": "agent", "password": "red stapler", "cell_id": cell["id"]}
    user = await made(root, f"/users{t}", person | {"phone": "2001"})
    team = await made(root, f"/teams{t}", {"name": "Floor", "user_ids": [user["id"]]})
    await made(root, f"/fields{t}", {"name": "balance", "label": "Balance", "kind": "number"})
    campaign = await made(
        root,
        f"/campaigns{t}",
        {"name": "Reports", "team_ids": [team["id"]], "settings": {"caller_id": "+441134960000", "ring_limit": 40}},
    )
    await made(root, f"/lists{t}", {"campaign_id": campaign["id"], "name": "March"})

    started = await root("POST", f"/campaigns/{campaign['id']}/start{t}")
    assert (started.json["running"], started.json["settings"]["ring_limit"]) == (True, 40)
    assert ("wake",) in office.floor.asked
    signed_in = await office.stranger()("POST", f"{V1}/sessions", {"username": "milton", "password": "red stapler"})
    assert signed_in.status == 201
    limits = (await root("GET", f"/limits{t}")).json
    assert {(one["scope"], one["name"], one["limit"], one["used"]) for one in limits} == {
        ("tenant", "Initech", 5, 0),
        ("data_center", "Leeds", 50, 0),
        ("cell", "leeds-1", 200, 0),
        ("trunk", "Leeds carrier", 30, 0),
        ("call_rate", "Leeds carrier", 2, 0),
    }
    assert trunk["max_ring"] == 60


async def test_who_may_not_is_told_so_before_anything_else(office: Office) -> None:
    clients = {}
    for role in Role:
        await office.hire(f"the.{role.value}", role, None if role is Role.ADMIN else office.acme.tenant_id)
        clients[role] = await office.sign_in(f"the.{role.value}")
    for route in ROUTES:
        path = route.path.replace("{number}", LONDON).replace("{id}", office.acme.campaign_id)
        assert (await office.stranger()(route.method, path)).code == "UNAUTHENTICATED", path
        for role in set(Role) - route.roles:
            assert (await clients[role](route.method, path)).code == "FORBIDDEN", f"{role} {route.method} {path}"


async def test_things_of_another_tenant_do_not_exist(office: Office, boss: Described) -> None:
    other = office.globex
    for method, path, body in (
        ("GET", f"/tenants/{other.tenant_id}", None),
        ("GET", f"/users/{other.agent_id}", None),
        ("PATCH", f"/users/{other.agent_id}", {"name": "Mine"}),
        ("DELETE", f"/users/{other.agent_id}", None),
        ("GET", f"/teams/{other.team_id}", None),
        ("PATCH", f"/teams/{other.team_id}", {"user_ids": []}),
        ("DELETE", f"/teams/{other.team_id}", None),
        ("GET", f"/campaigns/{other.campaign_id}", None),
        ("PATCH", f"/campaigns/{other.campaign_id}", {"priority": 1}),
        ("DELETE", f"/campaigns/{other.campaign_id}", None),
        ("POST", f"/campaigns/{other.campaign_id}/start", None),
        ("POST", f"/campaigns/{other.campaign_id}/stop", None),
        ("GET", f"/campaigns/{other.campaign_id}/amd", None),
        ("GET", f"/campaigns/{other.campaign_id}/progress", None),
        ("GET", f"/agents?tenant={other.tenant_id}", None),
        ("GET", f"/refusals?tenant={other.tenant_id}", None),
        ("GET", f"/campaigns/{other.campaign_id}/contacts", None),
        ("GET", f"/campaigns/{other.campaign_id}/contacts.csv", None),
        ("GET", f"/lists/{other.list_id}", None),
        ("PATCH", f"/lists/{other.list_id}", {"active": False}),
        ("DELETE", f"/lists/{other.list_id}", None),
        ("GET", f"/trunks/{other.trunk_id}", None),
        ("GET", f"/campaigns?tenant={other.tenant_id}", None),
    ):
        assert (await boss(method, path, body)).code == "NOT_FOUND", f"{method} {path}"
    for path in ("contacts", "contacts/preview"):
        there = f"/campaigns/{other.campaign_id}/{path}"
        assert (await boss("POST", there, data=b"external_id,number\n", headers=CSV)).code == "NOT_FOUND"
    for path, body, field in (
        ("/teams", {"name": "Spies", "user_ids": [other.agent_id]}, "user_ids"),
        ("/campaigns", {"name": "Spies", "team_ids": [other.team_id]}, "team_ids"),
        ("/lists", {"name": "Spies", "campaign_id": other.campaign_id}, "campaign_id"),
    ):
        assert problem_fields(await boss("POST", path, body)) == [field]
    names = [one["name"] for one in (await boss("GET", "/trunks")).json["items"]]
    assert names == ["Acme carrier"]


async def test_a_supervisor_sees_the_campaigns_of_the_own_teams_only(office: Office, boss: Described) -> None:
    supervisor = await somebody(office, Role.SUPERVISOR)
    me = (await boss("GET", "/users?role=supervisor")).json["items"][0]["id"]
    mine = await made(boss, "/teams", {"name": "Mine", "user_ids": [me]})
    seen = await made(boss, "/campaigns", {"name": "Seen", "team_ids": [mine["id"]]})

    shown = (await supervisor("GET", "/campaigns")).json["items"]
    assert [one["id"] for one in shown] == [seen["id"]]
    assert (await supervisor("GET", f"/campaigns/{office.acme.campaign_id}")).code == "NOT_FOUND"
    assert (await supervisor("POST", f"/campaigns/{office.acme.campaign_id}/start")).code == "NOT_FOUND"
    assert (await supervisor("POST", f"/campaigns/{seen['id']}/start")).status == 200
    assert [one["name"] for one in (await supervisor("GET", "/teams")).json["items"]] == ["Mine"]
    assert [one["id"] for one in (await supervisor("GET", "/users")).json["items"]] == [me]
    assert (await supervisor("GET", "/lists")).json["items"] == []
    assert [one["id"] for one in (await supervisor("GET", "/agents")).json["items"]] == [me]
    assert (await supervisor("GET", f"/agents?id={office.acme.agent_id}")).json["items"] == []
    assert (await supervisor("GET", f"/campaigns/{office.acme.campaign_id}/progress")).code == "NOT_FOUND"
    assert (await supervisor("GET", f"/campaigns/{seen['id']}/progress")).json["outcomes"] == []


async def test_the_floor_is_read_as_a_whole_and_agent_by_agent(office: Office, boss: Described) -> None:
    bob = await office.hire("bob", Role.AGENT, office.acme.tenant_id)

    everybody = (await boss("GET", "/agents")).json["items"]
    assert [(one["username"], one["state"], one["call"]) for one in everybody] == [
        ("acme.ann", "offline", None),
        ("bob", "offline", None),
    ]
    assert [one["id"] for one in (await boss("GET", f"/agents?id={bob}")).json["items"]] == [bob]
    both = await boss("GET", f"/agents?id={bob}&id={office.acme.agent_id}")
    assert len(both.json["items"]) == 2
    assert problem_fields(await boss("GET", "/agents?id=nobody")) == ["id.0"]
    assert (await boss("GET", "/refusals?minutes=5")).json["items"] == []
    assert problem_fields(await boss("GET", "/refusals?minutes=0")) == ["minutes"]
    assert (await boss("GET", "/calls?state=live")).json["items"] == []
    assert problem_fields(await boss("GET", "/calls?state=dead")) == ["state"]


async def test_the_report_on_machine_detection_of_a_campaign_without_calls(office: Office, boss: Described) -> None:
    path = f"/campaigns/{office.acme.campaign_id}/amd"
    report = (await boss("GET", path)).json
    assert (report["calls"], report["told"]) == (0, 0)
    verdicts = ["HUMAN", "MACHINE", "FAX", "NO_AUDIO", "NOT_SURE"]
    assert [line["verdict"] for line in report["verdicts"]] == verdicts
    assert report["machines_found"] == {"hits": 0, "total": 0, "rate": 0.0, "low": 0.0, "high": 1.0}
    assert problem_fields(await boss("GET", f"{path}?since=yesterday")) == ["since"]
    assert (await boss("GET", f"{path}?since=2026-11-01T00:00:00Z&until=2026-11-02T00:00:00Z")).status == 200


async def test_an_administrator_of_the_installation_says_which_tenant(office: Office, root: Described) -> None:
    nowhere = "019a0000-0000-7000-8000-000000000000"
    assert (await root("GET", "/campaigns")).code == "TENANT_NEEDED"
    assert (await root("GET", f"/campaigns?tenant={nowhere}")).code == "NOT_FOUND"
    assert (await root("GET", "/campaigns?tenant=%00")).code == "NOT_FOUND"
    shown = await root("GET", f"/campaigns?tenant={office.globex.tenant_id}")
    assert [one["id"] for one in shown.json["items"]] == [office.globex.campaign_id]
    own = await root("GET", "/users")
    assert [one["username"] for one in own.json["items"]] == ["the.admin"]


async def test_a_deactivated_user_is_out_at_once_and_taken_off_the_floor(office: Office, boss: Described) -> None:
    agent = await office.agent()
    assert (await agent("GET", f"{V1}/me")).status == 200
    office.floor.refuse = Refused(Refusal.NOT_AVAILABLE)

    assert (await boss("PATCH", f"/users/{office.acme.agent_id}", {"active": False})).json["active"] is False

    assert (await agent("GET", f"{V1}/me")).code == "UNAUTHENTICATED"
    assert ("state", office.acme.agent_id, "offline", None) in office.floor.asked


async def test_a_token_works_for_its_user_until_it_is_revoked(office: Office, boss: Described) -> None:
    agent = await office.agent()
    fresh = await agent("POST", f"{V1}/tokens", {"name": "CRM"})
    crm = Client(office.http, office.url, fresh.json["token"])
    assert (await crm("GET", f"{V1}/me")).json["user"]["username"] == "acme.ann"

    shown = (await boss("GET", "/tokens")).json["items"]
    assert [(one["name"], one["username"]) for one in shown] == [("CRM", "acme.ann")]
    assert (await boss("DELETE", f"/tokens/{fresh.json['id']}")).status == 204
    assert (await crm("GET", f"{V1}/me")).code == "UNAUTHENTICATED"


async def test_all_bad_settings_are_named_in_the_language_of_the_caller(office: Office, boss: Described) -> None:
    path = f"/campaigns/{office.acme.campaign_id}"
    wrong = {"ring_limit": 15, "recording": "always", "retry_after": {"LATER": 5}}
    me = (await boss("GET", "/me")).json["user"]["id"]

    english = await boss("PATCH", path, {"settings": wrong})
    assert (await boss("PATCH", f"/users/{me}", {"language": "es"})).status == 200
    spanish = await boss("PATCH", path, {"settings": wrong})

    assert problem_fields(english) == ["settings.ring_limit", "settings.retry_after.LATER", "settings.recording"]
    assert problem_fields(spanish) == problem_fields(english)
    assert english.json["errors"][0]["message"] == "should be greater than or equal to 16"
    assert spanish.json["errors"][0]["message"] == "debe ser 16 o mayor"


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"ring_limit": 15}, "settings.ring_limit"),
        ({"ring_limt": 30}, "settings.ring_limt"),
        ({"offer_timeout": 5}, "settings"),
        ({"calling_hours": {"mon": [["21:00", "08:00"]]}}, "settings.calling_hours"),
        ({"calling_hours": {"moon": []}}, "settings.calling_hours"),
        ({"caller_id": "+1"}, "settings.caller_id"),
        ({"default_disposition": "nothing"}, "settings"),
    ],
)
async def test_a_bad_setting_is_named_and_changes_nothing(
    office: Office, boss: Described, settings: dict[str, Any], field: str
) -> None:
    path = f"/campaigns/{office.acme.campaign_id}"
    before = (await boss("GET", path)).json

    assert problem_fields(await boss("PATCH", path, {"settings": settings})) == [field]
    assert problem_fields(await boss("POST", "/campaigns", {"name": "New", "settings": settings})) == [field]

    assert (await boss("GET", path)).json == before


async def test_one_setting_changes_and_the_others_stay(office: Office, boss: Described) -> None:
    await boss("PATCH", f"/campaigns/{office.acme.campaign_id}", {"settings": {"ring_limit": 50}})
    changed = await boss("PATCH", f"/campaigns/{office.acme.campaign_id}", {"settings": {"max_skips": 2}})

    settings = changed.json["settings"]
    assert (settings["ring_limit"], settings["max_skips"], changed.json["version"]) == (50, 2, 3)


async def test_a_caller_id_that_no_trunk_allows_is_refused(office: Office, root: Described, boss: Described) -> None:
    await root("PATCH", f"/trunks/{office.acme.trunk_id}", {"caller_ids": ["+441134960000"]})
    path = f"/campaigns/{office.acme.campaign_id}"

    refused = await boss("PATCH", path, {"settings": {"caller_id": "+441134960001"}})
    assert problem_fields(refused) == ["settings.caller_id"]
    assert (await boss("PATCH", path, {"settings": {"caller_id": "+441134960000"}})).status == 200


async def test_a_dial_template_is_one_channel_and_nothing_more(root: Described) -> None:
    trunk = {"name": "T", "max_channels": 1, "max_calls_per_second": 1}
    for template in (
        "PJSIP/{number}@a&PJSIP/{number}@b",
        "PJSIP/carrier",
        "Local/{number}@default",
        "PJSIP/{number}@a,30,tT",
        "PJSIP/{number}@a\r\nApplication: System",
        "PJSIP/{number}@${SHELL(id)}",
    ):
        refused = await root("POST", "/trunks", trunk | {"dial_template": template})
        assert problem_fields(refused) == ["dial_template"], template


async def test_names_are_unique_where_they_must_be(office: Office, boss: Described, root: Described) -> None:
    for client, path, body in (
        (boss, "/teams", {"name": "Sales"}),
        (boss, "/campaigns", {"name": "Spring"}),
        (boss, "/lists", {"name": "First", "campaign_id": office.acme.campaign_id}),
        (root, "/tenants", {"name": "Acme", "max_calls": 1}),
        (root, "/data-centers", {"name": "Acme hall", "max_calls": 1}),
        (root, "/cells", {"name": "Acme cell", "data_center_id": office.acme.data_center_id, "max_channels": 1}),
    ):
        answer = await client("POST", path, body)
        assert (answer.code, answer.json["errors"][0]["field"]) == ("ALREADY_EXISTS", "name")


async def test_what_is_in_use_is_not_deleted_and_the_rest_is(office: Office, boss: Described, root: Described) -> None:
    acme = office.acme
    for client, path in (
        (root, f"/tenants/{acme.tenant_id}"),
        (root, f"/data-centers/{acme.data_center_id}"),
        (root, f"/cells/{acme.cell_id}"),
        (boss, f"/teams/{acme.team_id}"),
    ):
        assert (await client("DELETE", path)).code == "IN_USE", path
        assert (await client("GET", path)).status == 200
    await boss("POST", f"/campaigns/{acme.campaign_id}/start")
    assert (await boss("DELETE", f"/campaigns/{acme.campaign_id}")).code == "IN_USE"
    await boss("POST", f"/campaigns/{acme.campaign_id}/stop")
    for client, path in (
        (boss, f"/campaigns/{acme.campaign_id}"),
        (boss, f"/teams/{acme.team_id}"),
        (root, f"/trunks/{acme.trunk_id}"),
    ):
        assert (await client("DELETE", path)).status == 204, path
        assert (await client("GET", path)).code == "NOT_FOUND"


async def test_stopping_a_campaign_withdraws_its_offers(office: Office, boss: Described) -> None:
    await boss("POST", f"/campaigns/{office.acme.campaign_id}/start")
    await boss("POST", f"/campaigns/{office.acme.campaign_id}/stop")

    assert ("campaign_stopped", office.acme.campaign_id) in office.floor.asked


async def upload(client: Described, office: Office, data: bytes, **headers: str) -> Answer:
    path = f"/campaigns/{office.acme.campaign_id}/contacts?list=March&source=march.csv"
    return await client("POST", path, data=data, headers=headers or CSV)


async def test_a_file_is_imported_and_its_bad_rows_are_handed_back(office: Office, boss: Described) -> None:
    data = f"external_id,number,city\nA1,{LONDON},Leeds\nA2,12,York\n".encode()
    done = await upload(boss, office, data)

    assert done.status == 201
    facts = done.json
    assert (facts["added"], facts["rejected"], facts["state"], facts["source"]) == (1, 1, "done", "march.csv")
    assert facts["read_bytes"] == facts["total_bytes"] == len(data)
    rejected = (await boss("GET", f"/imports/{facts['id']}/rejections")).json["items"]
    assert [(one["row"], one["field"], one["values"]["city"]) for one in rejected] == [(3, "number", "York")]
    assert [one["id"] for one in (await boss("GET", "/imports")).json["items"]] == [facts["id"]]
    shown = (await boss("GET", f"/campaigns/{office.acme.campaign_id}/contacts?text=a1")).json["items"]
    assert [(one["external_id"], one["fields"]) for one in shown] == [("A1", {"city": "Leeds"})]
    assert ("wake",) in office.floor.asked


async def test_json_lines_are_imported_too(office: Office, boss: Described) -> None:
    line = f'{{"external_id": "J1", "number": "{LONDON}"}}\n'.encode()

    done = await upload(boss, office, line, **{"Content-Type": "application/x-ndjson"})

    assert (done.json["added"], done.json["rejected"]) == (1, 0)


async def test_a_header_that_cannot_be_used_is_a_clear_refusal(office: Office, boss: Described) -> None:
    refused = await upload(boss, office, b"name;phone\nJo;1\n")

    assert problem_fields(refused) == ["header"]
    assert "external_id" in refused.json["errors"][0]["message"]
    assert (await upload(boss, office, b"x", **{"Content-Type": "text/plain"})).code == "UNSUPPORTED_MEDIA_TYPE"


async def test_a_strangers_file_is_previewed_mapped_and_its_bad_rows_come_back_as_a_table(
    office: Office, boss: Described
) -> None:
    path = f"/campaigns/{office.acme.campaign_id}/contacts"
    data = f"Cliente n.;Teléfono;Ciudad\n1;{LONDON};Málaga\n2;12;=cmd()\n".encode("cp1252")

    seen = (await boss("POST", f"{path}/preview", data=data, headers=CSV)).json
    assert (seen["encoding"], seen["delimiter"], seen["problem"]["field"]) == ("windows-1252", ";", "column")
    assert [one["column"] for one in seen["columns"]] == ["Cliente n.", "number", "Ciudad"]
    mapping = "column=external_id&column=number&column=city&encoding=windows-1252"
    again = (await boss("POST", f"{path}/preview?{mapping}", data=data, headers=CSV)).json
    assert (again["problem"], [row["problem"] is None for row in again["rows"]]) == (None, [True, False])
    assert (await boss("GET", "/imports")).json["items"] == []  # nothing was taken in

    done = (await boss("POST", f"{path}?{mapping}&list=March", data=data, headers=CSV)).json
    assert (done["added"], done["rejected"]) == (1, 1)
    assert (await boss("GET", path)).json["items"][0]["fields"] == {"city": "Málaga"}
    table = await boss("GET", f"/imports/{done['id']}/rejections.csv")
    assert list(csv.DictReader(io.StringIO(table.text))) == [
        {
            "_row": "3", "_field": "number", "_reason": "must begin with + and the country code",
            "external_id": "2", "number": "12", "city": "'=cmd()",
        }
    ]  # fmt: skip
    mended = table.text.replace(",12,", f",{LONDON},").encode()
    assert (await upload(boss, office, mended)).json["added"] == 1


async def test_what_is_wrong_is_said_in_spanish_too(office: Office, boss: Described) -> None:
    me = (await boss("GET", "/me")).json["user"]["id"]
    assert (await boss("PATCH", f"/users/{me}", {"language": "es"})).status == 200
    path = f"/campaigns/{office.acme.campaign_id}"
    done = (await upload(boss, office, b"external_id,number\nA1,12\n")).json

    rejected = (await boss("GET", f"/imports/{done['id']}/rejections")).json["items"]
    assert rejected[0]["reason"] == "debe empezar por + y el prefijo del país"
    assert "prefijo" in (await boss("GET", f"/imports/{done['id']}/rejections.csv")).text
    seen = (await boss("POST", f"{path}/contacts/preview", data=b"a,b\n1,2\n", headers=CSV)).json
    assert seen["problem"]["message"].startswith("no hay ninguna columna")
    assert (
        (await boss("POST", f"{path}/contacts", data=b"a,b\n", headers=CSV))
        .json["errors"][0]["message"]
        .startswith("no hay")
    )
    failed = (await boss("GET", "/imports")).json["items"][0]
    assert failed["error"].startswith("no hay ninguna columna")
    taken = await boss("POST", "/teams", {"name": "Sales"})
    assert taken.json["errors"][0]["message"] == "ya existe un equipo 'Sales'"
    wrong = await boss("PATCH", path, {"settings": {"offer_timeout": 5}})
    assert wrong.json["errors"][0]["message"].startswith("menos de 10 s para decidir")


async def test_a_mapping_that_cannot_do_makes_no_list(office: Office, boss: Described) -> None:
    path = f"/campaigns/{office.acme.campaign_id}/contacts"
    for query, field in (
        ("column=name", "column"),
        ("column=external_id&column=number&column=number", "column"),
        ("delimiter=x", "delimiter"),
        ("encoding=utf-7", "encoding"),
        ("column=" + "x" * 65, "column.0"),
    ):
        for address in (path, f"{path}/preview"):
            refused = await boss("POST", f"{address}?{query}&list=New", data=b"a,b,c\n", headers=CSV)
            if address == path:
                assert problem_fields(refused) == [field], query
    assert [one["name"] for one in (await boss("GET", "/lists")).json["items"]] == ["First"]
    line = f'{{"external_id": "1", "number": "{LONDON}"}}'.encode()
    json_type = {"Content-Type": "application/json"}
    assert problem_fields(await boss("POST", f"{path}?header=false", data=line, headers=json_type)) == ["header"]
    seen = (await boss("POST", f"{path}/preview", data=line, headers=json_type)).json
    assert seen["rows"] == [{"row": 1, "cells": ["1", LONDON], "problem": None}]
    assert (await boss("POST", f"{path}/preview", data=b"x" * 300_000, headers=CSV)).code == "TOO_LARGE"


async def test_an_export_can_be_imported_again_and_runs_no_formula(office: Office, boss: Described) -> None:
    original = (
        "external_id,name,number_1,label_1,number_2,zone,consent,note\n"
        f'A1,=cmd(),{LONDON},home,+442079460002,Europe/Paris,yes,"-1\nnext"\n'
        f"A2,Jo,{LONDON},,,,,\n"
    )
    await upload(boss, office, original.encode())
    path = f"/campaigns/{office.acme.campaign_id}/contacts.csv"

    table = (await boss("GET", path)).text

    rows = list(csv.DictReader(io.StringIO(table)))
    assert [(row["external_id"], row["name"], row["number_1"], row["number_2"]) for row in rows] == [
        ("A1", "'=cmd()", LONDON, "+442079460002"),
        ("A2", "Jo", LONDON, ""),
    ]
    assert rows[0]["note"] == "'-1\nnext"
    again = await upload(boss, office, table.encode())
    assert (again.json["updated"], again.json["rejected"]) == (2, 0)
    assert (await boss("GET", path)).text.splitlines()[0] == table.splitlines()[0]


async def test_a_number_is_never_called_again_and_an_offer_of_it_withdrawn(office: Office, boss: Described) -> None:
    await upload(boss, office, f"external_id,number\nA1,{LONDON}\n".encode())
    path = f"/campaigns/{office.acme.campaign_id}/contacts"
    id_ = (await boss("GET", path)).json["items"][0]["id"]

    entry = await made(boss, "/do-not-call", {"number": "+44 20 7946 0000", "why": "complaint"})
    assert entry["e164"] == LONDON
    blocked = (await boss("GET", f"/contacts/{id_}")).json
    assert (blocked["state"], blocked["why"]) == ("blocked", "dnc")
    assert (await boss("POST", "/do-not-call", {"number": LONDON})).code == "ALREADY_EXISTS"
    assert (await boss("GET", f"/do-not-call/{LONDON}")).json["why"] == "complaint"

    assert (await boss("DELETE", f"/do-not-call/{LONDON}")).status == 204
    assert (await boss("GET", f"/contacts/{id_}")).json["state"] == "waiting"
    assert (await boss("GET", f"/do-not-call/{LONDON}")).code == "NOT_FOUND"


async def test_a_removed_contact_loses_its_offer_and_can_be_restored(office: Office, boss: Described) -> None:
    await upload(boss, office, f"external_id,number\nA1,{LONDON}\n".encode())
    id_ = (await boss("GET", f"/campaigns/{office.acme.campaign_id}/contacts")).json["items"][0]["id"]
    await office.store.run(
        lambda conn: conn.execute(update(contacts).where(contacts.c.id == id_).values(state="offered")) and None
    )

    gone = await boss("POST", f"/contacts/{id_}/remove", {"why": "moved away"})
    assert (gone.json["state"], gone.json["why"]) == ("removed", "moved away")
    assert ("withdraw_contact", id_, "CONTACT_REMOVED") in office.floor.asked

    back = await boss("POST", f"/contacts/{id_}/restore")
    assert back.json["state"] == "waiting"
    assert (await boss("POST", f"/contacts/{id_}/restore")).code == "IN_USE"

    gone = await boss("POST", f"/contacts/{id_}/remove", {"do_not_call": True})
    assert gone.json["state"] == "removed"
    assert (await boss("GET", f"/do-not-call/{LONDON}")).status == 200


async def test_why_a_campaign_does_not_dial(office: Office, boss: Described) -> None:
    await upload(boss, office, f"external_id,number\nA1,{LONDON}\n".encode())
    office.floor.pbx_connected = False

    told = (await boss("GET", f"/campaigns/{office.acme.campaign_id}/why")).json

    codes = {one["code"] for one in told["in_the_way"]}
    assert codes == {"CAMPAIGN_STOPPED", "NO_AGENT_AVAILABLE", "PBX_UNREACHABLE"}
    assert (told["total"], sum(one["count"] for one in told["contacts"])) == (1, 1)
    assert told["dials_at"] is None
    assert (await boss("GET", f"/campaigns/{office.globex.campaign_id}/why")).code == "NOT_FOUND"


async def test_fields_and_lists_are_kept(office: Office, boss: Described) -> None:
    field = await made(boss, "/fields", {"name": "vip", "label": "VIP", "kind": "boolean"})
    assert problem_fields(await boss("PATCH", f"/fields/{field['id']}", {"kind": "text"})) == ["kind"]
    assert (await boss("PATCH", f"/fields/{field['id']}", {"label": "Very"})).json["label"] == "Very"
    assert (await boss("DELETE", f"/fields/{field['id']}")).status == 204

    path = f"/lists/{office.acme.list_id}"
    assert (await boss("PATCH", path, {"expires_at": "2027-01-01T00:00:00Z"})).json["active"] is True
    assert (await boss("PATCH", path, {"expires_at": None, "active": False})).json["expires_at"] is None
    assert problem_fields(await boss("PATCH", path, {"active": None})) == ["active"]
    assert (await boss("DELETE", path)).status == 204


async def test_dispositions_of_all_campaigns_are_listed_once(office: Office, boss: Described) -> None:
    own = [{"code": "none", "label": "Nothing", "rule": "close"}]
    second = await made(boss, "/campaigns", {"name": "Second", "settings": {"dispositions": own}})

    found = {one["label"]: one["campaign_ids"] for one in (await boss("GET", "/dispositions")).json}

    assert found["Nothing"] == [second["id"]]
    assert found["Success"] == [office.acme.campaign_id]


async def test_a_page_goes_on_where_the_last_one_ended(boss: Described) -> None:
    for name in "ABC":
        await made(boss, "/teams", {"name": name})

    first = (await boss("GET", "/teams?limit=3")).json
    rest = (await boss("GET", f"/teams?limit=3&after={first['next']}")).json

    assert [one["name"] for one in first["items"] + rest["items"]] == ["Sales", "A", "B", "C"]
    assert rest["next"] is None
    for broken in ("%00", "zzz", "1", "+", f"{first['next']}0", "9" * 30):
        assert problem_fields(await boss("GET", f"/teams?after={broken}")) == ["after"]
    assert problem_fields(await boss("GET", "/teams?limit=0")) == ["limit"]
    assert problem_fields(await boss("GET", "/teams?colour=red")) == ["colour"]
