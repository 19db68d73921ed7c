"""Start remctld as systemd does from Debian's `remctld.socket`: with a listening socket.

    activate.py remctld -p PORT -b ADDRESS ...

A remctld that listens by itself lets no more than five connections wait (its `listen()` says
5), and what 64 threads at once would measure is how the kernel of the client tries again.
systemd's sockets let 4,096 wait.
"""

import os
import socket
import sys

SD_LISTEN_FDS_START = 3
SYSTEMD_BACKLOG = 4096

command = sys.argv[1:]
port = int(command[command.index("-p") + 1])
address = command[command.index("-b") + 1]
listener = socket.create_server((address, port), backlog=SYSTEMD_BACKLOG)
if listener.fileno() != SD_LISTEN_FDS_START:
    os.dup2(listener.fileno(), SD_LISTEN_FDS_START)
os.set_inheritable(SD_LISTEN_FDS_START, True)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(command[0], command)
