"""Record a picture of `pyremctl` at work on a fleet of ten, on a throwaway realm.

Run by `scripts/dev picture`. Needs root, for a network and names of its own.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

import pexpect
import pyte
from remctl.testing import Command, Realm
from remctl.testing.commands import Commands
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

PORT = 4373
COLUMNS, LINES = 96, 40

WEB = [f"web{number:02}" for number in range(1, 9)]
DB = ["db01", "db02"]
ADDRESSES = {name: f"127.0.1.{number}" for number, name in enumerate([*WEB, *DB], 1)}

RELOAD = "#!/bin/sh\nsleep 0.2\necho configuration is valid\necho reloaded\n"
NEW = {"nginx": {"version": "#!/bin/sh\necho nginx/1.26.3\n", "reload": RELOAD}}
OLD = {"nginx": {"version": "#!/bin/sh\necho nginx/1.22.1\n", "reload": RELOAD}}
REFUSING = {"nginx": {"reload": Command("/bin/true", acl=("deny:ANYUSER",))}}
# web08 is down.
SERVERS: list[tuple[Commands, list[str]]] = [
    (NEW, [*WEB[:4], WEB[5]]),
    (OLD, [WEB[4], WEB[6]]),
    (REFUSING, DB),
]

COMMANDS = [
    "pyremctl -H web[01-08] --gather nginx version",
    "pyremctl -H web[01-02],db[01-02] nginx reload",
]


def alone(picture: str) -> None:
    """Start this program again, with a network and host names of its own."""
    with tempfile.TemporaryDirectory() as folder:
        hosts = Path(folder) / "hosts"
        lines = ["127.0.0.1 localhost"]
        lines += [f"{address} {name}" for name, address in ADDRESSES.items()]
        hosts.write_text("\n".join(lines) + "\n")
        script = 'mount --bind "$0" /etc/hosts && ip link set lo up && exec "$@"'
        command = ["unshare", "--net", "--mount", "sh", "-c", script, str(hosts)]
        environment = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
        again = [sys.executable, __file__, "--inside", picture]
        subprocess.run([*command, *again], env=environment, check=True)


def record() -> pyte.Screen:
    """Run the commands on a terminal; its screen at the end."""
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    environment = os.environ | {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    environment.pop("NO_COLOR", None)
    for line in COMMANDS:
        stream.feed(f"\x1b[1m$\x1b[0m {line}\r\n".encode())
        child = pexpect.spawn(
            "/bin/sh", ["-c", f"exec {line}"], env=environment, dimensions=(LINES, COLUMNS)
        )
        stream.feed(child.read())
        child.wait()
    stream.feed(b"\x1b[1m$\x1b[0m ")
    return screen


def pieces(screen: pyte.Screen) -> Iterator[Text]:
    """The lines of a screen, for rich."""
    for number in range(screen.cursor.y + 1):
        cells = [screen.buffer[number][column] for column in range(COLUMNS)]
        line = Text(no_wrap=True)
        for style, run in groupby(cells, style_of):
            line.append("".join(cell.data for cell in run), style)
        line.rstrip()
        yield line


def style_of(cell: pyte.screens.Char) -> str:
    """The style of a character, in the words of rich."""
    colour = "" if cell.fg == "default" else cell.fg.replace("brown", "yellow")
    return f"{'bold ' if cell.bold else ''}{colour}".strip()


def svg(screen: pyte.Screen) -> str:
    """The screen as a picture."""
    with open(os.devnull, "w") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True)
        for line in pieces(screen):
            console.print(line)
    # Without fonts from the network: any of fixed width will do.
    style = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    return console.export_svg(title="pyremctl", code_format=style, unique_id="pyremctl")


def main() -> int:
    """Record; the exit status."""
    *inside, picture = sys.argv[1:]
    if not inside:
        alone(picture)
        return 0
    with ExitStack() as stack:
        realm = stack.enter_context(Realm())
        stack.enter_context(realm.environ())
        realm.add_host(*ADDRESSES)
        for commands, names in SERVERS:
            addresses = [ADDRESSES[name] for name in names]
            stack.enter_context(realm.server(commands, addresses=addresses, port=PORT))
        Path(picture).write_text(svg(record()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
