"""OpenTelemetry spans of commands, and Prometheus gauges of pools.

logging.getLogger("remctl").addHandler(Spans(tracer))
logging.getLogger("remctl").setLevel(logging.DEBUG)
prometheus_client.REGISTRY.register(Pools({"accounts": pool}))
"""

import logging
from collections.abc import Iterator, Mapping

import remctl
from opentelemetry.trace import SpanKind, StatusCode, Tracer
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


class Spans(logging.Handler):
    """Makes a span of each command that has ended."""

    def __init__(self, tracer: Tracer) -> None:
        super().__init__(logging.DEBUG)
        self._tracer = tracer

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record. One with a command and a time is a command's end."""
        command = getattr(record, "remctl_command", None)
        seconds = getattr(record, "remctl_seconds", None)
        if command is None or seconds is None:
            return
        said = vars(record)
        attributes = {
            "server.address": said["remctl_host"],
            "server.port": said["remctl_port"],
            "remctl.connection": said["remctl_connection"],
            "remctl.output_bytes": said["remctl_bytes"],
            "remctl.status": said["remctl_status"],
            "error.type": said["remctl_kind"],
        }
        end = int(record.created * 1e9)
        span = self._tracer.start_span(
            command,
            kind=SpanKind.CLIENT,
            start_time=end - int(seconds * 1e9),
            attributes={name: value for name, value in attributes.items() if value is not None},
        )
        if said["remctl_status"] != 0:
            span.set_status(StatusCode.ERROR)
        span.end(end)


class Pools(Collector):
    """Reads what pools have counted whenever Prometheus asks for it."""

    def __init__(
        self, pools: Mapping[str, remctl.ConnectionPool | remctl.AsyncConnectionPool]
    ) -> None:
        self._pools = pools

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """A gauge for each number of `stats()`, with the pools' names as labels."""
        stats = {name: pool.stats() for name, pool in self._pools.items()}
        for key in sorted({key for numbers in stats.values() for key in numbers}):
            gauge = GaugeMetricFamily(f"remctl_{key}", f"{key} of stats()", labels=["pool"])
            for name, numbers in stats.items():
                gauge.add_metric([name], numbers.get(key, 0))
            yield gauge
