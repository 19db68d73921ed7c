"""The options of `pyremctl`: one table, from which all else that knows them is made.

The parser reads it, the usage message is made of it, and so are the manual page and the
shells' completions (`scripts/dev shell-files`).
"""

from __future__ import annotations

#: With how many hosts an option makes sense.
ANY, MANY = "any", "many"


class Option:
    """An option.

    Attributes:
        letter, name: how it is written, `-p` and `--limit`; either may be empty.
        kind: what its value is, see `remctl._cli.parse`; empty where it takes none.
        value: what its value is called.
        optional: whether the value may be left out (it is then written `--name=value` only).
        hosts: ANY or MANY.
        about: a line on it, for the usage message and the completions.
        details: the paragraph of the manual page.
    """

    __slots__ = ("about", "details", "hosts", "kind", "letter", "name", "optional", "value")

    def __init__(
        self,
        spelling: str,
        kind: str,
        value: str,
        about: str,
        details: str,
        hosts: str = ANY,
        optional: bool = False,
    ) -> None:
        letter, _, name = spelling.partition("/")
        self.letter = letter
        self.name = name
        self.kind = kind
        self.value = value
        self.about = about
        self.details = details
        self.hosts = hosts
        self.optional = optional

    @property
    def spelling(self) -> str:
        """The option as messages name it."""
        return f"--{self.name}" if self.name else f"-{self.letter}"


OPTIONS = (
    # Those of the program `remctl`.
    Option(
        "b",
        "address",
        "source-ip",
        "Source IP used for outgoing connections",
        "Connect from this IPv4 or IPv6 address, one of this machine's; not a host name. Only "
        "addresses of the server of the same family are tried.",
    ),
    Option(
        "d",
        "",
        "",
        "Debugging level of output",
        "Print what the package logs (the logger remctl, from DEBUG on) on standard error.",
    ),
    Option("h/help", "", "", "Display this help", "Print a short help and exit."),
    Option(
        "p",
        "port",
        "port",
        "remctld port (default: 4373 falling back to 4444)",
        "Connect to this port, from 1 to 65535. Without it 4373 is tried, then 4444.",
    ),
    Option(
        "s",
        "text",
        "principal",
        "remctld service principal (default: host/<host>)",
        "The principal that the server is expected to be, host/HOST by default. With it the "
        "name of the host is not canonicalised.",
    ),
    Option(
        "t",
        "silence",
        "timeout",
        "Timeout in seconds (default: 0, disable timeout)",
        "Give up when the server is silent for so many whole seconds; 0 for never. It limits "
        "each silence and not the whole: a server that sends a little now and then may take "
        "as long as it likes.",
    ),
    Option(
        "v/version",
        "",
        "",
        "Display the version of pyremctl",
        "Print the version, and those of the libraries and of Python, and exit.",
    ),
    # Whom to be, and who the server is.
    Option(
        "/keytab",
        "file",
        "file",
        "Get tickets from this keytab",
        "Get a ticket of one's own with the first key of this keytab, instead of using the "
        "tickets of the user. They are kept in memory and are gone at the end.",
    ),
    Option(
        "/ccache",
        "file",
        "ccache",
        "Ticket cache to use (default: the user's)",
        "The ticket cache: a path, or a name such as KEYRING:persistent:0.",
    ),
    Option(
        "/no-canonicalize",
        "",
        "",
        "Take the name of the host as it is given",
        "Without -s the name of the host is first replaced by its canonical name, which the "
        "name service gives, as remctl(1) does: so connection and authentication are for the "
        "same machine where a name stands for several. With this option the name is taken as "
        "it is given, and nobody who forges an answer of the name service can have another "
        "machine taken for the right one. (The Kerberos library may still canonicalise; see "
        "dns_canonicalize_hostname in krb5.conf(5).) With -H and --hosts names are always "
        "taken as they are given.",
    ),
    # Arguments from elsewhere.
    Option(
        "/stdin",
        "",
        "",
        "Send standard input as the last argument",
        "Read standard input to its end and send it as the last argument of the command, "
        "whatever bytes are in it.",
    ),
    Option(
        "/file",
        "numbered",
        "n=path",
        "Send a file as argument number n",
        "Send the content of a file as argument number n, counted as in the configuration of "
        "the server: the word after the command, the subcommand, is argument 1. Arguments "
        "from there on move up. May be given several times.",
    ),
    Option(
        "/prompt",
        "text",
        "text",
        "Ask for the last argument, without echo",
        "Ask on the terminal for the last argument of the command, a password say, without "
        "showing what is typed. The text is what to ask with.",
        optional=True,
    ),
    Option(
        "/confirm",
        "",
        "",
        "Ask twice, and compare",
        "Have the argument of --prompt typed twice, and send nothing where the two differ.",
    ),
    # Many hosts.
    Option(
        "H",
        "hosts",
        "hosts",
        "Run the command on all of these hosts",
        "Run the command on each of these hosts, whose names are separated by commas, each "
        "with a port after a colon where it has one of its own. May be given several times. "
        "With the package ClusterShell (pip install 'pyremctl[fleet]') all that its node sets "
        "know can be written: web[01-20], a!b for a without b, @group. A host that is named "
        "twice is taken once.",
        MANY,
    ),
    Option(
        "/hosts",
        "file",
        "file",
        "Run it on the hosts in this file, - for standard input",
        "Run the command on the hosts in this file, - for standard input. A line is a host "
        "as for -H, and after a space the principal of the server where it is not host/HOST; "
        "what follows a # is a comment. May be given several times.",
        MANY,
    ),
    Option(
        "/limit",
        "count",
        "n",
        "How many hosts at once (default: 64)",
        "The most connections there are at once, 64 by default.",
        MANY,
    ),
    Option(
        "/timeout",
        "seconds",
        "seconds",
        "The most that one host may take",
        "The most time that one host may take, in seconds, all tries included; from its first "
        "try, and however busily it sends.",
        MANY,
    ),
    Option(
        "/retries",
        "number",
        "n",
        "Try a host again so often when it is not reached",
        "Try again, at most so often and with growing pauses, when a host could not be "
        "reached and the command cannot have begun there. A server that refuses is not asked "
        "again. 0 by default.",
        MANY,
    ),
    Option(
        "/fail-fast",
        "",
        "",
        "Stop all at the first failure",
        "End everything as soon as one host fails or the command exits there with a status "
        "other than 0. Commands that run by then are not stopped on their hosts.",
        MANY,
    ),
    Option(
        "/gather",
        "",
        "",
        "Show equal output once, under all its hosts",
        "Show the output at the end, hosts with the same output together under one heading.",
        MANY,
    ),
    Option(
        "/outdir",
        "directory",
        "dir",
        "Write the output into files, HOST.stdout and HOST.stderr",
        "Write the output into this directory, which is made if need be: two files for each "
        "host, HOST.stdout and HOST.stderr.",
        MANY,
    ),
    Option(
        "/json",
        "",
        "",
        "Print a JSON object for each host",
        "Print a line for each host as soon as it is done, a JSON object with the members "
        "host, port, status, stdout, stderr, error, code, may_have_run, seconds and tries.",
        MANY,
    ),
    Option(
        "/no-progress",
        "",
        "",
        "Show no progress",
        "Show no line of progress on the terminal.",
        MANY,
    ),
)
