"""Print output as it comes. A command that there is not is no empty output."""

import sys

import remctl

with remctl.Remctl(sys.argv[1], int(sys.argv[2])) as connection:
    for command in (["test", "hello"], ["log", "follow"]):
        try:
            for token in connection.stream(command):
                if token.type == "output":
                    print(token.stream, token.output)
        except remctl.RemctlError as error:
            print(error)
    print(connection.run(["test", "hello"]).text, end="")
