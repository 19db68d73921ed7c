"""Many hosts at once on a fake."""

import anyio
import pytest
import remctl
from remctl.testing import fake_remctl
from remctl.testing.fake import FakeCommands

HOSTS = ["web1", "web2", "web3"]
COMMANDS: FakeCommands = {"test": {"where": lambda call: call.host, "fail": (None, "no\n", 3)}}


def test_each_host_answers() -> None:
    with fake_remctl(COMMANDS) as fake:
        outcomes = list(remctl.run_many(HOSTS, ["test", "where"], limit=2, timeout=5))
    assert sorted(one.check().text for one in outcomes) == HOSTS
    assert sorted(call.host for call in fake.calls) == HOSTS


def test_a_host_that_cannot_be_reached_is_tried_again() -> None:
    """The pauses between the tries included."""
    with fake_remctl(COMMANDS, unreachable=["web2"]):
        outcomes = {
            one.target.host: one for one in remctl.run_many(HOSTS, ["test", "where"], retries=1)
        }
    failed = outcomes.pop("web2")
    assert isinstance(failed.error, remctl.RemctlError)
    assert (failed.tries, failed.error.may_have_run) == (2, False)
    assert all(one.ok for one in outcomes.values())


def test_its_time_limit_ends_the_pauses() -> None:
    with fake_remctl(COMMANDS, unreachable=["web2"]):
        (outcome,) = remctl.run_many(["web2"], ["test", "where"], retries=50, timeout=0.3)
    assert isinstance(outcome.error, remctl.RemctlError)
    assert outcome.seconds < 5


def test_a_job_on_each_host() -> None:
    async def job(r: remctl.JobRemctl) -> str:
        await r.sleep(0.01)
        return (await r.run(["test", "where"])).check().text

    with fake_remctl(COMMANDS) as fake:
        outcomes = list(remctl.for_each(HOSTS, job, limit=2, timeout=5))
    assert sorted(one.value for one in outcomes) == HOSTS
    assert sorted(call.host for call in fake.calls) == HOSTS


def test_in_an_event_loop() -> None:
    async def collect() -> list[int | None]:
        statuses: list[int | None] = []
        async for outcome in remctl.arun_many(HOSTS, ["test", "fail"]):
            assert outcome.result is not None
            statuses.append(outcome.result.status)
        return statuses

    with fake_remctl(COMMANDS):
        assert anyio.run(collect) == [3, 3, 3]


def test_pauses_in_an_event_loop() -> None:
    """Of a job, between the tries, and of the limit of a host's time."""

    async def job(r: remctl.JobRemctl) -> str:
        await r.sleep(0.01)
        await anyio.sleep(30 if r.host == "web1" else 0)
        return (await r.run(["test", "where"])).check().text

    async def collect() -> dict[str, remctl.Outcome]:
        outcomes = remctl.afor_each(HOSTS, job, timeout=0.5, retries=1)
        return {one.target.host: one async for one in outcomes}

    with fake_remctl(COMMANDS, unreachable=["web2"]):
        outcomes = anyio.run(collect)
    assert isinstance(outcomes["web1"].error, remctl.RemctlTimeoutError)
    assert outcomes["web2"].tries == 2
    assert outcomes["web3"].value == "web3"


def test_what_a_command_function_raises_propagates() -> None:
    def command(target: remctl.Target) -> list[str]:
        raise LookupError(target.host)

    with fake_remctl(COMMANDS), pytest.raises(LookupError):
        list(remctl.run_many(HOSTS, command))
