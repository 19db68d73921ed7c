"""The fixtures, one family to a module."""

import signal

# A shell that starts the tests in the background has them ignore Ctrl-C, and all that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = [
    "tests.fix_ci",
    "tests.fix_restless",
    "tests.fix_logged",
    "tests.fix_realm",
    "tests.fix_fake",
    "tests.fix_protocol1",
    "tests.fix_hostile",
    "tests.fix_network",
    "tests.fix_wan",
    "tests.fix_waits",
    "tests.fix_fleet",
    "tests.fix_many",
    "tests.fix_pools",
]
