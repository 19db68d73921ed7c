"""Commands of a remctld, written in Python: a function is a subcommand.

    #!/usr/bin/python3 -I
    from remctl.backend import Annotated, Backend, Match, Secret, Stdin, remote

    accounts = Backend("accounts", "Accounts of this machine:", acl="file:/etc/remctl/acl/helpdesk")

    @accounts.command
    def create(name: Annotated[str, Match("[a-z][a-z0-9]*")], *, shell: str = "/bin/sh") -> None:
        "Make an account."
        print(f"{remote.user} has made {name}")

    if __name__ == "__main__":
        accounts.main()

`accounts --conf` prints the lines for `remctld.conf`, and then `remctl HOST accounts create
alice` calls the function. It is the counterpart of Perl's Net::Remctl::Backend.

remctld starts a new process for each command, so this loads quickly: it loads neither libremctl
nor Kerberos, nor `typing` and `inspect`, and `re` only if an argument is matched.
"""

from remctl.backend._backend import Backend, Group
from remctl.backend._errors import BackendError, UsageError
from remctl.backend._marks import Annotated, Count, Literal, Match, Secret, Short, Stdin
from remctl.backend._remote import Remote, remote

__all__ = [
    "Annotated",
    "Backend",
    "BackendError",
    "Count",
    "Group",
    "Literal",
    "Match",
    "Remote",
    "Secret",
    "Short",
    "Stdin",
    "UsageError",
    "remote",
]

for _name in ("Backend", "BackendError", "Group", "Match", "Remote", "Short", "UsageError"):
    globals()[_name].__module__ = __name__
del _name
