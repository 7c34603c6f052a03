"""How machine detection did: stored verdicts against what the agents said."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from telephony.model.campaign import Reached
from telephony.model.detection_report import Counted, detection_report
from telephony.model.ids import new_id
from telephony.model.machine_detection import Verdict
from telephony.model.rates import Rate
from telephony.store.detections import detections
from telephony.store.engine import Store
from telephony.store.schema import attempts
from tests.support.company import LONDON, NOON, Company, at, company, take_in
from tests.unit.test_store_views import offered

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    # by the table of R. G. Newcombe, Statistics in Medicine 17 (1998), method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_a_rate_s_interval_is_wilson_s(hits: int, total: int, low: float, high: float) -> None:
    assert Rate(hits=hits, total=total).interval == pytest.approx((low, high), abs=5e-5)


def test_nothing_counted_is_no_rate_of_zero() -> None:
    assert Rate(hits=0, total=0).interval == (0.0, 1.0)


def counted(verdict: str, found: str | None, after: float | None, calls: int) -> Counted:
    return Counted(verdict=Verdict(verdict), found=Reached(found) if found else None, after=after, calls=calls)


def test_the_table_has_each_verdict_by_who_was_there() -> None:
    report = detection_report(
        [
            counted("HUMAN", "person", 1.8, 90),
            counted("HUMAN", "person", 2.4, 8),
            counted("MACHINE", "person", 2.0, 2),
            counted("MACHINE", "machine", 2.6, 30),
            counted("HUMAN", "machine", 1.9, 10),
            counted("NOT_SURE", None, 5.0, 4),
            counted("NO_AUDIO", "person", None, 1),
        ]
    )
    lines = {line.verdict: line for line in report.lines}
    assert set(lines) == set(Verdict)
    assert (lines[Verdict.HUMAN].person, lines[Verdict.HUMAN].machine, lines[Verdict.HUMAN].not_told) == (98, 10, 0)
    assert (lines[Verdict.HUMAN].after_median, lines[Verdict.HUMAN].after_p95) == (1.8, 2.4)
    assert (lines[Verdict.NOT_SURE].not_told, lines[Verdict.NO_AUDIO].after_median) == (4, None)
    assert report.people_called_machines == Rate(hits=2, total=101)
    assert report.machines_found == Rate(hits=30, total=40)
    assert (report.calls, report.told) == (145, 141)


def test_without_a_call_everything_is_zero() -> None:
    report = detection_report([])
    assert (report.calls, report.told, report.machines_found.total) == (0, 0, 0)


def call(conn: Connection, acme: Company, contact: str, offer: str, number: str, **facts: Any) -> None:
    values = {
        "id": new_id(), "tenant_id": acme.tenant_id, "cell_id": acme.cell_id, "campaign_id": acme.campaign_id,
        "agent_id": acme.agent_id, "contact_id": contact, "offer_id": offer, "e164": LONDON, "number_id": number,
        "mode": "preview_standard", "amd": "parallel", "state": "ended", "epoch": 1, "granted_at": NOON,
        "joined_at": NOON, "outcome": "TALKED", "amd_after": 2.0,
    }  # fmt: skip
    conn.execute(insert(attempts).values(values | facts))


async def calls_of(store: Store, acme: Company, facts: Iterable[dict[str, Any]]) -> None:
    (contact,) = await at(store, NOON, lambda work: take_in(work, acme, {"external_id": "A1", "number": LONDON}))

    def write(conn: Connection) -> None:
        number = str(conn.exec_driver_sql("SELECT id FROM numbers").scalar_one())
        offer = offered(conn, acme, contact)
        for one in facts:
            call(conn, acme, contact, offer, number, **one)

    await store.run(write)


async def found(store: Store, acme: Company, **period: Any) -> dict[tuple[str, str | None], int]:
    rows = await store.run(lambda conn: detections(conn, acme.campaign_id, **period))
    totals: dict[tuple[str, str | None], int] = {}
    for row in rows:
        key = (row.verdict.value, row.found.value if row.found else None)
        totals[key] = totals.get(key, 0) + row.calls
    return totals


async def test_an_agent_s_word_is_the_voicemail_left_the_message_dropped_or_the_disposition(store: Store) -> None:
    acme = await store.run(company)
    await calls_of(
        store,
        acme,
        [
            {"amd_verdict": "HUMAN", "disposition": "success"},
            {"amd_verdict": "HUMAN", "disposition": "success", "amd_after": 2.04},
            {"amd_verdict": "MACHINE", "disposition": "not_interested"},
            {"amd_verdict": "MACHINE", "disposition": "answering_machine"},
            {"amd_verdict": "HUMAN", "voicemail_left": True, "outcome": "VOICEMAIL_LEFT", "disposition": "success"},
            {"amd_verdict": "NOT_SURE", "outcome": "MESSAGE_DROPPED"},
            {"amd_verdict": "NOT_SURE", "disposition": "none"},
            {"amd_verdict": "HUMAN", "disposition": "no_longer_known"},
            # no agent heard these
            {"amd_verdict": "FAX", "joined_at": None, "outcome": "FAX"},
            {"amd_verdict": "MACHINE", "joined_at": None, "outcome": "MESSAGE_DROPPED"},
            # not judged, and not over
            {"amd_verdict": None, "disposition": "success"},
            {"amd_verdict": "HUMAN", "state": "talking", "outcome": None},
        ],
    )
    assert await found(store, acme) == {
        ("HUMAN", "person"): 2,
        ("HUMAN", "machine"): 1,
        ("HUMAN", None): 1,
        ("MACHINE", "person"): 1,
        ("MACHINE", "machine"): 1,
        ("MACHINE", None): 1,
        ("NOT_SURE", "machine"): 1,
        ("NOT_SURE", None): 1,
        ("FAX", None): 1,
    }


async def test_calls_are_counted_by_the_time_of_their_accept(store: Store) -> None:
    acme = await store.run(company)
    hours = [NOON + timedelta(hours=hour) for hour in range(3)]
    facts = [{"amd_verdict": "HUMAN", "disposition": "success", "granted_at": hour} for hour in hours]
    await calls_of(store, acme, facts)
    assert await found(store, acme, since=hours[1], until=hours[2]) == {("HUMAN", "person"): 1}
    assert await found(store, acme, until=hours[0]) == {}


async def test_calls_of_another_campaign_are_not_counted(store: Store) -> None:
    acme = await store.run(company)
    await calls_of(store, acme, [{"amd_verdict": "HUMAN", "disposition": "success"}])
    other = await store.run(lambda conn: company(conn, name="Other"))
    assert await found(store, other) == {}
