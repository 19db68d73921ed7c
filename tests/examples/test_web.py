"""The web services in `examples`, each under the server that its first lines name."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import example_com, own_network

EXAMPLES = Path(__file__).parents[2] / "examples"

# Workers that are forked after the application was made have to have a pool each, too.
GUNICORN = ["gunicorn", "--bind=127.0.0.1:8000", "--workers=2", "--preload"]
UVICORN = ["uvicorn", "--port=8000"]
SERVERS = {
    "flask": [*GUNICORN, "flask_service:create_app()"],
    "django": [*GUNICORN, "django_service:application"],
    "fastapi": [*UVICORN, "fastapi_service:app"],
    "starlette": [*UVICORN, "starlette_service:app"],
}

pytestmark = pytest.mark.skipif(
    not own_network.available(), reason="a network of one's own takes root"
)


def serve(name: str, host: str, *requests: str, limit: float = 10) -> Any:
    """What a service answers, when `host` is the server behind it."""
    module, *arguments = SERVERS[name]
    asked = json.dumps([request.split() for request in requests])
    settings = [f"REMCTL_HOST={host}", f"REMCTL_TIMEOUT={limit}", f"PYTHONPATH={EXAMPLES}:."]
    program = [sys.executable, "-m", module, *arguments]
    served = [sys.executable, "-m", "tests.support.web", asked, *program]
    done = example_com.run("/usr/bin/env", *settings, *served)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def bodies(told: Any) -> list[tuple[int, str]]:
    """Each answer's status and text; of JSON what it says."""
    read = []
    for status, text, _ in told["answers"]:
        text = text.strip()
        if text.startswith("{"):
            value = json.loads(text)
            text = str(value.get("error", ""))
        read.append((status, text))
    return read


ACCOUNTS = ["flask", "django", "fastapi"]


@pytest.mark.parametrize("name", ACCOUNTS)
def test_answers_say_what_has_happened(name: str) -> None:
    told = serve(
        name,
        "host.example.com",
        "GET /accounts/jdoe",
        "GET /accounts/nobody",
        "POST /accounts/jdoe/lock",
        "POST /accounts/root/lock",
        "POST /accounts/jdoe/archive",
        "POST /accounts/jdoe/delete",
        "POST /accounts/jdoe/sing",
    )
    read = bodies(told)
    assert read[0] == (200, "jdoe: enabled"), told["said"]
    assert [status for status, _ in read] == [
        200,
        404,
        200,
        409,
        501,
        403,
        422 if name == "fastapi" else 404,
    ], told["said"]
    assert read[3][1] == "root cannot be locked"
    assert read[4][1] == "the server does not have this command"
    assert read[5][1] == "this service may not do that"
    # The log has the error that clients are not told.
    assert re.search("unknown_command: account archive on .*: Unknown command", told["said"])
    assert re.search("denied: account delete on .*: Access denied", told["said"])
    # Uvicorn ends by the signal that it was sent, after it has tidied up.
    assert told["status"] in (0, -15)


@pytest.mark.parametrize("name", ACCOUNTS)
def test_a_command_that_takes_too_long_is_a_gateway_timeout(name: str) -> None:
    told = serve(name, "host.example.com", "GET /accounts/slow", limit=0.5)
    assert bodies(told) == [(504, "the server takes too long")], told["said"]
    # It may have run: a client must not be told to try again.
    assert [retry for _, _, retry in told["answers"]] == [None]


@pytest.mark.parametrize("name", ACCOUNTS)
def test_a_server_that_is_away_is_to_be_asked_again_later(name: str) -> None:
    told = serve(name, "down.example.com", "GET /accounts/jdoe", "GET /accounts/jdoe")
    assert bodies(told) == [(503, "the server cannot be reached")] * 2, told["said"]
    assert [retry for _, _, retry in told["answers"]] == ["5", "5"]
    assert "connect: cannot connect to down.example.com" in told["said"]


def test_starlette_answers_and_streams() -> None:
    told = serve(
        "starlette",
        "host.example.com",
        "GET /accounts/jdoe",
        "GET /accounts/nobody",
        "GET /log/follow",
        "GET /log/nothing",
    )
    refused = (501, "the server does not have this command")  # and not 200 with nothing
    lines = (200, "one\ntwo\nthree")
    assert bodies(told) == [(200, "jdoe: enabled"), (404, ""), lines, refused]


def test_starlette_says_when_the_server_is_away() -> None:
    told = serve("starlette", "down.example.com", "GET /accounts/jdoe")
    status, text = bodies(told)[0]
    assert (status, text[:25]) == (503, "the server cannot be reac")
