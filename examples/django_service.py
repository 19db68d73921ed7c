"""Accounts over HTTP, with Django and a pool of connections, in one file.

    REMCTL_HOST=host.example.com gunicorn django_service:application

In a project of many files `POOL` has a module of its own, and `AnswerErrors` is the last entry
of the project's MIDDLEWARE.
"""

import logging
import os
from collections.abc import Callable

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.urls import path
from django.views.decorators.http import require_GET, require_POST
from remctl import ConnectionPool, ErrorKind, RemctlCommandError, RemctlError

ACTIONS = {"archive", "delete", "lock"}
LONGEST = float(os.environ.get("REMCTL_TIMEOUT", "10"))

# One pool for each process. Making it connects nothing, so that a server may fork afterwards.
POOL = ConnectionPool(
    os.environ["REMCTL_HOST"], max_size=8, timeout=2, keytab=os.environ.get("REMCTL_KEYTAB")
)

# What a client hears. What exactly went wrong, and the hint, are for the service's own log.
ANSWERS = {
    ErrorKind.DENIED: (403, "this service may not do that"),
    ErrorKind.UNKNOWN_COMMAND: (501, "the server does not have this command"),
    ErrorKind.CONNECT: (503, "the server cannot be reached"),
    ErrorKind.RESOLVE: (503, "the server cannot be reached"),
    ErrorKind.TIMEOUT: (504, "the server takes too long"),
}
OTHERWISE = (502, "the server cannot be asked")


class AnswerErrors:
    """Middleware that makes an answer of what a view raises."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Go on to the view."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """The answer to an error of remctl; None for all others, which Django answers."""
        if isinstance(error, RemctlCommandError):
            return HttpResponse(error.result.stderr or b"it failed", "text/plain", 409)
        if not isinstance(error, RemctlError):
            return None
        logging.error("%s: %s (%s)", error.kind, error, error.hint or "no hint")
        status, text = ANSWERS.get(error.kind, OTHERWISE) if error.kind else OTHERWISE
        answer = HttpResponse(f"{text}\n", "text/plain", status)
        if error.retryable:
            answer["Retry-After"] = "5"
        return answer


def show(request: HttpRequest, name: str) -> HttpResponse:
    """One command, one answer."""
    result = POOL.run(["account", "show", name], timeout=LONGEST)
    if result.status != 0:
        return HttpResponseNotFound()
    return HttpResponse(result.text, "text/plain")


def change(request: HttpRequest, name: str, action: str) -> HttpResponse:
    """A command that changes something; a status other than 0 is an error."""
    if action not in ACTIONS:
        return HttpResponseNotFound()
    result = POOL.run(["account", action, name], timeout=LONGEST).check()
    return HttpResponse(result.text, "text/plain")


urlpatterns = [
    path("accounts/<str:name>", require_GET(show)),
    path("accounts/<str:name>/<str:action>", require_POST(change)),
]

settings.configure(
    ALLOWED_HOSTS=os.environ.get("ALLOWED_HOSTS", "localhost,127.0.0.1").split(","),
    MIDDLEWARE=[f"{__name__}.AnswerErrors"],
    ROOT_URLCONF=__name__,
)
application = get_wsgi_application()
