"""Networks between a pool and its server."""

from remctl.testing import Server

from tests.support.fake import FakeServer
from tests.support.proxy import Direction, Proxy


class Firewall(Proxy):
    """One that can forget the connections that it has: what they carry is lost, without a word.

    New ones are passed on.
    """

    def __init__(self, server: Server | FakeServer) -> None:
        super().__init__(("127.0.0.1", server.port))
        self._forgotten: list[Direction] = []

    def forget(self) -> None:
        """Lose all that comes on the present connections from now on."""
        self._order(self._forget)

    def _forget(self) -> None:
        for one in self._open:
            self._register(one.source, 0)
        self._forgotten += self._open
        self._open.clear()

    def _stop(self) -> None:
        super()._stop()
        for one in self._forgotten:
            one.source.close()


class SlowStart(Proxy):
    """The first connections lead to a host that says nothing, the later ones to the server."""

    def __init__(self, server: Server, deaf: tuple[str, int], count: int) -> None:
        super().__init__(deaf)
        self._server, self._count = ("127.0.0.1", server.port), count

    def _accept(self) -> None:
        if self.connections == self._count:
            self.target = self._server
        super()._accept()
