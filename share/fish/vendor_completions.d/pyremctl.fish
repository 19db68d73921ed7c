# fish completion for pyremctl.
# Made by scripts/dev shell-files of the table of options; edit that.

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
        else if contains -- $token -b -p -s -t --keytab --ccache --file --script --timeout --connect-timeout --retries --max-output -H --hosts -x --exclude --limit --batch --max-failures --failed --failed-safe --outdir
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
complete -c pyremctl -n 'test (__pyremctl_operands) = 0; and not __pyremctl_many' \
    -a '(__fish_print_hostnames)'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -s b -x -d 'Source IP used for outgoing connections'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -s d -d 'Debugging level of output'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -s h -l help -d 'Display this help'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -s p -x -d 'remctld port (default: 4373 falling back to 4444)'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -s s -x -d 'remctld service principal (default: host/<host>)'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -s t -x -d 'Timeout in seconds (default: 0, disable timeout)'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -s v -l version -d 'Display the version of pyremctl'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l keytab -r -F -d 'Get tickets from this keytab'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l ccache -r -F -d 'Ticket cache to use (default: the user\'s)'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l no-canonicalize -d 'Use the name of the host as it is given'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l stdin -d 'Send standard input as the last argument'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l file -x -d 'Send a file as argument number n'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l prompt -d 'Ask for the last argument, without echo'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l confirm -d 'Ask twice, and compare'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l script -r -F -d 'Run the commands in this file, - for standard input'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l keep-going -d 'With --script: continue after a command fails'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l timeout -x -d 'Longest time that one host may take'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l connect-timeout -x -d 'Longest time to connect (default: 10 with -H, else none)'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l retries -x -d 'How many more times to try an unreachable host'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l max-output -x -d 'Most output of one host, in bytes'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l json -d 'Print a JSON object for each host'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -s H -x -a '(__pyremctl_hosts)' -d 'Run the command on all of these hosts'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l hosts -r -F -d 'Run it on the hosts in this file, - for standard input'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -s x -l exclude -x -a '(__pyremctl_hosts)' -d 'Exclude these hosts'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l list -d 'Print the hosts, and send nothing'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l check -d 'Connect to the hosts, and send no command'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l limit -x -d 'How many hosts at once (default: 64)'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l batch -x -d 'Run the hosts in groups of this size'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l max-failures -x -d 'Start no more hosts once more than n have failed'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l fail-fast -d 'Stop everything at the first failure'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l failed -r -F -d 'Write the hosts that did not succeed into this file'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l failed-safe -r -F -d 'The same, without hosts where it may have run'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -s S -l largest-status -d 'Exit with the largest status of the command'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l expand -d 'Replace %h, %p, %n in the command: host, port, number'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l gather -d 'Show equal output once, under all its hosts'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l diff -d 'Show how output differs from the largest group\'s'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l ordered -d 'Show the output of one host after another, in order'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l no-prefix -d 'Show lines without their host in front'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l outdir -x -a '(__fish_complete_directories)' -d 'Write the output into files too, two for each host'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -s q -l quiet -d 'With --outdir: show no output'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l no-progress -d 'Show no progress'
complete -c pyremctl -n 'test (__pyremctl_operands) = 0' -l no-config -d 'Ignore configuration files and PYREMCTL_ variables'
