"""Where is it connected to? For a log line, and in a debugger."""

import sys

import remctl

connection = remctl.Remctl()
print(connection, connection.host)
connection.open(sys.argv[1], int(sys.argv[2]))
print(connection, connection.port == int(sys.argv[2]), connection.principal)
try:
    connection.run(["test", "denied", "secret"])
except remctl.RemctlError as error:
    print(error)
connection.close()
print(connection)
