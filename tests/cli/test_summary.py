"""What the summary says of failures of many hosts."""

import pytest
from remctl import Outcome, RemctlError, RemctlProtocolError, RemctlSimpleResult, Target
from remctl._cli.summary import Summary


def failed(host: str, text: str, hint: str | None = None, port: int | None = None) -> Outcome:
    error = RemctlError(text)
    error.hint = hint
    return Outcome(Target(host, port), error=error)


def lines(*outcomes: Outcome) -> list[str]:
    summary = Summary(10)
    for outcome in outcomes:
        summary.add(outcome)
    return summary.lines()


def test_hosts_with_the_same_reason_are_together_the_largest_group_first() -> None:
    assert lines(
        failed("web10", "cannot connect to web10 (port 1): refused"),
        failed("a", "unknown host a: Name or service not known"),
        failed("web9", "cannot connect to web9 (port 1): refused"),
    ) == [
        "3 of 10 hosts failed",
        "  failed, may have run: cannot connect to HOST (port 1): refused (2): web[9-10]",
        "  failed, may have run: unknown host HOST: Name or service not known (1): a",
    ]


@pytest.mark.parametrize(
    ("host", "text", "reason"),
    [
        ("web", "cannot connect to web (port 1)", "cannot connect to HOST (port 1)"),
        ("web", "unknown host web: no", "unknown host HOST: no"),
        ("a.b", "host/a.b@R not found, nor a.b.c, xa.b, a.b-c", None),
        ("10.0.0.1", "at 10.0.0.1. Not at 10.0.0.11", "at HOST. Not at 10.0.0.11"),
        ("::1", "cannot connect to ::1 (port 1)", "cannot connect to HOST (port 1)"),
    ],
)
def test_the_name_alone_is_left_out(host: str, text: str, reason: str | None) -> None:
    expected = reason or "host/HOST@R not found, nor a.b.c, xa.b, a.b-c"
    assert lines(failed(host, text))[1] == f"  failed, may have run: {expected} (1): {host}"


def test_a_name_that_is_not_utf_8_is_left_out_too() -> None:
    found = lines(
        failed("a\udcff", "unknown host a\\xff: no"),
        failed("b\udcfe", "unknown host b\udcfe: no"),
    )
    assert [line.partition(":")[2].rpartition(":")[0] for line in found[1:]] == [
        " unknown host HOST: no (2)"
    ]


def test_what_to_do_about_it_is_said_once() -> None:
    assert lines(
        failed("a", "no ticket", "Get one with kinit."),
        failed("b", "no ticket", "Get one with kinit."),
    ) == [
        "2 of 10 hosts failed",
        "  failed, may have run: no ticket (2): a,b",
        "    hint: Get one with kinit.",
    ]


def test_a_reason_is_one_line() -> None:
    assert (
        lines(failed("a", "one\ntwo\r\n\tthree"))[1]
        == "  failed, may have run: one two three (1): a"
    )


def test_the_port_is_named_where_a_host_has_its_own() -> None:
    assert lines(failed("a", "no", port=9), failed("::1", "no", port=9))[1] == (
        "  failed, may have run: no (2): [::1]:9,a:9"
    )


@pytest.mark.parametrize(
    ("statuses", "errors", "status"),
    [([0, 0], 0, 0), ([0, 2], 0, 1), ([0, 255], 1, 3), ([0], 1, 3), ([], 0, 0)],
)
def test_the_status_is_of_the_worst(statuses: list[int], errors: int, status: int) -> None:
    summary = Summary(10)
    for number in statuses:
        summary.add(Outcome(Target("a"), RemctlSimpleResult(None, None, number)))
    for _ in range(errors):
        summary.add(Outcome(Target("a"), error=RemctlProtocolError("Access denied", 6)))
    assert summary.status == status


def test_nothing_is_said_where_all_is_well() -> None:
    assert lines(Outcome(Target("a"), RemctlSimpleResult(b"x", None, 0))) == []
