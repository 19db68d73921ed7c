"""The completion for bash."""

from remctl._cli.option import Option
from remctl._cli.options import OPTIONS

from devkit.shellfiles import DIRECTORY, FILE, HOSTS, MADE

_TEMPLATE = """\
# bash completion for pyremctl.
# {made}

_pyremctl()
{{
    local current=${{COMP_WORDS[COMP_CWORD]}} index=1 option='' many='' ended='' word
    COMPREPLY=()
    # Options end at the first operand: see where they end, and whose value this is.
    while ((index < COMP_CWORD)); do
        word=${{COMP_WORDS[index]}}
        ((index += 1))
        if [[ -n $option ]]; then
            # The value of --option=value comes in three words: bash splits them at the sign.
            [[ $word == = ]] || option=''
            continue
        fi
        case $word in
            --)
                ended=yes
                ((index == COMP_CWORD)) || return
                ;;
            {valued})
                option=$word
                [[ $word != -H && $word != --hosts ]] || many=yes
                ;;
            {optional})
                [[ ${{COMP_WORDS[index]}} != = ]] || option=$word
                ;;
            -?*) ;;
            *) return ;;
        esac
    done
    [[ $current != = ]] || current=''
    case $option in
        {files})
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            return
            ;;
        {directories})
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -d -- "$current")
            return
            ;;
        {hosts})
            mapfile -t COMPREPLY < <(compgen -A hostname -- "$current")
            return
            ;;
        ?*) return ;;
    esac
    if [[ $current == -* && -z $ended ]]; then
        mapfile -t COMPREPLY < <(compgen -W '{all}' -- "$current")
    elif [[ -z $many ]]; then
        mapfile -t COMPREPLY < <(compgen -A hostname -- "$current")
    fi
}}

complete -F _pyremctl pyremctl
"""


def completion() -> str:
    """The text of the file."""

    def of(kind: str) -> str:
        return "|".join(_spellings([option for option in OPTIONS if option.kind == kind]))

    return _TEMPLATE.format(
        made=MADE,
        all=" ".join(_spellings(OPTIONS)),
        valued=" | ".join(_spellings([one for one in OPTIONS if one.kind and not one.optional])),
        optional=" | ".join(_spellings([one for one in OPTIONS if one.optional])),
        files=of(FILE),
        directories=of(DIRECTORY),
        hosts=of(HOSTS),
    )


def _spellings(options: list[Option] | tuple[Option, ...]) -> list[str]:
    found = []
    for option in options:
        found += [f"-{option.letter}"] if option.letter else []
        found += [f"--{option.name}"] if option.name else []
    return found
