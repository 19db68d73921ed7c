"""The completion for bash."""

from remctl._cli.option import Option
from remctl._cli.options import OPTIONS

from devkit.shellfiles import DIRECTORY, FILE, HOSTS, MADE

_TEMPLATE = """\
# bash completion for pyremctl.
# {made}

# Hosts and groups, separated by commas.
_pyremctl_hosts()
{{
    local part=${{1##*,}} found
    if [[ $part == @* ]]; then
        mapfile -t found < <(compgen -W "$(nodeset --list 2>/dev/null)" -- "$part")
    else
        mapfile -t found < <(compgen -A hostname -- "$part")
    fi
    COMPREPLY=("${{found[@]/#/${{1%"$part"}}}}")
}}

_pyremctl()
{{
    local line=${{COMP_LINE:0:COMP_POINT}} words=() word option='' many='' ended=''
    COMPREPLY=()
    # Bash splits words at signs like = and @ too: put them together again.
    for word in "${{COMP_WORDS[@]:0:COMP_CWORD+1}}"; do
        if [[ ${{#words[@]}} == 0 || $line == [[:space:]]* ]]; then
            words+=("$word")
        else
            words[-1]+=$word
        fi
        line=${{line#"${{line%%[![:space:]]*}}"}}
        line=${{line#"$word"}}
    done
    # Options end at the first operand: see where they end, and whose value this is.
    for word in "${{words[@]:1:${{#words[@]}}-2}}"; do
        [[ -z $ended ]] || return
        if [[ -n $option ]]; then
            option=''
            continue
        fi
        case $word in
            -H* | --hosts*) many=yes ;;&
            --) ended=yes ;;
            {valued}) option=$word ;;
            -?*) ;;
            *) return ;;
        esac
    done
    local current=${{words[-1]}} last=${{COMP_WORDS[COMP_CWORD]}}
    if [[ -z $option && -z $ended && $current == --*=* ]]; then
        option=${{current%%=*}}
        current=${{current#*=}}
    fi
    case $option in
        {files})
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            ;;
        {directories})
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -d -- "$current")
            ;;
        {hosts})
            compopt -o nospace 2>/dev/null
            _pyremctl_hosts "$current"
            ;;
        ?*) ;;
        *)
            if [[ $current == -* && -z $ended ]]; then
                mapfile -t COMPREPLY < <(compgen -W '{all}' -- "$current")
            elif [[ -z $many ]]; then
                mapfile -t COMPREPLY < <(compgen -A hostname -- "$current")
            fi
            ;;
    esac
    # Only what stands behind the last of those signs is replaced; an @ before it is too.
    [[ $last != [=:] ]] || last=''
    word=${{current%"$last"}}
    COMPREPLY=("${{COMPREPLY[@]#"${{word%@}}"}}")
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
