"""Files of contacts come in piece by piece; bad rows are handed back with reasons and never stop good ones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from telephony.store import campaigns, imports
from telephony.store.contact_list import ContactFilter, contacts_page
from telephony.store.engine import Store
from telephony.store.errors import NoSuch
from telephony.store.fields import FieldKind, NewField, create_field
from telephony.store.import_file import BadFile
from telephony.store.import_run import run_import
from telephony.store.imports import NewImport
from telephony.store.paging import PageRequest, Row
from tests.support.company import LONDON, NOON, Company, company

pytestmark = pytest.mark.unit

ALL = PageRequest(limit=500)


@pytest.fixture
async def acme(store: Store) -> Company:
    return await store.run(company)


async def pieces(data: bytes, size: int = 7) -> AsyncIterator[bytes]:
    """The body as a slow sender would bring it: cut anywhere, within characters and quotes too."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def take(store: Store, acme: Company, data: str | bytes, *, as_json: bool = False, **options: Any) -> Row:
    new = NewImport(campaign_id=acme.campaign_id)
    begun = await store.run(lambda conn: imports.begin(conn, acme.tenant_id, new, started_by=None, now=NOON))
    body = data if isinstance(data, bytes) else data.encode()
    return await run_import(store, acme.tenant_id, begun["id"], pieces(body, **options), json=as_json)


async def contacts_of(store: Store, acme: Company) -> dict[str, Row]:
    found = await store.run(lambda conn: contacts_page(conn, acme.tenant_id, acme.campaign_id, ContactFilter(), ALL))
    return {row["external_id"]: row for row in found.items}


async def rejections(store: Store, acme: Company, import_id: str) -> list[tuple[int, str, str]]:
    found = await store.run(lambda conn: imports.rejections_page(conn, acme.tenant_id, import_id, ALL))
    return [(row["row"], row["field"], row["reason"]) for row in found.items]


def counts(done: Row) -> tuple[int, int, int, str]:
    return done["added"], done["updated"], done["rejected"], done["state"]


async def test_a_plain_file_becomes_contacts(store: Store, acme: Company) -> None:
    done = await take(
        store,
        acme,
        "external_id,name,number_1,label_1,number_2,consent,zone,city\r\n"
        f'A1,"Smith, ""Jo""",+44 20 7946 0001,home,{LONDON},yes,Europe/Paris,"two\r\nlines"\r\n',
    )

    assert counts(done) == (1, 0, 0, "done")
    jo = (await contacts_of(store, acme))["A1"]
    assert (jo["name"], jo["zone"], jo["consent"]) == ('Smith, "Jo"', "Europe/Paris", True)
    assert jo["fields"] == {"city": "two\r\nlines"}
    assert [(n["position"], n["e164"], n["label"]) for n in jo["numbers"]] == [
        (1, "+442079460001", "home"),
        (2, LONDON, ""),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("begin", ["", "\ufeff"])
async def test_the_delimiter_and_the_byte_order_mark_are_found_out(
    store: Store, acme: Company, delimiter: str, begin: str
) -> None:
    lines = [["External_ID", "Number", "Note"], ["A1", LONDON, "niño"]]

    done = await take(store, acme, begin + "\n".join(delimiter.join(line) for line in lines))

    assert counts(done) == (1, 0, 0, "done")
    assert (await contacts_of(store, acme))["A1"]["fields"] == {"Note": "niño"}


async def test_bad_rows_are_handed_back_with_line_field_and_reason_and_the_good_ones_come_in(
    store: Store, acme: Company
) -> None:
    done = await take(
        store,
        acme,
        b"external_id,name,number,zone,consent\n"
        b"A1,Good,+442079460001,,\n"
        b"A2,No plus,02079460002,,\n"
        b",No id,+442079460003,,\n"
        b'A4,"Three\nlines\nhere",+442079460004,,\n'
        b"A5,Bad zone,+442079460005,Europe/Londn,\n"
        b"A6,Perhaps,+442079460006,,maybe\n"
        b"A7,Latin \xe9,+442079460007,,\n"
        b"A8,Too many,+442079460008,,,surplus\n"
        b"\n"
        b"A9,Short row,+442079460009\n"
        b"A10,No number,,,\n",
    )

    assert counts(done) == (2, 0, 8, "done")
    assert set(await contacts_of(store, acme)) == {"A1", "A9"}
    assert await rejections(store, acme, done["id"]) == [
        (3, "number", "must begin with + and the country code"),
        (4, "external_id", "is missing"),
        (5, "name", "must be one line without control characters"),
        (8, "zone", "is not a time zone; use an IANA name such as Europe/London"),
        (9, "consent", "must be yes or no"),
        (10, "", "is not UTF-8 text"),
        (11, "", "has 6 values where the header has 5"),
        (14, "number", "is missing: a contact needs at least one number"),
    ]
    kept = await store.run(lambda conn: imports.rejections_page(conn, acme.tenant_id, done["id"], ALL))
    assert kept.items[0]["values"] == {"external_id": "A2", "name": "No plus", "number": "02079460002"}
    assert kept.items[5]["values"]["name"] == "Latin \ufffd"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        ("name,number\n", "no column 'external_id'"),
        ("external_id,name\n", "no column 'number'"),
        ("external_id,number,NUMBER\n", "'number' is there twice"),
        ("external_id,number,number_1\n", "leave one out"),
        ("external_id,number,label_2\n", "'label_2' has no number column"),
        ("external_id,,number\n", "column 2: a field's name"),
        (f"external_id,number,{'x' * 65}\n", "column 3: a field's name"),
        ("external_id,number\nA1,+442079460001\n".encode("utf-16"), "save it as CSV UTF-8"),
        ("external_id,number,a\xf1o\n".encode("latin-1"), "save it as CSV UTF-8"),
    ],
)
async def test_a_header_that_cannot_be_used_is_said_clearly_and_nothing_comes_in(
    store: Store, acme: Company, data: str | bytes, reason: str
) -> None:
    with pytest.raises(BadFile) as refused:
        await take(store, acme, data)

    assert reason in str(refused.value)
    (row,) = (await store.run(lambda conn: imports.imports_page(conn, acme.tenant_id, None, ALL))).items
    assert (row["state"], row["added"]) == ("failed", 0)
    assert reason in row["error"]


async def test_fields_are_typed_by_the_tenant_and_refused_by_name(store: Store, acme: Company) -> None:
    for name, kind in (("balance", FieldKind.NUMBER), ("since", FieldKind.DATE), ("vip", FieldKind.BOOLEAN)):
        new = NewField(name=name, label=name.title(), kind=kind)
        await store.run(lambda conn, new=new: create_field(conn, acme.tenant_id, new))

    done = await take(
        store,
        acme,
        "external_id,number,Balance,since,vip,city\n"
        f"A1,{LONDON},-12.50,2020-02-29,no,Leeds\n"
        f"A2,{LONDON},7,,,\n"
        f"A3,{LONDON},1.2e3,,,\n"
        f"A4,{LONDON},,29.02.2020,,\n"
        f"A5,{LONDON},,,perhaps,\n",
    )

    assert counts(done) == (2, 0, 3, "done")
    people = await contacts_of(store, acme)
    assert people["A1"]["fields"] == {"balance": -12.5, "since": "2020-02-29", "vip": False, "city": "Leeds"}
    assert people["A2"]["fields"] == {"balance": 7}
    assert [(row, field) for row, field, _ in await rejections(store, acme, done["id"])] == [
        (4, "balance"),
        (5, "since"),
        (6, "vip"),
    ]


async def test_the_same_external_id_again_updates_and_never_doubles(store: Store, acme: Company) -> None:
    await take(store, acme, f"external_id,name,number\nA1,Old,{LONDON}\nA2,Two,+442079460002\n")

    done = await take(
        store, acme, f"external_id,name,number\nA1,First,{LONDON}\nA3,New,+442079460003\nA1,Last,{LONDON}\n"
    )

    assert counts(done) == (1, 2, 0, "done")
    people = await contacts_of(store, acme)
    assert {external_id: row["name"] for external_id, row in people.items()} == {"A1": "Last", "A2": "Two", "A3": "New"}
    campaign = await store.run(lambda conn: campaigns.campaign(conn, acme.tenant_id, acme.campaign_id))
    assert campaign["counts"]["waiting"] == 3


async def test_a_formula_in_a_file_is_kept_as_it_was_written(store: Store, acme: Company) -> None:
    await take(store, acme, f"external_id,name,number,note\n=1+1,@SUM(A1),{LONDON},\"-cmd|' /C calc'!A0\"\n")

    person = (await contacts_of(store, acme))["=1+1"]
    assert (person["name"], person["fields"]) == ("@SUM(A1)", {"note": "-cmd|' /C calc'!A0"})


async def test_sql_html_and_dialplan_in_a_file_are_only_text(store: Store, acme: Company) -> None:
    nasty = "Robert'); DROP TABLE contacts;-- <script>alert(1)</script> ${SHELL(rm)} %s \\x"
    await take(store, acme, f'external_id,name,number\nA1,"{nasty}",{LONDON}\n')

    assert (await contacts_of(store, acme))["A1"]["name"] == nasty


async def test_what_copying_leaves_in_names_and_numbers_is_no_fault(store: Store, acme: Company) -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    rows = [
        ["N1", "Ann\u00a0Lee", "\u202a+44\u00a020 7946 0001\u202c"],
        ["N2", f"\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 {family}", "\u200e+442079460002"],
    ]
    done = await take(store, acme, "external_id,name,number\n" + "\n".join(map(",".join, rows)))
    assert counts(done) == (2, 0, 0, "done")
    found = await contacts_of(store, acme)
    assert [found[row[0]]["name"] for row in rows] == [row[1] for row in rows]
    assert [found[row[0]]["numbers"][0]["e164"] for row in rows] == ["+442079460001", "+442079460002"]


async def test_a_json_array_and_json_lines_come_in_alike(store: Store, acme: Company) -> None:
    people = [
        {"external_id": "A1", "name": "Jo", "numbers": [{"number": LONDON, "label": "work"}, "+442079460002"]},
        {"external_id": 2, "number": "+442079460003", "fields": {"city": "Leeds"}, "consent": True},
        {"external_id": "A3", "number": 442079460004},
        "not an object",
        {"external_id": "A5", "number": LONDON, "name": "\ud800"},
    ]

    as_array = await take(store, acme, json.dumps(people, indent=2), as_json=True)
    assert counts(as_array) == (2, 0, 3, "done")
    as_lines = await take(store, acme, "\n".join(map(json.dumps, people)), as_json=True)
    assert counts(as_lines) == (0, 2, 3, "done")

    found = await contacts_of(store, acme)
    assert [(n["e164"], n["label"]) for n in found["A1"]["numbers"]] == [(LONDON, "work"), ("+442079460002", "")]
    assert (found["2"]["fields"], found["2"]["consent"]) == ({"city": "Leeds"}, True)
    for done in (as_array, as_lines):
        assert [(row, field) for row, field, _ in await rejections(store, acme, done["id"])] == [
            (3, "number"),
            (4, ""),
            (5, "name"),
        ]


async def test_a_broken_json_line_is_one_rejected_row(store: Store, acme: Company) -> None:
    good = json.dumps({"external_id": "A1", "number": LONDON})
    deep = "[" * 100_000

    done = await take(store, acme, f'{{"external_id": \n{good}\n{{"a": {deep}\n', as_json=True, size=4096)

    assert counts(done) == (1, 0, 2, "done")
    assert [row for row, _, _ in await rejections(store, acme, done["id"])] == [1, 3]


async def test_a_broken_json_array_keeps_what_came_before_the_fault(store: Store, acme: Company) -> None:
    good = json.dumps({"external_id": "A1", "number": LONDON})

    with pytest.raises(BadFile, match="broken in contact 2; 1 were read"):
        await take(store, acme, f'[{good}, {{"external_id": "A2", ', as_json=True)

    assert set(await contacts_of(store, acme)) == {"A1"}


async def test_an_unclosed_quote_costs_its_own_row_only(store: Store, acme: Company) -> None:
    filler = "".join(f"B{n},{LONDON},{'x' * 90}\n" for n in range(2000))

    done = await take(store, acme, f'external_id,number,note\nA1,{LONDON},"open\n{filler}', size=8192)

    assert done["state"] == "done"
    assert await rejections(store, acme, done["id"]) == [(2, "", "a quote is not closed, or a value is too long")]
    assert done["added"] == 2000


async def test_of_a_file_of_nothing_but_bad_rows_the_first_are_kept_and_all_are_counted(
    store: Store, acme: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "MOST_KEPT", 250)

    done = await take(store, acme, "external_id,number\n" + 500 * "A1,1\n", size=4096)

    assert counts(done) == (0, 0, 500, "done")
    assert [row for row, _, _ in await rejections(store, acme, done["id"])] == list(range(2, 252))


async def test_progress_can_be_read_while_the_file_is_still_coming(store: Store, acme: Company) -> None:
    more = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"external_id,number\n" + b"".join(b"A%d,+442079460001\n" % n for n in range(1000))
        await more.wait()
        yield b"Z,+442079460001\n"

    new = NewImport(campaign_id=acme.campaign_id, source="march.csv", total_bytes=1000)
    begun = await store.run(lambda conn: imports.begin(conn, acme.tenant_id, new, started_by=None, now=NOON))
    stored = asyncio.Event()
    running = asyncio.create_task(run_import(store, acme.tenant_id, begun["id"], slow(), stored=stored.set))
    await asyncio.wait_for(stored.wait(), 10)

    seen = await store.run(lambda conn: imports.import_(conn, acme.tenant_id, begun["id"]))
    assert (seen["state"], seen["source"]) == ("running", "march.csv")
    assert 0 < seen["added"] <= 1000
    more.set()
    assert (await running)["added"] == 1001


async def test_a_sender_who_goes_away_leaves_a_failed_import_and_what_was_stored(store: Store, acme: Company) -> None:
    async def lost() -> AsyncIterator[bytes]:
        yield b"external_id,number\nA1,+442079460001\n"
        raise ConnectionResetError

    new = NewImport(campaign_id=acme.campaign_id)
    begun = await store.run(lambda conn: imports.begin(conn, acme.tenant_id, new, started_by=None, now=NOON))
    with pytest.raises(ConnectionResetError):
        await run_import(store, acme.tenant_id, begun["id"], lost())

    row = await store.run(lambda conn: imports.import_(conn, acme.tenant_id, begun["id"]))
    assert (row["state"], row["added"]) == ("failed", 1)
    assert "send the file again" in row["error"]


async def test_a_cancelled_import_ends_its_thread(store: Store, acme: Company) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"external_id,number\n"
        await asyncio.Event().wait()

    new = NewImport(campaign_id=acme.campaign_id)
    begun = await store.run(lambda conn: imports.begin(conn, acme.tenant_id, new, started_by=None, now=NOON))
    one_thread = ThreadPoolExecutor(max_workers=1)
    asyncio.get_running_loop().set_default_executor(one_thread)
    running = asyncio.create_task(run_import(store, acme.tenant_id, begun["id"], endless()))
    await asyncio.sleep(0.1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    row = await store.run(lambda conn: imports.import_(conn, acme.tenant_id, begun["id"]))
    assert row["state"] == "failed"
    assert await asyncio.wait_for(asyncio.to_thread(lambda: "free"), 5) == "free"


async def test_an_import_whose_process_died_is_closed_after_ten_minutes(store: Store, acme: Company) -> None:
    new = NewImport(campaign_id=acme.campaign_id)
    await store.run(lambda conn: imports.begin(conn, acme.tenant_id, new, started_by=None, now=NOON))

    later = NOON + timedelta(minutes=10)
    assert await store.run(lambda conn: imports.fail_silent(conn, now=later)) == 0
    assert await store.run(lambda conn: imports.fail_silent(conn, now=later + timedelta(seconds=1))) == 1


async def test_imports_of_another_tenant_do_not_exist(store: Store, acme: Company) -> None:
    other = await store.run(lambda conn: company(conn, "Globex"))
    done = await take(store, acme, f"external_id,number\nA1,{LONDON}\nA2,1\n")

    with pytest.raises(NoSuch):
        await store.run(lambda conn: imports.import_(conn, other.tenant_id, done["id"]))
    with pytest.raises(NoSuch):
        await store.run(lambda conn: imports.rejections_page(conn, other.tenant_id, done["id"], ALL))
    new = NewImport(campaign_id=acme.campaign_id)
    with pytest.raises(NoSuch):
        await store.run(lambda conn: imports.begin(conn, other.tenant_id, new, started_by=None, now=NOON))
    assert (await store.run(lambda conn: imports.imports_page(conn, other.tenant_id, None, ALL))).items == []
