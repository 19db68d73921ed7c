"""Make the manual page and the completions of `pyremctl`, of its table of options.

    scripts/dev shell-files [--check]

writes the files below share/, which the wheel puts where shells and man look for them. With
--check it writes nothing, and fails where a file is not what it would write.
"""

import sys

from devkit import ROOT, usage

sys.path.insert(0, str(ROOT / "python"))  # the table of this tree, built or not

from devkit.shellfiles import bash, fish, manual, zsh

FILES = {
    "bash-completion/completions/pyremctl": bash.completion,
    "fish/vendor_completions.d/pyremctl.fish": fish.completion,
    "man/man1/pyremctl.1": manual.page,
    "zsh/site-functions/_pyremctl": zsh.completion,
}


def main() -> None:
    """Write the files, or check them."""
    usage(__doc__)
    check = sys.argv[1:] == ["--check"]
    wrong = False
    for name, make in FILES.items():
        path, text = ROOT / "share" / name, make()
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            print(f"share/{name} is not what scripts/dev shell-files makes", file=sys.stderr)
            wrong = True
    sys.exit(wrong)
