"""Which libraries this copy of the package was built with."""

from typing import Literal, NamedTuple

from remctl import _remctl

__all__ = ["VERSION", "BuildInfo", "__version__", "build_info"]

__version__ = _remctl.__version__

#: The version of libremctl, like in the old binding.
VERSION = _remctl.VERSION


class BuildInfo(NamedTuple):
    """What the extension was built from.

    `flavour` is `"system"` (linked with the system's libremctl) or `"bundled"` (libremctl, MIT
    krb5 and keyutils inside the extension). A system build names the versions that it was
    compiled with; the shared libraries may have been updated since. None means unknown, or not
    part of this flavour.
    """

    version: str
    flavour: Literal["system", "bundled"]
    libremctl: str | None
    krb5: str | None
    keyutils: str | None
    pybind11: str
    compiler: str


def build_info() -> BuildInfo:
    """Which flavour of the package this is, and which library versions are inside.

    >>> remctl.build_info().flavour
    'bundled'
    """
    return BuildInfo(version=__version__, **_remctl.build_info())


BuildInfo.__module__ = build_info.__module__ = "remctl"
