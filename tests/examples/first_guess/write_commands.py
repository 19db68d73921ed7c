"""Commands in the forms that come to mind; those that cannot be meant are refused."""

import shlex
import sys
from typing import Any

import remctl

with remctl.Remctl(sys.argv[1], int(sys.argv[2])) as connection:
    print(connection.run(shlex.split("test args 'two words'")).text)
    given: list[Any] = ["test hello", {"test", "hello"}, ["test", ["jdoe"]], ["test", print]]
    for command in given:
        try:
            connection.run(command)
        except TypeError as error:
            print(error)
