"""The low-level interface under the name that the old binding gave it."""

import sys

from remctl import _remctl

sys.modules[__name__] = _remctl
