"""One source for three event loops: asyncio's own, uvloop, and trio."""

import pytest

LOOPS = {
    "asyncio": ("asyncio", {"debug": True, "use_uvloop": False}),
    "uvloop": ("asyncio", {"use_uvloop": True}),
    "trio": ("trio", {}),
}


@pytest.fixture(params=LOOPS.values(), ids=list(LOOPS))
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """The loop that an asynchronous test runs in: each in turn."""
    return request.param
