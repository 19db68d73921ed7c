"""Print lines with the host in front, whatever pieces they come in."""

import sys

import remctl

with remctl.Remctl(sys.argv[1], int(sys.argv[2])) as connection:
    stream = connection.stream(["test", "lines", "2"])
    for number, line in stream.lines():
        print(f"{connection.host} {'out' if number == 1 else 'err'}: {line}")
    print("status", stream.status)
