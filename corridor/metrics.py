"""The system's own figures as Prometheus metrics, read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector


class SystemCollector(Collector):
    """Figures of engine, store and gateway out of ``status`` (see ``Hub.status``)."""

    def __init__(self, status: Callable[[], Mapping[str, Any]]) -> None:
        self._status = status

    def describe(self) -> list[Metric]:
        """Nothing is known before it is asked for."""
        return []

    def collect(self) -> Iterator[Metric]:
        """One family a figure."""
        status = self._status()
        engine, store, gateway = status["engine"], status["store"], status["gateway"]
        yield GaugeMetricFamily(
            "corridor_engine_lag_records", "Log records not folded yet", value=engine["lag"]
        )
        yield GaugeMetricFamily(
            "corridor_store_lag_records", "Log records not stored yet", value=store["lag"]
        )
        past = status["past"]
        yield GaugeMetricFamily(
            "corridor_past_end", "Log position up to which the past holds everything", value=past["end"]
        )
        yield GaugeMetricFamily("corridor_past_files", "Files of the past", value=past["files"])
        yield GaugeMetricFamily("corridor_assets", "Assets that the engine follows", value=engine["assets"])
        for name, value in engine["counts"].items():
            yield CounterMetricFamily(f"corridor_engine_{name}", f"Engine: {name} so far", value=value)
        yield from _ledger(status.get("ledger"))
        yield from _gateway(gateway)


class GatewayCollector(Collector):
    """Figures of a gateway out of its ``snapshot``."""

    def __init__(self, snapshot: Callable[[], Mapping[str, Any]]) -> None:
        self._snapshot = snapshot

    def describe(self) -> list[Metric]:
        """Nothing is known before it is asked for."""
        return []

    def collect(self) -> Iterator[Metric]:
        """One family a figure."""
        yield from _gateway(self._snapshot())


def _ledger(told: Mapping[str, Any] | None) -> Iterator[Metric]:
    if told is None:
        return
    yield GaugeMetricFamily("corridor_ledger_size", "Entries under a signed head", value=told["size"])
    lag = told["lag"]
    yield GaugeMetricFamily("corridor_ledger_lag_records", "Log records not in the ledger yet", value=lag)
    ok = 1.0 if told["trouble"] is None else 0.0
    yield GaugeMetricFamily("corridor_ledger_ok", "Whether the ledger goes on", value=ok)


def _gateway(told: Mapping[str, Any]) -> Iterator[Metric]:
    up = 1.0 if told.get("state") == "ok" else 0.0
    yield GaugeMetricFamily("corridor_gateway_ok", "Whether the gateway takes reports", value=up)
    yield from _counted(told.get("metrics", {}))


def _counted(metrics: Mapping[str, Any]) -> Iterator[Metric]:
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            family = CounterMetricFamily(f"corridor_gateway_{name}", f"Gateway: {name}", labels=["reason"])
            for reason, count in value.items():
                if isinstance(count, int | float):
                    family.add_metric([str(reason)], count)
            yield family
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield CounterMetricFamily(f"corridor_gateway_{name}", f"Gateway: {name}", value=value)
