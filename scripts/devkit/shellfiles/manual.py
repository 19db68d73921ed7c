"""The manual page."""

from remctl._cli.option import MANY, Option
from remctl._cli.options import OPTIONS
from remctl._cli.usage import SYNOPSES

from devkit.shellfiles import MADE

_TEMPLATE = r"""'\" t
.\" @MADE@
.TH PYREMCTL 1 "" "pyremctl" "pyremctl"
.SH NAME
pyremctl \- run a command on a remote host, or on many, over Kerberos
.SH SYNOPSIS
@SYNOPSIS@
.SH DESCRIPTION
.B pyremctl
runs a command that a
.BR remctld (8)
server knows, and writes its output to standard output and standard error as it arrives. You
are authenticated by Kerberos: get a ticket first, with
.BR kinit (1),
or give a keytab. All that is sent is encrypted.
.PP
With one host it is the program
.BR remctl (1):
the same options, messages and statuses. Options end at the first operand, the host; all that
follows belongs to the command.
.PP
What a server sends is written as it is, byte for byte; but on a terminal control characters
are shown, the escape character as
.BR ^[ ,
so that the terminal does not obey them.
.SH OPTIONS
@OPTIONS@
.SS Many hosts
With
.B \-H
or
.B \-\-hosts
the command runs on many hosts at once. Each line of output has its host in front; see
.BR \-\-gather ,
.BR \-\-diff ,
.BR \-\-ordered ,
.B \-\-outdir
and
.B \-\-json
for other ways. On a terminal a line at its bottom tells how far it is.
.PP
At the end the hosts that did not succeed are named, in three groups: those that failed and where
the command cannot have run, those that failed and where it may have run, and those that were
not started; each by reason. So it is after Ctrl-C, SIGTERM and SIGHUP: the hosts under way are
given up, what was gathered is shown, and the program ends by the signal. A second Ctrl-C ends it
at once.
@MANY@
.SH CONFIGURATION
With many hosts, and then alone, some options have defaults elsewhere: in a variable of the
environment, in the file
.I $XDG_CONFIG_HOME/pyremctl/config.ini
.RI ( ~/.config/pyremctl/config.ini ),
or in
.IR /etc/pyremctl/config.ini .
An option comes before the environment, that before the user's file, and that before the
machine's. The settings are
.BR port ,
.BR principal ,
.BR limit ,
.BR timeout ,
.BR connect\-timeout ,
.BR retries ,
.B keytab
and
.BR ccache ,
in a section
.BR [pyremctl] ,
or of any other name, of a file; a variable is
.B PYREMCTL_
and the name in capitals, such as
.BR PYREMCTL_CONNECT_TIMEOUT .
.B \-\-list
shows where each came from.
.SH SESSION
Without a command, on a terminal,
.B pyremctl
.I host
reads commands from it and runs them one after another on one connection. Words are split and
quoted as in a shell; lines can be edited and called back, and are kept nowhere. The server
answers
.BR help .
Ctrl-C ends the command that runs, Ctrl-D the session. The exit status of a command is in the
prompt where it is not 0; that of the last one is the session's.
.SH EXIT STATUS
With one host it is that of the command; 255 where the server refuses the command; 1 where the
host cannot be reached, the server lost, an option wrong, or output could not be written.
.PP
With many hosts:
.TP
.B 0
All went well.
.TP
.B 1
The command exited with another status than 0 somewhere.
.TP
.B 2
The command line, or a file of hosts, is wrong. Nothing was sent.
.TP
.B 3
A host could not be reached, or refused, also when 1 holds as well; or output could not be
written.
.TP
.B 129, 130, 143
It was ended by SIGHUP, Ctrl-C or SIGTERM.
.PP
With
.B \-\-largest\-status
it is the largest status of the command, 255 for a host that gave none.
.SH ENVIRONMENT
.TP
.B KRB5CCNAME
The ticket cache.
.TP
.B KRB5_CONFIG
The configuration of Kerberos; see
.BR krb5.conf (5).
.TP
.B NO_COLOR
Where it is set and not empty there are no colours.
.TP
.B TERM
On a terminal called dumb there are neither colours nor progress.
.TP
.B PYREMCTL_PORT, PYREMCTL_PRINCIPAL, ...
Defaults for many hosts, see CONFIGURATION.
.SH FILES
.TP
.I ~/.config/pyremctl/config.ini, /etc/pyremctl/config.ini
Defaults for many hosts, see CONFIGURATION.
.SH EXAMPLES
Run a command:
.PP
.RS
.nf
pyremctl db1 backup status
.fi
.RE
.PP
Set a password without it being seen on the way:
.PP
.RS
.nf
pyremctl \-\-prompt="New password: " \-\-confirm kdc1 password set jdoe
.fi
.RE
.PP
Ask 20 hosts at once, and see who says what:
.PP
.RS
.nf
pyremctl \-H "web[01\-20]" \-\-gather service status nginx
.fi
.RE
.PP
Run it on all of a list, and have what failed as JSON:
.PP
.RS
.nf
pyremctl \-\-hosts fleet.txt \-\-timeout 30 \-\-json cert renew |
    jq \-c 'select(.status != 0)'
.fi
.RE
.PP
Change a fleet step by step, stop when it goes wrong, and do the rest later:
.PP
.RS
.nf
pyremctl \-H "canary1,@web" \-\-batch 10% \-\-max\-failures 2 \e
    \-\-failed\-safe again service restart nginx
pyremctl \-\-hosts again service restart nginx
.fi
.RE
.SH SEE ALSO
.BR kinit (1),
.BR remctl (1),
.BR krb5.conf (5),
.BR remctld (8)
"""


def page() -> str:
    """The text of the file."""
    parts = {
        "MADE": MADE,
        "SYNOPSIS": "\n.br\n".join(f".B pyremctl\n{_synopsis(text)}" for text in SYNOPSES),
        "OPTIONS": "\n".join(_option(one) for one in OPTIONS if one.hosts != MANY),
        "MANY": "\n".join(_option(one) for one in OPTIONS if one.hosts == MANY),
    }
    text = _TEMPLATE
    for name, part in parts.items():
        text = text.replace(f"@{name}@", part)
    return text


def _synopsis(text: str) -> str:
    """A synopsis with its placeholders in italics."""
    return (
        _escape(text.replace("<options>", "[option...]")).replace("<", r"\fI").replace(">", r"\fR")
    )


def _option(option: Option) -> str:
    spellings = [f"-{option.letter}"] if option.letter else []
    spellings += [f"--{option.name}"] if option.name else []
    head = ", ".join(rf"\fB{_escape(spelling)}\fR" for spelling in spellings)
    value = rf"\fI{_escape(option.value)}\fR"
    if option.optional:
        head += f"[={value}]"
    elif option.kind:
        head += f" {value}"
    return f".TP\n{head}\n{_escape(option.details)}"


def _escape(text: str) -> str:
    """A text of one line for troff."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return r"\&" + text if text[:1] in ".'" else text
