"""What people look at: the desk after a reload, the card with its history, calls, limits, exports."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, update

from telephony.model.campaign import CampaignSettings, Mode
from telephony.model.ids import new_id
from telephony.model.reasons import Outcome
from telephony.store import campaigns, cards, contact_export, schema, views
from telephony.store.engine import Store
from telephony.store.errors import NoSuch
from telephony.store.fields import NewField, create_field
from telephony.store.paging import PageRequest
from telephony.store.schema import agents, attempts, offers, usage
from telephony.store.views import CallFilter
from tests.support.company import LONDON, NOON, Company, at, company, take_in

pytestmark = pytest.mark.unit


@pytest.fixture
async def acme(store: Store) -> Company:
    return await store.run(company)


async def take(store: Store, acme: Company, **row: Any) -> str:
    values = {"external_id": "A1", "name": "Jo", "number": LONDON} | row
    (id_,) = await at(store, NOON, lambda work: take_in(work, acme, values))
    return str(id_)


def number_of(conn: Connection, contact_id: str) -> str:
    return str(conn.exec_driver_sql(f"SELECT id FROM numbers WHERE contact_id = '{contact_id}'").scalar_one())


def offered(conn: Connection, acme: Company, contact_id: str, **facts: Any) -> str:
    id_ = new_id()
    values = {
        "id": id_, "tenant_id": acme.tenant_id, "cell_id": acme.cell_id, "campaign_id": acme.campaign_id,
        "agent_id": acme.agent_id, "contact_id": contact_id, "number_id": number_of(conn, contact_id), "e164": LONDON,
        "mode": "preview_standard", "card": {}, "settings": {"offer_timeout": 60, "disabled_actions": ["skip"]},
        "opened_at": NOON, "expires_at": NOON + timedelta(seconds=60), "state": "open",
    }  # fmt: skip
    conn.execute(insert(offers).values(values | facts))
    return id_


def called(conn: Connection, acme: Company, contact_id: str, offer_id: str, **facts: Any) -> str:
    id_ = new_id()
    values = {
        "id": id_, "tenant_id": acme.tenant_id, "cell_id": acme.cell_id, "campaign_id": acme.campaign_id,
        "agent_id": acme.agent_id, "contact_id": contact_id, "offer_id": offer_id, "e164": LONDON,
        "number_id": number_of(conn, contact_id), "mode": "preview_standard", "amd": "parallel", "state": "talking",
        "epoch": 1, "granted_at": NOON,
    }  # fmt: skip
    conn.execute(insert(attempts).values(values | facts))
    return id_


def desk(conn: Connection, acme: Company, **values: Any) -> None:
    conn.execute(update(agents).where(agents.c.id == acme.agent_id).values(**values))


async def me(store: Store, acme: Company, now: datetime = NOON) -> Any:
    return await store.run(lambda conn: views.me(conn, acme.agent_id, now=now))


async def test_an_agent_without_work_sees_the_own_state(store: Store, acme: Company) -> None:
    view = await me(store, acme)

    assert view["user"]["username"] == "acme.ann"
    assert (view["agent"]["state"], view["agent"]["since"], view["agent"]["phone"]) == ("offline", NOON, "1001")
    assert (view["agent"]["cell"], view["agent"]["campaign"]) == ("Acme cell", None)
    assert (view["offer"], view["call"], view["dispositions"]) == (None, None, [])


async def test_a_reloaded_page_shows_the_open_offer_with_its_card(store: Store, acme: Company) -> None:
    await store.run(lambda conn: create_field(conn, acme.tenant_id, NewField(name="city", label="Town")))
    jo = await take(store, acme, label="home", number_2="+442079460002", city="Leeds", pet="dog")

    def open_it(conn: Connection) -> None:
        first = conn.exec_driver_sql(f"SELECT id FROM numbers WHERE contact_id = '{jo}' AND position = 1").scalar_one()
        offer = new_id()
        conn.execute(
            insert(offers).values(
                id=offer, tenant_id=acme.tenant_id, cell_id=acme.cell_id, campaign_id=acme.campaign_id,
                agent_id=acme.agent_id, contact_id=jo, number_id=first, e164=LONDON, mode="preview_standard",
                card={}, settings={"disabled_actions": ["skip"]}, opened_at=NOON, expires_at=NOON,
            )
        )  # fmt: skip
        desk(conn, acme, state="previewing", campaign_id=acme.campaign_id, offer_id=offer)

    await store.run(open_it)
    view = await me(store, acme)

    assert view["agent"]["campaign"] == {"id": acme.campaign_id, "name": "Spring"}
    offer = view["offer"]
    assert (offer["state"], offer["expires_at"], offer["disabled_actions"]) == ("open", NOON, ["skip"])
    card = offer["card"]
    assert (card["name"], card["external_id"], card["zone"], card["history"]) == ("Jo", "A1", "Europe/London", [])
    assert card["fields"] == [
        {"name": "city", "label": "Town", "value": "Leeds"},
        {"name": "pet", "label": "pet", "value": "dog"},
    ]
    assert [one["e164"] for one in card["numbers"]] == [LONDON, "+442079460002"]
    assert (card["number"]["e164"], card["number"]["label"]) == (LONDON, "home")


async def test_a_card_shows_the_configured_fields_in_their_order_and_what_was_noted_before(
    store: Store, acme: Company
) -> None:
    jo = await take(store, acme, city="Leeds", pet="dog", secret="x")

    def talk(conn: Connection) -> None:
        for n, note in enumerate(("first", "second")):
            offer = offered(conn, acme, jo, state="accepted")
            ended = {"state": "ended", "ended_at": NOON, "outcome": "TALKED", "disposition": "call_again"}
            called(conn, acme, jo, offer, note=note, **ended, granted_at=NOON + timedelta(hours=n))
        called(conn, acme, jo, offered(conn, acme, jo))  # the one that is up is no history yet

    await store.run(talk)
    shown = [{"name": "pet", "label": "Animal"}, {"name": "city", "label": "Town"}, {"name": "age", "label": "Age"}]
    settings = CampaignSettings.model_validate({"card_fields": shown})
    card = await store.run(lambda conn: cards.card_of(conn, jo, number_of(conn, jo), settings, now=NOON))

    assert [(one["label"], one["value"]) for one in card["fields"]] == [
        ("Animal", "dog"),
        ("Town", "Leeds"),
        ("Age", None),
    ]
    assert [(one["note"], one["outcome"], one["disposition"], one["agent"]) for one in card["history"]] == [
        ("second", "TALKED", "call_again", "Ann"),
        ("first", "TALKED", "call_again", "Ann"),
    ]


async def test_the_clock_of_several_zones_is_shown_where_they_agree(store: Store, acme: Company) -> None:
    assert cards.common_clock(["Europe/Guernsey", "Europe/London"], NOON) == "Europe/Guernsey"
    assert cards.common_clock(["Atlantic/Canary", "Europe/Madrid"], NOON) is None
    assert cards.common_clock(["Nowhere/At_all"], NOON) is None
    assert cards.common_clock([], NOON) is None


async def test_during_the_call_the_card_stays_and_the_dispositions_come(store: Store, acme: Company) -> None:
    jo = await take(store, acme)

    def accept(conn: Connection) -> str:
        offer = offered(conn, acme, jo, state="accepted")
        attempt = called(conn, acme, jo, offer, amd_verdict="HUMAN", answered_at=NOON, cancelled_by="agent")
        desk(conn, acme, state="talking", campaign_id=acme.campaign_id, offer_id=offer, attempt_id=attempt)
        return attempt

    attempt = await store.run(accept)
    view = await me(store, acme)

    assert view["offer"]["card"]["name"] == "Jo"
    call = view["call"]
    assert (call["id"], call["state"], call["verdict"], call["cancel_asked"]) == (attempt, "talking", "HUMAN", False)
    assert (call["campaign"]["name"], call["agent"]["name"], call["name"]) == ("Spring", "Ann", "Jo")
    assert "callback" in [one["code"] for one in view["dispositions"]]


@pytest.mark.parametrize(("facts", "asked"), [({}, True), ({"answered_at": NOON}, False)])
async def test_a_cancel_is_told_and_an_ordinary_hang_up_is_none(
    store: Store, acme: Company, facts: dict[str, Any], asked: bool
) -> None:
    jo = await take(store, acme)
    attempt = await store.run(
        lambda conn: called(conn, acme, jo, offered(conn, acme, jo), state="ended", cancelled_by="agent", **facts)
    )
    call = await store.run(lambda conn: views.call_view(conn, acme.tenant_id, attempt))
    assert call["cancel_asked"] is asked


async def test_the_campaigns_to_ask_for_a_contact_are_the_running_pull_ones(store: Store, acme: Company) -> None:
    pull = CampaignSettings(mode=Mode.PREVIEW)

    def more(conn: Connection) -> dict[str, str]:
        ids = {}
        for name in ("Autumn", "Winter", "Stopped", "Others"):
            of = () if name == "Others" else (acme.team_id,)
            rank = 10 if name == "Autumn" else 90
            new = campaigns.NewCampaign(name=name, settings=pull, team_ids=of, priority=rank)
            ids[name] = campaigns.create_campaign(conn, acme.tenant_id, new, now=NOON)["id"]
        started = [ids[name] for name in ids if name != "Stopped"]
        table = schema.campaigns
        conn.execute(update(table).where(table.c.id.in_([*started, acme.campaign_id])).values(running=True))
        return ids

    ids = await store.run(more)
    told = (await me(store, acme))["pull_campaigns"]
    assert told == [{"id": ids["Winter"], "name": "Winter"}, {"id": ids["Autumn"], "name": "Autumn"}]


async def test_a_decided_offer_is_not_shown_again(store: Store, acme: Company) -> None:
    jo = await take(store, acme)

    def skip(conn: Connection) -> None:
        desk(conn, acme, state="reserved", offer_id=offered(conn, acme, jo, state="skipped"))

    await store.run(skip)

    assert (await me(store, acme))["offer"] is None


async def test_calls_are_filtered_and_those_of_another_tenant_do_not_exist(store: Store, acme: Company) -> None:
    other = await store.run(lambda conn: company(conn, "Globex"))
    jo = await take(store, acme)

    def talk(conn: Connection) -> list[str]:
        offer = offered(conn, acme, jo)
        return [
            called(conn, acme, jo, offer, outcome=outcome, granted_at=NOON + timedelta(minutes=n))
            for n, outcome in enumerate(("TALKED", "CUSTOMER_BUSY"))
        ]

    talked, busy = await store.run(talk)

    async def found(tenant_id: str = acme.tenant_id, **wanted: Any) -> list[str]:
        page = await store.run(lambda conn: views.calls(conn, tenant_id, CallFilter(**wanted), PageRequest()))
        return [row["id"] for row in page.items]

    assert await found() == [busy, talked]
    assert await found(outcome=Outcome.TALKED) == [talked]
    assert await found(since=NOON + timedelta(minutes=1)) == [busy]
    assert await found(until=NOON + timedelta(minutes=1)) == [talked]
    assert await found(live=True) == [busy, talked]
    assert await found(live=False) == []
    assert await found(team_ids=(acme.team_id,)) == [busy, talked]
    assert await found(team_ids=(other.team_id,)) == []
    assert await found(other.tenant_id) == []
    assert await found(other.tenant_id, campaign_id=acme.campaign_id) == []
    with pytest.raises(NoSuch):
        await store.run(lambda conn: views.call_view(conn, other.tenant_id, talked))
    offer_id = (await store.run(lambda conn: views.call_view(conn, acme.tenant_id, talked)))["offer"]
    with pytest.raises(NoSuch):
        await store.run(lambda conn: views.offer_view(conn, other.tenant_id, offer_id, now=NOON))


async def test_limits_are_shown_with_their_use(store: Store, acme: Company) -> None:
    await store.run(lambda conn: company(conn, "Globex"))
    use = insert(usage).values(scope="tenant", scope_id=acme.tenant_id, used=7)
    await store.run(lambda conn: conn.execute(use) and None)

    own = await store.run(lambda conn: views.limits(conn, acme.tenant_id, now=NOON))
    everything = await store.run(lambda conn: views.limits(conn, None, now=NOON))

    assert [(one["scope"], one["name"], one["limit"], one["used"]) for one in own] == [
        ("cell", "Acme cell", 100, 0),
        ("data_center", "Acme hall", 20, 0),
        ("tenant", "Acme", 10, 7),
        ("trunk", "Acme carrier", 10, 0),
        ("call_rate", "Acme carrier", 5, 0),
    ]
    assert len(everything) == 10
    assert {one["scope"] for one in everything} == {"tenant", "trunk", "call_rate", "cell", "data_center"}


@pytest.mark.parametrize(("pace", "limit", "seconds", "used"), [(5.0, 5, 1.0, 1), (2.9, 2, 1.0, 1), (0.5, 1, 2.0, 2)])
async def test_the_pace_of_a_trunk_counts_over_the_time_it_is_held_to(
    store: Store, acme: Company, pace: float, limit: int, seconds: float, used: int
) -> None:
    def place(conn: Connection) -> None:
        conn.execute(update(schema.trunks).where(schema.trunks.c.id == acme.trunk_id).values(max_calls_per_second=pace))
        for ago in (0.5, 1.5, 2.5):
            leg = {"id": new_id(), "tenant_id": acme.tenant_id, "cell_id": acme.cell_id, "kind": "customer"}
            at_ = NOON - timedelta(seconds=ago)
            conn.execute(insert(schema.legs).values(**leg, trunk_id=acme.trunk_id, placed_at=at_))

    await store.run(place)
    shown = (await store.run(lambda conn: views.limits(conn, acme.tenant_id, now=NOON)))[-1]
    assert (shown["limit"], shown["seconds"], shown["used"]) == (limit, seconds, used)


async def test_an_export_has_every_field_and_as_many_numbers_as_any_contact(store: Store, acme: Company) -> None:
    await take(store, acme, city="Leeds", consent="yes")
    await take(store, acme, external_id="A2", number_2="+442079460002", label_2="work", pet="dog", zone="Europe/Paris")

    columns = await store.run(lambda conn: contact_export.columns(conn, acme.tenant_id, acme.campaign_id))
    table, more = await store.run(
        lambda conn: contact_export.rows(conn, acme.tenant_id, acme.campaign_id, columns, None)
    )

    assert columns.header() == [
        "external_id", "name", "number_1", "label_1", "number_2", "label_2", "zone", "consent", "city", "pet",
        "_state", "_why", "_due_at", "_attempts", "_skips",
    ]  # fmt: skip
    new = ["waiting", None, NOON, 0, 0]
    assert table == [
        ["A1", "Jo", LONDON, "", None, None, None, True, "Leeds", None, *new],
        ["A2", "Jo", LONDON, "", "+442079460002", "work", "Europe/Paris", False, None, "dog", *new],
    ]
    assert more is None
    other = await store.run(lambda conn: company(conn, "Globex"))
    nothing = await store.run(lambda conn: contact_export.columns(conn, other.tenant_id, acme.campaign_id))
    assert nothing == contact_export.Columns(1, ())
