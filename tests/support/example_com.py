"""The hosts and the commands that the examples of the manual speak of."""

import subprocess
import sys

from tests.support import own_network

SERVERS = {
    "host.example.com": "127.0.1.1",
    **{f"web{number}.example.com": f"127.0.2.{number}" for number in range(1, 6)},
    "db1.example.com": "127.0.3.1",
}
# Below /etc, with the clients that have their keys there.
KEYTABS = {
    "/etc/accounts/client.keytab": ["accounts/web.example.com", "reader", "writer"],
    "/etc/report/client.keytab": ["report/web.example.com"],
}
SILENT = {"down.example.com": "127.0.4.1"}

COMMANDS: dict[str, dict[str, object]] = {
    "account": {
        "show": '#!/bin/sh\n[ "$2" != nobody ] || exit 1\n[ "$2" != slow ] || exec sleep 100\n'
        'echo "$2: enabled"\n',
        "expire": "#!/bin/sh\n[ \"$2\" != root ] || { echo 'root stays' >&2; exit 1; }\n",
        "create": "#!/bin/sh\n[ \"$2\" != root ] || { echo 'no such luck' >&2; exit 3; }\n",
        "enable": "#!/bin/sh\nexit 0\n",
        "list": "#!/bin/sh\necho jdoe\necho msmith\n",
        "lock": '#!/bin/sh\n[ "$2" != root ] || { echo "root cannot be locked" >&2; exit 1; }\n',
        # Only for an administrator, who has no ticket here.
        "delete": {"program": "#!/bin/sh\nexit 0\n", "acl": ["princ:admin@REMCTL.TEST"]},
        "photo": {"program": "#!/bin/sh\ncat >/dev/null\n", "stdin": "last"},
    },
    "log": {
        "follow": "#!/bin/sh\nfor line in one two three; do echo $line; sleep 0.15; done\n",
        # Hangs up in the middle the first time; the file says whether it was that.
        "lost-once": '#!/bin/sh\n[ -e "$2" ] && exec echo after\n'
        'touch "$2"; echo before; sleep 0.2; kill -9 $PPID\n',
    },
    "report": {"nightly": "#!/bin/sh\necho all is well\n", "start": "#!/bin/sh\nexit 0\n"},
    "service": {
        # The service `cut` is restarted, but the connection is lost before the answer; its status
        # is how often it was restarted. The service `slow` runs when it was asked a few times.
        "status": '#!/bin/sh\ncase "$2" in\n'
        'cut) exec wc -l <"${0%-status}-restart.count";;\n'
        'slow) echo >>"$0.slow"; [ "$(wc -l <"$0.slow")" -gt 7 ] || exec echo starting;;\n'
        "esac\necho running\n",
        "restart": '#!/bin/sh\n[ "$2" = cut ] || exec echo restarted\n'
        'echo >>"$0.count"; kill -9 $PPID\n',
    },
    "web": {
        "drain": "#!/bin/sh\nexit 0\n",
        "fill": "#!/bin/sh\nexit 0\n",
        # The service `broken` does not answer, wherever it is.
        "check": "#!/bin/sh\n[ \"$2\" != broken ] || { echo 'no answer' >&2; exit 1; }\necho ok\n",
    },
    "test": {
        "hello": "#!/bin/sh\necho hello world\n",
        "fail": "#!/bin/sh\necho 'no such disk' >&2\nexit 2\n",
    },
}


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python where these hosts are, as a user with a ticket."""
    return run(sys.executable, *arguments)


def run(*program: str) -> subprocess.CompletedProcess[str]:
    """Run a program where these hosts are, as a user with a ticket."""
    return own_network.run(
        [4373],
        *program,
        servers=SERVERS,
        silent=SILENT,
        commands=COMMANDS,
        keytabs=KEYTABS,
        timeout=110,
    )
