"""The completion for fish."""

from remctl._cli.option import Option
from remctl._cli.options import OPTIONS

from devkit.shellfiles import DIRECTORY, FILE, HOSTS, MADE

_TEMPLATE = """\
# fish completion for pyremctl.
# {made}

# Options end at the first operand: how many operands there are.
function __pyremctl_operands
    set -l tokens (commandline -opc)
    set -e tokens[1]
    set -l count 0
    set -l value 0
    set -l ended 0
    for token in $tokens
        if test $value = 1
            set value 0
        else if test $count -gt 0 -o $ended = 1
            set count (math $count + 1)
        else if test $token = --
            set ended 1
        else if contains -- $token {valued}
            set value 1
        else if not string match -q -- '-?*' $token
            set count 1
        end
    end
    echo $count
end

function __pyremctl_many
    string match -qr -- '^(-H.*|--hosts(=.*)?)$' (commandline -opc)
end

# Hosts and groups, separated by commas.
function __pyremctl_hosts
    set -l value (commandline -ct | string replace -r -- '^(-[Hx]|--exclude=)' '')
    set -l before (string match -r -- '^.*,' $value)
    for name in (__fish_print_hostnames) (nodeset --list 2>/dev/null)
        echo "$before$name"
    end
end

complete -c pyremctl -f
complete -c pyremctl -n 'test (__pyremctl_operands) = 0; and not __pyremctl_many' \\
    -a '(__fish_print_hostnames)'
{options}
"""


def completion() -> str:
    """The text of the file."""
    valued = []
    for option in OPTIONS:
        if option.kind and not option.optional:
            valued += [f"-{option.letter}"] if option.letter else []
            valued += [f"--{option.name}"] if option.name else []
    lines = [_line(option) for option in OPTIONS]
    return _TEMPLATE.format(made=MADE, valued=" ".join(valued), options="\n".join(lines))


def _line(option: Option) -> str:
    words = ["complete -c pyremctl -n 'test (__pyremctl_operands) = 0'"]
    words += [f"-s {option.letter}"] if option.letter else []
    words += [f"-l {option.name}"] if option.name else []
    if option.kind == FILE:
        words.append("-r -F")
    elif option.kind == DIRECTORY:
        words.append("-x -a '(__fish_complete_directories)'")
    elif option.kind == HOSTS:
        words.append("-x -a '(__pyremctl_hosts)'")
    elif option.kind and not option.optional:
        words.append("-x")
    about = option.about.replace("'", "\\'")
    return " ".join([*words, f"-d '{about}'"])
