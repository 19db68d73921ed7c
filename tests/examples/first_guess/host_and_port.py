"""A host with a port as a str: what is to be written is said."""

import sys

import remctl

(outcome,) = remctl.run_many([f"nohost.invalid:{sys.argv[2]}"], ["test", "hello"])
assert outcome.error is not None
print(outcome.error.kind)
print(str(outcome.error).partition(" (")[2][:-1])
