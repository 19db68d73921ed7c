"""Accounts over HTTP, with Flask and a pool of connections.

    REMCTL_HOST=host.example.com gunicorn 'flask_service:create_app()'

Under a server with several processes (gunicorn, uWSGI) each process fills a pool of its own.
"""

import os

from flask import Flask, Response, abort
from remctl import ConnectionPool, ErrorKind, RemctlCommandError, RemctlError

ACTIONS = {"archive", "delete", "lock"}

# What a client hears. What exactly went wrong, and the hint, are for the service's own log.
ANSWERS = {
    ErrorKind.DENIED: (403, "this service may not do that"),
    ErrorKind.UNKNOWN_COMMAND: (501, "the server does not have this command"),
    ErrorKind.CONNECT: (503, "the server cannot be reached"),
    ErrorKind.RESOLVE: (503, "the server cannot be reached"),
    ErrorKind.TIMEOUT: (504, "the server takes too long"),
}
OTHERWISE = (502, "the server cannot be asked")


def create_app() -> Flask:
    """The application. Nothing is connected before the first request needs it."""
    app = Flask(__name__)
    longest = float(os.environ.get("REMCTL_TIMEOUT", "10"))
    keytab = os.environ.get("REMCTL_KEYTAB")
    pool = ConnectionPool(os.environ["REMCTL_HOST"], max_size=8, timeout=2, keytab=keytab)

    @app.get("/accounts/<name>")
    def show(name: str) -> Response:
        result = pool.run(["account", "show", name], timeout=longest)
        if result.status != 0:
            abort(404)
        return Response(result.text, mimetype="text/plain")

    @app.post("/accounts/<name>/<action>")
    def change(name: str, action: str) -> Response:
        if action not in ACTIONS:
            abort(404)
        result = pool.run(["account", action, name], timeout=longest).check()
        return Response(result.text, mimetype="text/plain")

    @app.errorhandler(RemctlCommandError)
    def refused(error: RemctlCommandError) -> tuple[str, int]:
        return (error.result.stderr or b"it failed").decode("utf-8", "replace"), 409

    @app.errorhandler(RemctlError)
    def failed(error: RemctlError) -> Response:
        app.logger.error("%s: %s (%s)", error.kind, error, error.hint or "no hint")
        status, text = ANSWERS.get(error.kind, OTHERWISE) if error.kind else OTHERWISE
        answer = Response(f"{text}\n", status, mimetype="text/plain")
        if error.retryable:
            answer.headers["Retry-After"] = "5"
        return answer

    return app
