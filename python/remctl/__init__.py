"""Run single commands on remote hosts over Kerberos."""

from remctl import _remctl

__version__ = _remctl.__version__
