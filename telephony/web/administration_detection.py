"""How machine detection did on a campaign's calls, by what the agents found."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pydantic import Field

from telephony.model.detection_report import detection_report
from telephony.model.rates import Rate
from telephony.store import inputs
from telephony.store.detections import detections
from telephony.web.administration import campaign_of, tenant_of
from telephony.web.administration_answers import Detection
from telephony.web.exchange import Exchange
from telephony.web.routes import SUPERVISORS, Routes

routes = Routes("Campaigns")


class PeriodQuery(inputs.Input):
    since: inputs.Moment | None = Field(default=None, description="calls accepted at or after")
    until: inputs.Moment | None = Field(default=None, description="calls accepted before")


@routes.get("/campaigns/{id}/amd", "How machine detection did by the agents' word", roles=SUPERVISORS, answer=Detection)
async def detection(exchange: Exchange, id: str, query: PeriodQuery) -> Any:
    """An agent says "machine" by a voicemail left or dropped, and both by dispositions that have `reached`."""
    await campaign_of(exchange, await tenant_of(exchange), id)
    counted = await exchange.run(lambda conn: detections(conn, id, since=query.since, until=query.until))
    report = detection_report(counted)
    return {
        "calls": report.calls,
        "told": report.told,
        "verdicts": [asdict(line) for line in report.lines],
        "people_called_machines": _rate(report.people_called_machines),
        "machines_found": _rate(report.machines_found),
    }


def _rate(rate: Rate) -> dict[str, float]:
    low, high = rate.interval
    return {"hits": rate.hits, "total": rate.total, "rate": rate.value, "low": low, "high": high}
