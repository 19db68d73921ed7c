"""Accounts and logs over HTTP, with Starlette and a pool of connections in its event loop.

REMCTL_HOST=host.example.com uvicorn starlette_service:app
"""

import contextlib
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator

from remctl import AsyncConnectionPool, ErrorKind, RemctlError
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

    Nothing is answered before the first of it: a refusal is an error here, and not a page without
    a line. A browser that goes away cancels this, and the connection is dropped.
    """
    output = output_of(request.state.pool, ["log", request.path_params["name"]])
    first = await anext(output, b"")

    async def body() -> AsyncIterator[bytes]:
        async with contextlib.aclosing(output):
            yield first
            async for piece in output:
                yield piece

    return StreamingResponse(body(), media_type="text/plain")


async def output_of(pool: AsyncConnectionPool, command: list[str]) -> AsyncGenerator[bytes, None]:
    """What a command writes, piece by piece."""
    async with pool.connection() as connection, connection.stream(command) as stream:
        async for token in stream:
            if token.type == "output" and token.output is not None:
                yield token.output


async def failed(request: Request, error: Exception) -> Response:
    """What a client hears of a failure behind this service; the log has the rest."""
    logging.error("%s", error)
    kind = error.kind if isinstance(error, RemctlError) else None
    if isinstance(error, RemctlError) and error.retryable:
        return PlainTextResponse("the server cannot be reached\n", 503, {"Retry-After": "5"})
    if kind is ErrorKind.TIMEOUT:
        return PlainTextResponse("the server takes too long\n", 504)
    if kind is ErrorKind.DENIED:
        return PlainTextResponse("this service may not do that\n", 403)
    if kind is ErrorKind.UNKNOWN_COMMAND:
        return PlainTextResponse("the server does not have this command\n", 501)
    return PlainTextResponse("the server cannot be asked\n", 502)


app = Starlette(
    routes=[Route("/accounts/{name}", show), Route("/log/{name}", follow)],
    exception_handlers={RemctlError: failed},
    lifespan=lifespan,
)
