"""The options of `pyremctl` for many hosts; see `remctl._cli.options`."""

from __future__ import annotations

from remctl._cli.option import MANY, Option

OPTIONS_MANY = (
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
        "x/exclude",
        "hosts",
        "hosts",
        "Leave these hosts out",
        "Leave out these hosts, written as for -H. A host without a port is left out whatever "
        "its port is. May be given several times.",
        MANY,
    ),
    Option(
        "/list",
        "",
        "",
        "Print the hosts, and send nothing",
        "Print the hosts as they would be asked, each with its port and its principal, and send "
        "nothing. Settings from elsewhere than the options come first, as comments, with where "
        "each is from. A command is not needed. The output can be given to --hosts.",
        MANY,
    ),
    Option(
        "/check",
        "",
        "",
        "Connect to the hosts, and send no command",
        "Open a connection to each host, and close it: which of them can be reached and "
        "authenticated. For each that can be, ok is printed. No command is sent.",
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
        "/batch",
        "batch",
        "n|n%",
        "Take the hosts in groups of this size",
        "Take the hosts in groups of n, or of n per cent of them: the next group starts when all "
        "hosts of the one before are done.",
        MANY,
    ),
    Option(
        "/max-failures",
        "failures",
        "n|n%",
        "Start no more hosts once more than n have failed",
        "Start no further host once more than n hosts, or more than n per cent of them, have "
        "failed or had a status other than 0. Those under way go on.",
        MANY,
    ),
    Option(
        "/fail-fast",
        "",
        "",
        "Stop all at the first failure",
        "As --max-failures 0, but end the hosts under way too. Commands that run by then are "
        "not stopped on their hosts.",
        MANY,
    ),
    Option(
        "/failed",
        "file",
        "file",
        "Write the hosts that did not succeed into this file",
        "Write the hosts that did not succeed into this file, in the form that --hosts reads, "
        "each with the reason as a comment; it is empty if there are none. The file is replaced "
        "at the end, at once and whole.",
        MANY,
    ),
    Option(
        "/failed-safe",
        "file",
        "file",
        "The same, without hosts where it may have run",
        "As --failed, but without the hosts on which the command may have run: it can be run "
        "again on the others without being run twice.",
        MANY,
    ),
    Option(
        "S/largest-status",
        "",
        "",
        "Exit with the largest status of the command",
        "Exit with the largest exit status of the command on any of the hosts. A host that gave "
        "none, since it could not be reached, say, counts as 255.",
        MANY,
    ),
    Option(
        "/expand",
        "",
        "",
        "Replace %h, %p, %n in the command: host, port, number",
        "Replace %h in the words of the command by the host, %p by its port, %n by its number "
        "among the hosts, from 1 on, and %% by a per cent sign. Words that are read (--stdin, "
        "--file, --prompt) stay as they are.",
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
        "/diff",
        "text",
        "host",
        "Show how output differs from the largest group's",
        "As --gather, but show the output of the largest group of hosts whole, and of the other "
        "groups how theirs differs from it, as diff -u does. With a host the others are compared "
        "with its output.",
        MANY,
        optional=True,
    ),
    Option(
        "/ordered",
        "",
        "",
        "Show the output of one host after another, in order",
        "Show the output of one host after another, in the order in which they are written, as "
        "soon as that can be: the first one that is not done as its output arrives. What the "
        "others print until then is held in memory.",
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
        "Write the output into this directory too, which is made if need be: two files for each "
        "host, HOST.stdout and HOST.stderr, and summary.json, which has for each host what --json "
        "has, with the names of its files.",
        MANY,
    ),
    Option(
        "q/quiet",
        "",
        "",
        "With --outdir: show no output",
        "With --outdir: write the output into the files alone.",
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
    Option(
        "/no-config",
        "",
        "",
        "Ignore configuration files and PYREMCTL_ variables",
        "Take no defaults from the files of configuration and from the variables PYREMCTL_...; "
        "see CONFIGURATION.",
        MANY,
    ),
)
