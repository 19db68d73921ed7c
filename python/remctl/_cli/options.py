"""The options of `pyremctl`: one table, from which all else that knows them is made.

The parser reads it, the usage message is made of it, and so are the manual page and the
shells' completions (`scripts/dev shell-files`).
"""

from __future__ import annotations

from remctl._cli.option import Option
from remctl._cli.options_many import OPTIONS_MANY

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
    Option(
        "/script",
        "file",
        "file",
        "Run the commands in this file, - for standard input",
        "Run the commands in this file, - for standard input, one a line, over one connection to "
        "each host. Words are split and quoted as in a shell; lines that begin with # are left "
        "out. The first command that fails is the last one on its host.",
    ),
    Option(
        "/keep-going",
        "",
        "",
        "With --script: go on when a command fails",
        "With --script: go on with the next command when one fails or is refused. The exit "
        "status is the largest of them.",
    ),
    # Limits.
    Option(
        "/timeout",
        "seconds",
        "seconds",
        "Longest time that one host may take",
        "The longest time that one host may take, in seconds, all tries included, however busily "
        "it sends.",
    ),
    Option(
        "/connect-timeout",
        "patience",
        "seconds",
        "Longest time to connect (default: 10 with -H, else none)",
        "The longest time that connecting to a host may take, in seconds: to look up its name, to "
        "connect, and to authenticate. 0 is no limit. By default it is 10 seconds with -H and "
        "--hosts, and no limit otherwise.",
    ),
    Option(
        "/retries",
        "number",
        "n",
        "How many more times to try a host not reached",
        "Try again up to n times, with growing pauses, if a host could not be reached and the "
        "command cannot have started there. A server that refuses is not asked "
        "again. 0 by default.",
    ),
    Option(
        "/max-output",
        "count",
        "bytes",
        "Most output of one host, in bytes",
        "The most that one host may send, in bytes of output of both kinds. If it sends more, the "
        "connection is dropped and the host has failed; the command may have run.",
    ),
    Option(
        "/json",
        "",
        "",
        "Print a JSON object for each host",
        "Print a line for each host as soon as it is done, a JSON object with the members "
        "host, port, status, stdout, stderr, error, code, kind, retryable, may_have_run, "
        "seconds and tries.",
    ),
    *OPTIONS_MANY,
)
