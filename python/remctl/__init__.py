"""Run single commands on remote hosts over Kerberos."""

from remctl import _remctl
from remctl._build_info import BuildInfo, build_info

__all__ = ["BuildInfo", "build_info"]

__version__ = _remctl.__version__
