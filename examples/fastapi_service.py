"""Accounts over HTTP, with FastAPI and a pool of connections in its event loop.

REMCTL_HOST=host.example.com uvicorn fastapi_service:app
"""

import contextlib
import enum
import logging
import os
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from remctl import AsyncConnectionPool, ErrorKind, RemctlCommandError, RemctlError

LONGEST = float(os.environ.get("REMCTL_TIMEOUT", "10"))

# What a client hears. What exactly went wrong, and the hint, are for the service's own log.
ANSWERS = {
    ErrorKind.DENIED: (403, "this service may not do that"),
    ErrorKind.UNKNOWN_COMMAND: (501, "the server does not have this command"),
    ErrorKind.CONNECT: (503, "the server cannot be reached"),
    ErrorKind.RESOLVE: (503, "the server cannot be reached"),
    ErrorKind.TIMEOUT: (504, "the server takes too long"),
}
OTHERWISE = (502, "the server cannot be asked")


class Action(str, enum.Enum):
    """What can be done to an account; FastAPI refuses all else."""

    ARCHIVE = "archive"
    DELETE = "delete"
    LOCK = "lock"


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, AsyncConnectionPool]]:
    """A pool for as long as the application runs.

    With `min_size=0` the application starts also when the server is away just then.
    """
    async with AsyncConnectionPool(
        os.environ["REMCTL_HOST"],
        min_size=0,
        max_size=32,
        timeout=2,
        keytab=os.environ.get("REMCTL_KEYTAB"),
    ) as pool:
        yield {"pool": pool}


def the_pool(request: Request) -> AsyncConnectionPool:
    """What `lifespan` has made."""
    pool: AsyncConnectionPool = request.state.pool
    return pool


Pool = Annotated[AsyncConnectionPool, Depends(the_pool)]
app = FastAPI(lifespan=lifespan)


@app.get("/accounts/{name}", response_class=PlainTextResponse)
async def show(name: str, pool: Pool) -> str:
    """One command, one answer."""
    result = await pool.run(["account", "show", name], timeout=LONGEST)
    if result.status != 0:
        raise HTTPException(404)
    return result.text


@app.post("/accounts/{name}/{action}", response_class=PlainTextResponse)
async def change(name: str, action: Action, pool: Pool) -> str:
    """A command that changes something; a status other than 0 is an error."""
    return (await pool.run(["account", action, name], timeout=LONGEST)).check().text


@app.exception_handler(RemctlError)
async def failed(request: Request, error: RemctlError) -> JSONResponse:
    """The answer to an error of remctl."""
    if isinstance(error, RemctlCommandError):
        text = (error.result.stderr or b"it failed").decode("utf-8", "replace").strip()
        return JSONResponse({"error": text}, 409)
    logging.error("%s: %s (%s)", error.kind, error, error.hint or "no hint")
    status, text = ANSWERS.get(error.kind, OTHERWISE) if error.kind else OTHERWISE
    headers = {"Retry-After": "5"} if error.retryable else None
    return JSONResponse({"error": text, "kind": error.kind}, status, headers)
