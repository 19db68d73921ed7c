"""Where a command is to run, and what came of it there."""

from remctl._arguments import Port, c_string, host_name, port_number
from remctl._errors import RemctlError, RemctlSimpleResult


class Target:
    """A server: host, port and principal, as for `Remctl.open()`.

    It cannot be changed, compares and hashes by value, and pickles. A target that is a host
    and no more equals the host's name as a str, so that outcomes can be looked up by what was
    given. Raises TypeError or ValueError for an invalid argument.
    """

    __module__ = "remctl"
    __slots__ = ("__weakref__", "_host", "_port", "_principal")
    __match_args__ = ("host", "port", "principal")

    def __init__(self, host: str, port: Port = None, principal: str | None = None) -> None:
        if isinstance(host, bytes):  # which open() takes, but a target is equal to a str
            raise TypeError("host must be a str, not bytes")
        host_name(host)
        if principal is not None:
            c_string(principal, "principal")
        self._host = host
        self._port = None if port is None else port_number(port)
        self._principal = principal

    @property
    def host(self) -> str:
        """Name or address."""
        return self._host

    @property
    def port(self) -> int | None:
        """None for the default."""
        return self._port

    @property
    def principal(self) -> str | None:
        """Who the server has to be; None for ``host/<host>``."""
        return self._principal

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}({', '.join(map(repr, self._given()))})"

    def __str__(self) -> str:
        """The host, and the port where one is given, as in a URL."""
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
        """The arguments that say something."""
        if self._principal is not None:
            return self._host, self._port, self._principal
        return (self._host,) if self._port is None else (self._host, self._port)


class Outcome:
    """What came of a command on one of many hosts: a result or an error.

    Raises ValueError where it is not one of the two.
    """

    __module__ = "remctl"

    target: Target
    """The host, equal to the one that was given."""
    result: RemctlSimpleResult | None
    """The answer, of whatever status; None where there is an error."""
    error: RemctlError | None
    """Why there is no result; else None."""
    seconds: float
    """How long it took, over all its tries and the pauses between them."""
    tries: int
    """How often it was tried."""

    def __init__(
        self,
        target: Target,
        result: RemctlSimpleResult | None = None,
        error: RemctlError | None = None,
        seconds: float = 0.0,
        tries: int = 1,
    ) -> None:
        if (result is None) == (error is None):
            raise ValueError("an outcome has a result or an error, and not both")
        self.target = target
        self.result = result
        self.error = error
        self.seconds = seconds
        self.tries = tries

    @property
    def ok(self) -> bool:
        """Whether the command ran and its status was 0."""
        return self.result is not None and self.result.status == 0

    def check(self) -> RemctlSimpleResult:
        """Return the result, or raise the error, or `RemctlCommandError` for another status."""
        if self.result is None:
            assert self.error is not None
            raise self.error
        return self.result.check()

    def __repr__(self) -> str:
        what = f"result={self.result!r}" if self.error is None else f"error={self.error!r}"
        return (
            f"{type(self).__qualname__}({self.target!r}, {what}, "
            f"seconds={self.seconds:.3f}, tries={self.tries})"
        )
