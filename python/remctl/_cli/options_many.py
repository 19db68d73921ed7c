"""The options of `pyremctl` for many hosts; see `remctl._cli.options`."""

from __future__ import annotations

from remctl._cli.option import MANY, Option

OPTIONS_MANY = (
    Option(
        "H",
        "hosts",
        "hosts",
        "Run the command on all of these hosts",
        "Run the command on each of these hosts. Names are separated by commas; each may have a "
        "port after a colon. May be given several times. With the package ClusterShell (pip "
        "install 'pyremctl[fleet]'), its node sets can be used: web[01-20], a!b for a without b, "
        "@group. A host that is named twice is used once.",
        MANY,
    ),
    Option(
        "/hosts",
        "file",
        "file",
        "Run it on the hosts in this file, - for standard input",
        "Run the command on the hosts in this file, - for standard input. A line has a host as "
        "for -H and optionally, after a space, the principal of the server if it is not "
        "host/HOST; # starts a comment. May be given several times.",
        MANY,
    ),
    Option(
        "x/exclude",
        "hosts",
        "hosts",
        "Exclude these hosts",
        "Exclude these hosts, written as for -H. A host without a port is excluded with any port. "
        "May be given several times.",
        MANY,
    ),
    Option(
        "/list",
        "",
        "",
        "Print the hosts, and send nothing",
        "Print the hosts, each with its port and its principal, and send nothing. Settings that "
        "do not come from options are printed first, as comments, with their sources. A command "
        "is not needed. The output can be used with --hosts.",
        MANY,
    ),
    Option(
        "/check",
        "",
        "",
        "Connect to the hosts, and send no command",
        "Open a connection to each host, and close it, to see which hosts can be reached and "
        "authenticated. For each of these, ok is printed. No command is sent.",
        MANY,
    ),
    Option(
        "/limit",
        "count",
        "n",
        "How many hosts at once (default: 64)",
        "The largest number of connections at once; the default is 64.",
        MANY,
    ),
    Option(
        "/batch",
        "batch",
        "n|n%",
        "Run the hosts in groups of this size",
        "Run the hosts in groups of n, or of n per cent of them: the next group starts when all "
        "hosts of the previous one are done.",
        MANY,
    ),
    Option(
        "/max-failures",
        "failures",
        "n|n%",
        "Start no more hosts once more than n have failed",
        "Start no more hosts once more than n hosts, or more than n per cent of them, have failed "
        "or had a status other than 0. Hosts in progress continue.",
        MANY,
    ),
    Option(
        "/fail-fast",
        "",
        "",
        "Stop everything at the first failure",
        "Like --max-failures 0, but also give up the hosts in progress. Commands that are running "
        "there are not stopped.",
        MANY,
    ),
    Option(
        "/failed",
        "file",
        "file",
        "Write the hosts that did not succeed into this file",
        "Write the hosts that did not succeed into this file, in the format of --hosts, each with "
        "the reason as a comment; it is empty if there are none. The file is replaced atomically "
        "at the end.",
        MANY,
    ),
    Option(
        "/failed-safe",
        "file",
        "file",
        "The same, without hosts where it may have run",
        "Like --failed, but without the hosts on which the command may have run. It can safely be "
        "run again on the others.",
        MANY,
    ),
    Option(
        "S/largest-status",
        "",
        "",
        "Exit with the largest status of the command",
        "Exit with the largest exit status of the command on any of the hosts. A host without a "
        "status, for example an unreachable one, counts as 255.",
        MANY,
    ),
    Option(
        "/expand",
        "",
        "",
        "Replace %h, %p, %n in the command: host, port, number",
        "Replace %h in the words of the command by the host, %p by its port, %n by its number "
        "among the hosts, counted from 1, and %% by a per cent sign. Words from --stdin, --file "
        "and --prompt are not changed.",
        MANY,
    ),
    Option(
        "/gather",
        "",
        "",
        "Show equal output once, under all its hosts",
        "Show the output at the end, with one heading for all hosts with equal output.",
        MANY,
    ),
    Option(
        "/diff",
        "text",
        "host",
        "Show how output differs from the largest group's",
        "Like --gather, but show the whole output for the largest group of hosts only, and for "
        "the other groups the differences from it, like diff -u. If a host is given, the others "
        "are compared with its output.",
        MANY,
        optional=True,
    ),
    Option(
        "/ordered",
        "",
        "",
        "Show the output of one host after another, in order",
        "Show the output of one host after another, in the given order. The output of the first "
        "unfinished host is shown as it arrives; that of the others is held in memory until then.",
        MANY,
    ),
    Option(
        "/no-prefix",
        "",
        "",
        "Show lines without their host in front",
        "Show lines of output without their host in front.",
        MANY,
    ),
    Option(
        "/outdir",
        "directory",
        "dir",
        "Write the output into files too, two for each host",
        "Also write the output into this directory, which is created if necessary: two files for "
        "each host, HOST.stdout and HOST.stderr, and summary.json, which has the object of --json "
        "for each host, with the names of its files.",
        MANY,
    ),
    Option(
        "q/quiet",
        "",
        "",
        "With --outdir: show no output",
        "With --outdir: write the output only into the files.",
        MANY,
    ),
    Option(
        "/no-progress",
        "",
        "",
        "Show no progress",
        "Do not show the progress line on the terminal.",
        MANY,
    ),
    Option(
        "/no-config",
        "",
        "",
        "Ignore configuration files and PYREMCTL_ variables",
        "Take no defaults from the configuration files and the variables PYREMCTL_...; see "
        "CONFIGURATION.",
        MANY,
    ),
)
