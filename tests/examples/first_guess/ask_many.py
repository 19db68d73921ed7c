"""The same question to many hosts, which are written with their ports."""

import sys

import remctl

inventory = [f"{sys.argv[1]}:{sys.argv[2]}", "127.0.0.1:1"]
hosts = [remctl.Target.parse(text) for text in inventory]
for outcome in sorted(remctl.run_many(hosts, ["test", "hello"]), key=lambda one: one.host):
    if outcome.error is None:
        print(outcome.host, outcome.status, outcome.stdout, outcome.result.text.strip())
    else:
        print(outcome.host, outcome.error.kind, outcome.status)
