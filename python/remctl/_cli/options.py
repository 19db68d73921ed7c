"""The options of `pyremctl`, in one table.

The parser, the usage message, the manual page and the shells' completions are made from it
(`scripts/dev shell-files`).
"""

from __future__ import annotations

from remctl._cli.option import Option
from remctl._cli.options_many import OPTIONS_MANY

OPTIONS = (
    # The options of the program `remctl`.
    Option(
        "b",
        "address",
        "source-ip",
        "Source IP used for outgoing connections",
        "Connect from this IPv4 or IPv6 address of this machine; not a host name. Only addresses "
        "of the server of the same family are tried.",
    ),
    Option(
        "d",
        "",
        "",
        "Debugging level of output",
        "Print the log of the package (the logger remctl, at level DEBUG) on standard error.",
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
        "principal",
        "principal",
        "remctld service principal (default: host/<host>)",
        "The expected principal of the server, by default host/HOST. With this option the name of "
        "the host is not canonicalised.",
    ),
    Option(
        "t",
        "silence",
        "timeout",
        "Timeout in seconds (default: 0, disable timeout)",
        "Give up if the server is silent for this many whole seconds; 0 means never. It limits "
        "each silence, not the whole command: a server that keeps sending a little may take any "
        "time.",
    ),
    Option(
        "v/version",
        "",
        "",
        "Display the version of pyremctl",
        "Print the version, and those of the libraries and of Python, and exit.",
    ),
    # The client's credentials, and the server's name.
    Option(
        "/keytab",
        "file",
        "file",
        "Get tickets from this keytab",
        "Get a ticket with the first key of this keytab, instead of using the user's tickets. It "
        "is kept in memory and discarded at the end.",
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
        "Use the name of the host as it is given",
        "Without -s, the name of the host is first replaced by its canonical name from the name "
        "service, as remctl(1) does, so that connection and authentication are for the same "
        "machine if a name stands for several. With this option the name is used as it is given, "
        "so that a forged answer of the name service cannot redirect to another machine. (The "
        "Kerberos library may still canonicalise; see dns_canonicalize_hostname in krb5.conf(5).) "
        "With -H and --hosts, names are always used as they are given.",
    ),
    # Arguments from other sources.
    Option(
        "/stdin",
        "",
        "",
        "Send standard input as the last argument",
        "Read all of standard input and send it as the last argument of the command; it may "
        "contain any bytes.",
    ),
    Option(
        "/file",
        "numbered",
        "n=path",
        "Send a file as argument number n",
        "Send the content of a file as argument number n, counted as in the configuration of the "
        "server: the word after the command, the subcommand, is argument 1. The arguments from "
        "there on move up by one. May be given several times.",
    ),
    Option(
        "/prompt",
        "text",
        "text",
        "Ask for the last argument, without echo",
        "Ask on the terminal for the last argument of the command, for example a password, "
        "without showing what is typed. The text is the prompt.",
        optional=True,
    ),
    Option(
        "/confirm",
        "",
        "",
        "Ask twice, and compare",
        "Ask for the argument of --prompt twice, and send nothing if the two differ.",
    ),
    Option(
        "/script",
        "file",
        "file",
        "Run the commands in this file, - for standard input",
        "Run the commands in this file, - for standard input, one per line, over one connection "
        "to each host. Words are split and quoted as in a shell; lines that start with # are "
        "ignored. On each host, the first command that fails ends the script.",
    ),
    Option(
        "/keep-going",
        "",
        "",
        "With --script: continue after a command fails",
        "With --script: continue with the next command after one fails or is refused. The exit "
        "status is the largest of all commands.",
    ),
    # Limits.
    Option(
        "/timeout",
        "seconds",
        "seconds",
        "Longest time that one host may take",
        "The longest time that one host may take, in seconds, including all attempts, even if it "
        "keeps sending.",
    ),
    Option(
        "/connect-timeout",
        "patience",
        "seconds",
        "Longest time to connect (default: 10 with -H, else none)",
        "The longest time that connecting to a host may take, in seconds: to look up its name, to "
        "connect, and to authenticate, but not to get tickets with --keytab. 0 means no limit. "
        "The default is 10 seconds with -H and --hosts, and no limit otherwise.",
    ),
    Option(
        "/retries",
        "number",
        "n",
        "How many more times to try an unreachable host",
        "Try again up to n times, with growing pauses, if a host could not be reached and the "
        "command cannot have started there. A server that has refused is not tried again. The "
        "default is 0.",
    ),
    Option(
        "/max-output",
        "count",
        "bytes",
        "Most output of one host, in bytes",
        "The most output that one host may send, in bytes of both kinds together. If it sends "
        "more, the connection is dropped and the host has failed; the command may have run.",
    ),
    Option(
        "/json",
        "",
        "",
        "Print a JSON object for each host",
        "Print a line for each host as soon as it is done: a JSON object with the members host, "
        "port, status, stdout, stderr, error, code, kind, retryable, may_have_run, seconds and "
        "tries.",
    ),
    *OPTIONS_MANY,
)
