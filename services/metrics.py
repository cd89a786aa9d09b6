"""Prometheus metrics that every process has. Labels are resolved once and kept: a cached child
costs a third of a `labels()` call."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

http_requests_total = Counter(
    "http_requests_total", "Requests answered", ["service", "route", "method", "status"]
)
http_request_duration_seconds = Histogram(
    "http_request_duration_seconds",
    "Time from the first byte in to the last byte out, by route template",
    ["service", "route", "method"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
http_requests_in_flight = Gauge("http_requests_in_flight", "Requests being answered", ["service"])
requests_at_work = Gauge("requests_at_work", "Requests that have a place", ["service"])
requests_waiting = Gauge("requests_waiting", "Requests that wait for a place", ["service"])
requests_shed_total = Counter(
    "requests_shed_total", "Answered 503 for want of a place: full, waited, deadline", ["service", "reason"]
)
breaker_open = Gauge("breaker_open", "1 while a service or the gateway is not asked", ["target"])
calls_refused_total = Counter(
    "calls_refused_total", "Calls not made: breaker, full, waited, deadline", ["target", "reason"]
)
calls_retried_total = Counter("calls_retried_total", "Calls made a second time", ["target"])
cache_requests_total = Counter(
    "cache_requests_total", "Look-ups: memory, redis, stale, miss", ["cache", "result"]
)
redis_breaker_open = Gauge("redis_breaker_open", "1 while Redis is not asked because it failed", ["client"])
redis_errors_total = Counter("redis_errors_total", "Failed Redis calls, swallowed", ["client", "error"])
db_pool_connections = Gauge("db_pool_connections", "Pooled PostgreSQL connections", ["pool", "state"])
db_pool_away = Gauge("db_pool_away", "1 while PostgreSQL is away and callers are refused at once", ["pool"])
db_pool_connections_max = Gauge("db_pool_connections_max", "As many as the pool may open", ["pool"])
build_info = Gauge("build_info", "Always 1; the labels say what runs", ["service", "version"])


class HttpMetrics:
    """Counts one service's requests through children looked up once per route and status."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._histograms: dict[tuple[str, str], Histogram] = {}
        self.in_flight = http_requests_in_flight.labels(service)

    def observe(self, route: str, method: str, status: int, seconds: float) -> None:
        counter = self._counters.get((route, method, status))
        if counter is None:
            counter = http_requests_total.labels(self._service, route, method, str(status))
            self._counters[route, method, status] = counter
        counter.inc()
        histogram = self._histograms.get((route, method))
        if histogram is None:
            histogram = http_request_duration_seconds.labels(self._service, route, method)
            self._histograms[route, method] = histogram
        histogram.observe(seconds)
