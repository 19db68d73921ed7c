"""What shells and man know of `pyremctl`, made of `remctl._cli.options`."""

MADE = "Made by scripts/dev shell-files of the table of options; edit that."

#: What completes the value of an option of a kind; nothing does for the other kinds.
FILE, DIRECTORY, HOSTS = "file", "directory", "hosts"
