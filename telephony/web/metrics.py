"""GET /metrics for Prometheus. Outcomes and refusals are counted from the events of the whole installation, so
with several cells take their maximum over the cells, not their sum."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sqlalchemy import Connection

from telephony.model.agent import AgentState
from telephony.model.attempt import LIVE
from telephony.store import figures
from telephony.web.exchange import Exchange
from telephony.web.routes import PUBLIC, Routes

routes = Routes("Service", prefix="")


@routes.get(
    "/metrics",
    "Figures for Prometheus",
    roles=PUBLIC,
    answer_type="text/plain",
    errors=("STORE_UNAVAILABLE",),
)
async def metrics(exchange: Exchange) -> web.Response:
    now = exchange.now
    agents, calls, abandoned = await exchange.run(lambda conn: _count(conn, now))
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(exchange, agents, calls, abandoned))
    ProcessCollector(registry=registry)
    return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _count(conn: Connection, now: datetime) -> tuple[dict[str, int], dict[str, int], dict[str, float]]:
    return figures.agents_by_state(conn), figures.calls_by_state(conn), figures.abandoned_rates(conn, now)


class _Figures:
    def __init__(
        self,
        exchange: Exchange,
        agents: Mapping[str, int],
        calls: Mapping[str, int],
        abandoned: Mapping[str, float],
    ) -> None:
        self._services = exchange.services
        self._abandoned = abandoned
        # states with nobody are told as 0, or a graph would show the last one for ever
        self._agents = {state.value: 0 for state in AgentState} | dict(agents)
        self._calls = {state.value: 0 for state in LIVE} | dict(calls)

    def collect(self) -> Iterator[Metric]:
        floor, feed = self._services.floor, self._services.feed
        yield _gauge("telephony_pbx_connected", "1 while the link to Asterisk is up", floor.pbx_connected)
        ears = floor.ears
        yield _gauge("telephony_legs_listened_to", "Legs whose beeps and silences are listened for", ears.legs)
        yield CounterMetricFamily(
            "telephony_ears_restarts", "Times the process that listens ended by itself", value=float(ears.restarts)
        )
        yield _gauge("telephony_ready", "1 while calls can be made", floor.ready)
        yield _gauges("telephony_agents", "Agents by state", "state", self._agents)
        yield _gauges("telephony_calls", "Calls that have not ended, by state", "state", self._calls)
        yield _gauges(
            "telephony_abandoned_rate",
            "Customers who answered and found no agent, among all who answered in 24 hours, 0-1, by campaign's id",
            "campaign",
            self._abandoned,
        )
        yield _counters("telephony_call_outcomes", "Ended calls by outcome", "outcome", feed.outcomes)
        yield _counters("telephony_refusals", "Accepts refused for want of room, by code", "code", feed.refusals)
        yield _counters("telephony_recordings", "Recordings kept, or why they failed", "result", feed.recordings)
        yield _gauge("telephony_recordings_work", "0 where a trial recording did not arrive", floor.recordings_work)
        yield _gauge("telephony_live_feeds", "Open live feeds", len(feed.subscribers))
        phones = self._services.phones
        yield _gauge("telephony_browser_phones", "Phones in browsers that are connected", len(phones.open))
        yield CounterMetricFamily(
            "telephony_browser_phone_takeovers", "Times a newer tab became the phone", value=float(phones.takeovers)
        )
        yield _counters("telephony_phone_troubles", "What pages said their phone lacks", "code", phones.troubles)
        yield _gauge("telephony_event_lag_seconds", "Age of the last event when it was handed out", feed.lag)
        yield _gauge("telephony_loop_lag_seconds", "Worst lateness of the event loop", self._services.lag.take())


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


def _gauges(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    return _filled(GaugeMetricFamily(name, text, labels=[label]), values)


def _counters(name: str, text: str, label: str, values: Mapping[str, int]) -> Metric:
    return _filled(CounterMetricFamily(name, text, labels=[label]), values)


def _filled(family: Any, values: Mapping[str, float]) -> Metric:
    for key, value in sorted(values.items()):
        family.add_metric([key], value)
    return family  # type: ignore[no-any-return]  # prometheus_client's families share no typed base
