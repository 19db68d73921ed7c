"""`Target` and `Outcome`: a host, and the result of a command or a job on it."""

from remctl._arguments import Port, c_string, host_name, port_number
from remctl._errors import RemctlError, RemctlSimpleResult

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NOTHING: object = object()  # marks a missing value, since None is one


class Target:
    """A server: host, port and principal, as for `Remctl.open()`.

    It is immutable, compares and hashes by value, and can be pickled. A target with only a host
    is equal to the host's name as a str, so that outcomes can be looked up by the host that was
    given. Raises TypeError or ValueError for an invalid argument.
    """

    __module__ = "remctl"
    __slots__ = ("__weakref__", "_host", "_port", "_principal")
    __match_args__ = ("host", "port", "principal")

    def __init__(self, host: str, port: Port = None, principal: str | None = None) -> None:
        if isinstance(host, bytes):  # open() accepts bytes, but a target must be equal to a str
            raise TypeError("host must be a str, not bytes")
        host_name(host)
        if principal is not None:
            c_string(principal, "principal")
        self._host = host
        self._port = None if port is None else port_number(port)
        self._principal = principal

    @classmethod
    def parse(cls, text: str, principal: str | None = None) -> "Target":
        """The target that a text such as ``"host.example.com:4373"`` names.

        The port may be omitted. An IPv6 address with a port must be in brackets:
        ``"[2001:db8::1]:4373"``. Raises TypeError if it is not a str, and ValueError if there
        is no host or the port is not between 1 and 65535.
        """
        if not isinstance(text, str):
            raise TypeError(f"text must be a str, not {type(text).__name__}")
        host, port = split_port(text)
        if host is None:
            raise ValueError(
                f"text names no target: write HOST, HOST:PORT or [IPV6]:PORT, not {text!r}"
            )
        return cls(host, port, principal)

    @property
    def host(self) -> str:
        """Name or address."""
        return self._host

    @property
    def port(self) -> int | None:
        """The port; None for the default."""
        return self._port

    @property
    def principal(self) -> str | None:
        """The server's principal; None for ``host/<host>``."""
        return self._principal

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}({', '.join(map(repr, self._given()))})"

    def __str__(self) -> str:
        """The host, and the port if there is one, like in a URL."""
        if self._port is None:
            return self._host
        return f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Target):
            return self._given() == other._given()
        if isinstance(other, str):
            return self._given() == (other,)
        return NotImplemented

    def __hash__(self) -> int:
        given = self._given()
        return hash(given[0] if len(given) == 1 else given)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), self._given()

    def _given(self) -> tuple[object, ...]:
        """The arguments without trailing defaults."""
        if self._principal is not None:
            return self._host, self._port, self._principal
        return (self._host,) if self._port is None else (self._host, self._port)


def split_port(text: str) -> tuple[str | None, int | None]:
    """The host and the port in a text; the host is None if the text has another form."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or not _is_ipv6(host) or (rest and not rest.startswith(":")):
            return None, None
    elif text.count(":") > 1:
        host, rest = text if _is_ipv6(text) else "", ""  # like str(target) without a port
    else:
        host, colon, port = text.partition(":")
        rest = colon + port
    if not rest:
        return host or None, None
    number = rest[1:]
    if not (host and number.isascii() and number.isdigit() and 0 < int(number[:6]) < 65536):
        return None, None
    return host, int(number)


def _is_ipv6(host: str) -> bool:
    """Whether it looks like an IPv6 address, possibly with a scope."""
    address, _, _ = host.partition("%")
    return address.count(":") > 1 and set(address) <= set("0123456789abcdefABCDEF:.")


class Outcome:
    """The outcome of a command or a job on one of many hosts: a result, a value or an error.

    - ``target``: the `Target`, equal to the host that was given; ``host`` is its host.
    - ``result``: the `RemctlSimpleResult`, whatever its status; None for an error or a job.
    - ``value``: the return value of the job; None for an error or a command.
    - ``error``: the `RemctlError`; None if there is none.
    - ``ok``: False for an error and for a status other than 0, for which `check()` raises.
    - ``status``, ``stdout``, ``stderr``: those of the result; None if there is no result.
    - ``seconds``: how long it took, with all ``tries`` and the pauses between them.

    Raises ValueError if there is a result and an error, or none of the three.
    """

    __module__ = "remctl"

    target: Target
    """The host, equal to the one that was given."""
    if TYPE_CHECKING:
        # Any instead of None: after a test of `error`, type checkers need no test of `result`.
        result: RemctlSimpleResult | Any
    else:
        result: RemctlSimpleResult | None
    """The answer, with any status; None if there is an error, and for a job."""
    error: RemctlError | None
    """The error, or None."""
    if TYPE_CHECKING:
        value: Any
    else:
        value: object
    """The return value of a `for_each()` job; None for a command, and if there is an error."""
    seconds: float
    """How long it took, with all attempts and the pauses between them."""
    tries: int
    """The number of attempts."""

    def __init__(
        self,
        target: Target,
        result: RemctlSimpleResult | None = None,
        error: RemctlError | None = None,
        seconds: float = 0.0,
        tries: int = 1,
        *,
        value: object = _NOTHING,
    ) -> None:
        if (result is not None) + (error is not None) + (value is not _NOTHING) != 1:
            raise ValueError("an outcome has a result or an error, and not both")
        self.target = target
        self.result = result
        self.error = error
        self.seconds = seconds
        self.tries = tries
        self.value = None if value is _NOTHING else value

    @property
    def host(self) -> str:
        """The target's host."""
        return self.target.host

    @property
    def status(self) -> int | None:
        """The exit status; None if there is an error."""
        return None if self.result is None else self.result.status

    @property
    def stdout(self) -> bytes | None:
        """Standard output; None if there was none, and if there is an error."""
        return None if self.result is None else self.result.stdout

    @property
    def stderr(self) -> bytes | None:
        """Standard error; None if there was none, and if there is an error."""
        return None if self.result is None else self.result.stderr

    @property
    def ok(self) -> bool:
        """Whether there is no error, and the status of a command was 0."""
        return self.error is None and (self.result is None or self.result.status == 0)

    def check(self) -> RemctlSimpleResult:
        """Return the result, or raise the error, or `RemctlCommandError` for another status.

        For a job without an error, returns a result with status 0 and without output.
        """
        if self.error is not None:
            raise self.error
        if self.result is None:
            return RemctlSimpleResult(status=0)
        result: RemctlSimpleResult = self.result
        return result.check()

    def __repr__(self) -> str:
        what = f"result={self.result!r}" if self.result is not None else f"value={self.value!r}"
        if self.error is not None:
            what = f"error={self.error!r}"
        return (
            f"{type(self).__qualname__}({self.target!r}, {what}, "
            f"seconds={self.seconds:.3f}, tries={self.tries})"
        )
