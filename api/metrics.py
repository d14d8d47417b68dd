"""The API's own numbers for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """Counters of one app, in the registry of its process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.requests = Counter(
            "corridor_http_requests",
            "Requests answered, by route and status.",
            ("method", "route", "status"),
            registry=registry,
        )
        self.seconds = Histogram(
            "corridor_http_request_seconds",
            "Time until an answer began, by route.",
            ("route",),
            buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
            registry=registry,
        )
        self.live_clients = Gauge(
            "corridor_live_clients", "WebSocket clients connected now.", registry=registry
        )
        self.live_dropped = Counter(
            "corridor_live_dropped_events",
            "Events not sent to a WebSocket client because it was too slow; it was told to catch up.",
            registry=registry,
        )
