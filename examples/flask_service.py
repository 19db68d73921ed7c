"""Accounts over HTTP, with Flask and a pool of connections.

    flask --app 'flask_service:create_app("host.example.com")' run

Under a server with several processes (gunicorn, uWSGI) each process fills a pool of its own.
"""

from flask import Flask, Response, abort
from remctl import ConnectionPool, ErrorCode, RemctlError, RemctlProtocolError, RemctlTimeoutError


def create_app(host: str, keytab: str | None = None) -> Flask:
    """The application. Nothing is connected before the first request needs it."""
    app = Flask(__name__)
    pool = ConnectionPool(host, max_size=8, timeout=2, keytab=keytab)

    @app.get("/accounts/<name>")
    def show(name: str) -> Response:
        result = pool.run(["account", "show", name], timeout=10)
        if result.status != 0:
            abort(404)
        return Response(result.text, mimetype="text/plain")

    @app.errorhandler(RemctlError)
    def failed(error: RemctlError) -> tuple[str, int]:
        app.logger.error("%s (%s)", error, error.hint or "no hint")
        if isinstance(error, RemctlTimeoutError):
            return "the server takes too long\n", 504
        if isinstance(error, RemctlProtocolError) and error.code == ErrorCode.ACCESS:
            return "this service may not do that\n", 403
        return "the server cannot be reached\n", 502

    return app
