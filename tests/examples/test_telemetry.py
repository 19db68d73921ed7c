"""`examples/telemetry.py`: spans for the OpenTelemetry SDK, gauges for Prometheus."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import prometheus_client
import pytest
import remctl
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from remctl.testing import Server

from tests.fix_logged import Watch
from tests.fix_pools import InLoop

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def telemetry(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The example."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import telemetry

    yield telemetry
    del sys.modules["telemetry"]


@pytest.fixture
def provider() -> TracerProvider:
    return TracerProvider()


@pytest.fixture
def exporter(
    telemetry: ModuleType,
    provider: TracerProvider,
    watch: Watch,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[InMemorySpanExporter]:
    """What keeps the spans, while the handler is the logger's."""
    monkeypatch.setattr(watch, "passing", True)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    handler = telemetry.Spans(provider.get_tracer("test"))
    logger = logging.getLogger("remctl")
    logger.addHandler(handler)
    yield exporter
    logger.removeHandler(handler)


def check(span: ReadableSpan, server: Server) -> None:
    """A span of `test hello`."""
    assert span.name == "test hello"
    assert span.kind is SpanKind.CLIENT
    assert span.status.status_code is StatusCode.UNSET
    assert span.attributes is not None
    assert span.attributes["server.address"] == server.host
    assert span.attributes["server.port"] == server.port
    assert span.attributes["remctl.output_bytes"] == 12
    assert span.attributes["remctl.status"] == 0
    assert span.start_time is not None
    assert span.end_time is not None
    assert 0 < span.end_time - span.start_time < 60 * 10**9


def test_a_span_for_each_command(server: Server, exporter: InMemorySpanExporter) -> None:
    with remctl.Remctl(server.host, server.port, server.principal) as client:
        client.run(["test", "hello"])
        client.noop()
        client.run(["test", "hello"])
    first, second = exporter.get_finished_spans()
    check(first, server)
    check(second, server)
    assert first.attributes is not None
    assert second.attributes is not None
    assert first.attributes["remctl.connection"] == second.attributes["remctl.connection"]


def test_in_an_event_loop(server: Server, exporter: InMemorySpanExporter, in_loop: InLoop) -> None:
    async def main() -> None:
        await remctl.aremctl(server.host, server.port, server.principal, ["test", "hello"])

    in_loop(main)
    (span,) = exporter.get_finished_spans()
    check(span, server)


def test_of_many_hosts(server: Server, exporter: InMemorySpanExporter) -> None:
    hosts = [remctl.Target(server.host, server.port, server.principal)] * 5
    list(remctl.run_many(hosts, ["test", "hello"]))
    spans = exporter.get_finished_spans()
    assert len(spans) == 5
    for span in spans:
        check(span, server)
    assert len({span.attributes["remctl.connection"] for span in spans if span.attributes}) == 5


def test_a_blocking_call_s_is_a_child_of_the_caller_s(
    server: Server, exporter: InMemorySpanExporter, provider: TracerProvider
) -> None:
    with provider.get_tracer("test").start_as_current_span("request") as parent:
        remctl.remctl(server.host, server.port, server.principal, ["test", "hello"])
    span, _ = exporter.get_finished_spans()
    assert span.parent is not None
    assert span.parent.span_id == parent.get_span_context().span_id


@pytest.mark.parametrize(
    ("command", "status", "kind"),
    [
        (["test", "status", "3"], 3, None),
        (["no", "such"], None, "unknown_command"),
        (["test", "drop"], None, "lost"),
    ],
)
def test_what_fails_is_an_error(
    server: Server,
    exporter: InMemorySpanExporter,
    command: list[str],
    status: int | None,
    kind: str | None,
) -> None:
    (outcome,) = remctl.run_many(
        [remctl.Target(server.host, server.port, server.principal)], command
    )
    assert not outcome.ok
    (span,) = exporter.get_finished_spans()
    assert span.name == " ".join(command[:2])
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes is not None
    assert span.attributes.get("remctl.status") == status
    assert span.attributes.get("error.type") == kind


def test_gauges_of_pools(server: Server, telemetry: ModuleType) -> None:
    registry = prometheus_client.CollectorRegistry()
    with remctl.ConnectionPool(server.host, server.port, server.principal, max_size=3) as pool:
        registry.register(telemetry.Pools({"accounts": pool}))
        pool.run(["test", "hello"])
        text = prometheus_client.generate_latest(registry).decode()
        assert 'remctl_pool_max{pool="accounts"} 3.0' in text
        assert 'remctl_pool_available{pool="accounts"} 1.0' in text
        with pool.connection():
            available = registry.get_sample_value("remctl_pool_available", {"pool": "accounts"})
        assert available == 0
        for key in pool.stats():
            assert f"# TYPE remctl_{key} gauge" in text
