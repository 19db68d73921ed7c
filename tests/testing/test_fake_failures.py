"""A fake fails of whatever a test asks for, as a real connection would."""

import asyncio

import pytest
import remctl
from remctl import ErrorKind
from remctl.testing import fake_remctl

LATE = {ErrorKind.TIMEOUT, ErrorKind.LOST, ErrorKind.PROTOCOL, ErrorKind.TOO_LARGE}
REFUSALS = {ErrorKind.DENIED, ErrorKind.UNKNOWN_COMMAND, ErrorKind.REFUSED}


@pytest.mark.parametrize("kind", ErrorKind)
def test_a_command_can_fail_of_each_kind(kind: ErrorKind) -> None:
    with fake_remctl({"test": {"it": kind, "other": "hello"}}):
        errors = []
        with remctl.Remctl("host.example.com") as client:
            with pytest.raises(remctl.RemctlError) as caught:
                client.run(["test", "it"])
            errors.append(caught.value)
            assert client.run(["test", "other"]).text == "hello"
        with pytest.raises(remctl.RemctlError) as caught:
            asyncio.run(remctl.aremctl("host.example.com", command=["test", "it"]))
        errors.append(caught.value)
        (outcome,) = remctl.run_many(["host.example.com"], ["test", "it"])
        assert outcome.error is not None
        errors.append(outcome.error)
    for error in errors:
        assert error.kind is kind
        assert error.may_have_run is (kind in LATE)
        assert (error.host, error.command) == ("host.example.com", "test it")
        assert isinstance(error, TimeoutError) is (kind is ErrorKind.TIMEOUT) or error is errors[1]
        assert (getattr(error, "code", None) is not None) is (kind in REFUSALS)


@pytest.mark.parametrize("kind", ErrorKind)
def test_a_host_can_fail_of_each_kind(kind: ErrorKind) -> None:
    commands = {"test": {"it": "hello"}}
    with fake_remctl(commands, unreachable={"down": kind}) as fake:
        with pytest.raises(remctl.RemctlError) as caught:
            remctl.remctl("down", command=["test", "it"])
        assert remctl.remctl("up", command=["test", "it"]).text == "hello"
    assert caught.value.kind is kind
    assert not caught.value.may_have_run
    assert [call.host for call in fake.calls] == ["up"]


def test_run_many_tries_again_what_is_retryable() -> None:
    commands = {"test": {"it": "hello"}}
    down = {"one": ErrorKind.KDC, "two": ErrorKind.TICKET}
    with fake_remctl(commands, unreachable=down):
        tries = {
            outcome.target.host: outcome.tries
            for outcome in remctl.run_many(["one", "two", "three"], ["test", "it"], retries=1)
        }
    assert tries == {"one": 2, "two": 1, "three": 1}
