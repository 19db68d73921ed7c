"""Calls commands that are Python functions, in threads of this process."""

from __future__ import annotations

import contextlib
import marshal
import os
import shlex
import socket
import sys
import threading
from pathlib import Path

from remctl.testing import _callback_program
from remctl.testing.calls import Call, Function, call_function, failure, finish


class Callbacks:
    """The functions of one server, and the socket in `folder` through which they are called."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._functions: list[Function] = []
        self._listener: socket.socket | None = None
        self.exceptions: list[BaseException] = []

    def script(self, function: Function) -> str:
        """The text of a script that calls a function."""
        number = str(len(self._functions))
        self._functions.append(function)
        program = [sys.executable, "-IS", _callback_program.__file__, str(self._folder), number]
        return f'#!/bin/sh\nexec {shlex.join(program)} "$@"\n'

    def open(self, host: str, port: int) -> None:
        """Start accepting calls for the server at `host` and `port`, if there are functions."""
        if not self._functions:
            return
        listener = self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # The path of a socket must be short, but that of a directory may be long.
        folder = os.open(self._folder, os.O_PATH)
        try:
            listener.bind(f"/proc/self/fd/{folder}/calls")
        finally:
            os.close(folder)
        listener.listen(socket.SOMAXCONN)

        def take() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return  # closed
                threading.Thread(
                    target=self._serve, args=(connection, host, port), daemon=True
                ).start()

        threading.Thread(target=take, daemon=True).start()

    def close(self) -> None:
        """Accept no more calls. It does not wait for running ones."""
        if self._listener is not None:
            listener, self._listener = self._listener, None
            listener.shutdown(socket.SHUT_RDWR)  # wakes accept(), which closing would not do
            listener.close()
            (self._folder / "calls").unlink()

    def _serve(self, connection: socket.socket, host: str, port: int) -> None:
        """Handle one call."""
        with connection, contextlib.suppress(OSError):  # the client may have gone
            with connection.makefile("rb") as file:
                asked = file.read()
            if not asked:
                return
            number, args, env, stdin = marshal.loads(asked)
            command = (env["REMCTL_COMMAND"], *args)
            call = Call(command, stdin, env, host, port)
            try:
                finished = finish(call_function(self._functions[number], call))
            except BaseException as error:
                self.exceptions.append(error)
                finished = failure(error)
            connection.sendall(marshal.dumps(tuple(finished)))
