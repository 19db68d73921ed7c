"""Time on many hosts: limits, slow consumers, and other tries."""

import threading
import time
from collections.abc import Iterator

import pytest
import remctl
from remctl import Outcome, RemctlTimeoutError, Target, run_many
from remctl.testing import Realm

from tests.fix_many import Many, Runs
from tests.fix_network import DeafServer
from tests.fix_realm import make_server
from tests.support.proxy import DOWN, Proxy
from tests.support.traces import wait_until


class TestTimeout:
    def test_is_for_the_whole_of_a_host(self, many: Many, runs: Runs) -> None:
        begin = time.monotonic()
        (outcome,) = runs([many.target()], ["test", "stream", "100", "0.1"], timeout=0.8)
        assert isinstance(outcome.error, RemctlTimeoutError)
        assert outcome.error.may_have_run
        assert 0.7 < outcome.seconds < 3
        assert time.monotonic() - begin < 5
        partial = outcome.error.partial
        assert partial is not None
        assert partial.stdout

    def test_of_a_host_that_is_silent_stops_no_other(
        self, many: Many, deaf: DeafServer, runs: Runs
    ) -> None:
        silent = Target(deaf.host, deaf.port, many.principal)
        outcomes = runs([silent, *many.targets(5)], ["test", "hello"], timeout=2)
        assert [outcome.ok for outcome in outcomes] == [True] * 5 + [False]
        assert isinstance(outcomes[-1].error, RemctlTimeoutError)
        assert outcomes[-1].error.may_have_run is False

    @pytest.mark.parametrize("timeout", [0, -1])
    def test_that_is_over_is_too_late_at_once(self, many: Many, runs: Runs, timeout: int) -> None:
        with Proxy(("127.0.0.1", many.server.port)) as proxy:
            target = Target(proxy.host, proxy.port, many.principal)
            (outcome,) = runs([target], ["test", "hello"], timeout=timeout)
            assert proxy.connections == 0
        assert isinstance(outcome.error, RemctlTimeoutError)
        assert outcome.error.may_have_run is False

    def test_waits_in_the_queue_of_an_address_too(
        self, many: Many, deaf: DeafServer, runs: Runs
    ) -> None:
        silent = Target(deaf.host, deaf.port, many.principal)
        outcomes = runs([silent] * 8, ["test", "hello"], timeout=1)
        assert all(isinstance(outcome.error, RemctlTimeoutError) for outcome in outcomes)
        assert not any(one.error.may_have_run for one in outcomes if one.error is not None)


class TestSlowConsumers:
    def test_make_no_host_too_late(self, many: Many) -> None:
        """While the body runs nothing moves; hosts are anywhere on their way then."""
        outcomes: list[Outcome] = []
        for outcome in run_many(many.targets(60), ["test", "hello"], limit=32, timeout=5):
            if not outcomes:
                time.sleep(10)
            outcomes.append(outcome)
        assert len(outcomes) == 60
        assert all(outcome.ok for outcome in outcomes)
        assert max(outcome.seconds for outcome in outcomes) < 5

    def test_that_give_hosts_make_no_host_too_late(self, many: Many, runs: Runs) -> None:
        def hosts() -> Iterator[Target]:
            yield from many.targets(5)
            time.sleep(2)
            yield many.target()

        outcomes = runs(hosts(), ["test", "hello"], timeout=1.5)
        assert [outcome.ok for outcome in outcomes] == [True] * 6

    def test_do_not_keep_a_silent_host_alive(self, many: Many, deaf: DeafServer) -> None:
        silent = Target(deaf.host, deaf.port, many.principal)
        begin = time.monotonic()
        for outcome in run_many([many.target(), silent], ["test", "hello"], timeout=1):
            if outcome.ok:
                time.sleep(2)
            else:
                assert isinstance(outcome.error, RemctlTimeoutError)
        assert 2.5 < time.monotonic() - begin < 6


class TestRetries:
    def test_come_after_growing_pauses(self, runs: Runs) -> None:
        (outcome,) = runs([Target("127.0.0.1", 1)], ["test"], retries=3)
        assert outcome.tries == 4
        assert "Connection refused" in str(outcome.error)
        assert 0.75 * (0.2 + 0.4 + 0.8) < outcome.seconds < 5

    def test_end_where_one_does(self, realm: Realm, runs: Runs) -> None:
        server = make_server(realm)
        target = Target("127.0.0.1", server.port, f"host/localhost@{realm.name}")
        timer = threading.Timer(0.5, server.start)
        timer.start()
        try:
            (outcome,) = runs([target], ["test", "hello"], retries=8)
        finally:
            timer.join()
            server.stop()
        assert outcome.ok
        assert outcome.tries > 1

    def test_are_within_the_timeout(self, runs: Runs) -> None:
        (outcome,) = runs([Target("127.0.0.1", 1)], ["test"], retries=50, timeout=1)
        assert 1 < outcome.tries < 10
        assert outcome.seconds <= 1.1
        assert outcome.error is not None

    def test_follow_a_name_that_is_not_known(self, runs: Runs) -> None:
        (outcome,) = runs(["no.such.host.invalid"], ["test"], retries=1)
        assert outcome.tries == 2
        assert "unknown host" in str(outcome.error)

    def test_follow_a_peer_that_was_lost_before_the_command(self, many: Many, runs: Runs) -> None:
        with Proxy(("127.0.0.1", many.server.port)) as proxy:
            proxy.after(10, DOWN, Proxy.reset)
            target = Target(proxy.host, proxy.port, many.principal)
            (outcome,) = runs([target], ["test", "hello"], retries=2)
        assert outcome.ok
        assert outcome.tries == 2

    def test_never_follow_a_command_that_may_have_run(self, many: Many, runs: Runs) -> None:
        with Proxy(("127.0.0.1", many.server.port)) as proxy:
            target = Target(proxy.host, proxy.port, many.principal)
            probe = remctl.Remctl(proxy.host, proxy.port, many.principal)
            assert wait_until(lambda: proxy.count[DOWN] > 0)  # it counts what it has sent
            handshake = proxy.count[DOWN]
            probe.close()
            proxy.after(handshake + 20, DOWN, Proxy.reset)  # in the middle of the output
            (outcome,) = runs([target], ["test", "hello"], retries=5)
        assert outcome.error is not None
        assert outcome.error.may_have_run
        assert outcome.tries == 1

    def test_never_follow_a_refusal(self, many: Many, runs: Runs) -> None:
        (outcome,) = runs([many.target()], ["test", "denied"], retries=5)
        assert outcome.tries == 1

    def test_never_follow_a_failure_to_authenticate(self, many: Many, runs: Runs) -> None:
        target = Target("127.0.0.1", many.server.port, "host/nobody.example")
        (outcome,) = runs([target], ["test", "hello"], retries=5)
        assert outcome.tries == 1
        assert "GSS-API" in str(outcome.error)
