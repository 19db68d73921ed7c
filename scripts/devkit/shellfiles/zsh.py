"""The completion for zsh."""

from remctl._cli.option import Option
from remctl._cli.options import OPTIONS

from devkit.shellfiles import MADE

_ACTIONS = {
    "directory": "_files -/",
    "file": "_files",
    "hosts": "_sequence _pyremctl_hosts",
    "numbered": '{ compset -P "*="; _files }',
}
# Those that may be given several times.
_REPEATED = ("-H", "--hosts", "--exclude", "--file")

_TEMPLATE = """\
#compdef pyremctl
# {made}

(( $+functions[_pyremctl_hosts] )) || _pyremctl_hosts() {{
    local -a groups
    if [[ $PREFIX == @* ]]; then
        groups=(${{(f)"$(_call_program groups nodeset --list 2>/dev/null)"}})
        _wanted groups expl group compadd "$@" -a groups
    else
        _hosts "$@"
    fi
}}

local -a operands
(( ${{words[(I)-H*]}} || ${{words[(I)--hosts*]}} )) || operands=('1:host:_hosts')
# Options end at the first operand.
_arguments -s -S -A '-*' \\
{options} \\
    $operands
"""


def completion() -> str:
    """The text of the file."""
    lines = [f"    {_spec(option)}" for option in OPTIONS]
    return _TEMPLATE.format(made=MADE, options=" \\\n".join(lines))


def _spec(option: Option) -> str:
    about = option.about
    for character in "\\[]:":
        about = about.replace(character, "\\" + character)
    value = ""
    if option.kind:
        colons = "::" if option.optional else ":"
        value = f"{colons}{option.value}:{_ACTIONS.get(option.kind, ' ')}"
    text = f"[{about}]{value}"
    spelling = option.spelling
    many = "*" if spelling in _REPEATED else ""
    if option.letter and option.name:
        others = "*" if many else f"(-{option.letter} --{option.name})"
        after_letter, after_name = ("+", "=") if option.kind else ("", "")
        both = f"-{option.letter}{after_letter},--{option.name}{after_name}"
        return f"'{others}'{{{both}}}{_quote(text)}"
    # --name=value and --name value; --name=value alone; -xvalue and -x value.
    joint = {True: "=-" if option.optional else "=", False: "+"}[bool(option.name)]
    return _quote(f"{many}{spelling}{joint if option.kind else ''}{text}")


def _quote(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
