"""Accounts and logs over HTTP, with Starlette and a pool of connections in its event loop.

REMCTL_HOST=host.example.com uvicorn starlette_service:app
"""

import contextlib
import logging
import os
from collections.abc import AsyncIterator

from remctl import AsyncConnectionPool, RemctlError, RemctlTimeoutError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route


@contextlib.asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, AsyncConnectionPool]]:
    """A pool for as long as the application runs.

    With `min_size=0` the application starts also when the server is away just then.
    """
    host = os.environ["REMCTL_HOST"]
    async with AsyncConnectionPool(host, min_size=0, max_size=32, timeout=2) as pool:
        yield {"pool": pool}


async def show(request: Request) -> Response:
    """One command, one answer."""
    command = ["account", "show", request.path_params["name"]]
    result = await request.state.pool.run(command, timeout=10)
    return PlainTextResponse(result.text, 200 if result.status == 0 else 404)


async def follow(request: Request) -> Response:
    """Output that is sent to the browser as it arrives.

    A browser that goes away cancels this, and the connection is dropped.
    """

    async def lines() -> AsyncIterator[bytes]:
        async with (
            request.state.pool.connection() as connection,
            connection.stream(["log", "follow"]) as stream,
        ):
            async for token in stream:
                if token.type == "output":
                    yield token.output

    return StreamingResponse(lines(), media_type="text/plain")


async def failed(request: Request, error: Exception) -> Response:
    """What a client hears of a failure behind this service; the log has the rest."""
    logging.error("%s", error)
    if isinstance(error, RemctlError) and error.retryable:
        return PlainTextResponse("the server cannot be reached\n", 503, {"Retry-After": "5"})
    if isinstance(error, RemctlTimeoutError):
        return PlainTextResponse("the server takes too long\n", 504)
    return PlainTextResponse("the server cannot be asked\n", 502)


app = Starlette(
    routes=[Route("/accounts/{name}", show), Route("/log", follow)],
    exception_handlers={RemctlError: failed},
    lifespan=lifespan,
)
