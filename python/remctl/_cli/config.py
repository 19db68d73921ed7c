"""Defaults for runs on many hosts: from the environment, the user's file and the system's file."""

from __future__ import annotations

import configparser
import os

from remctl._cli.options import OPTIONS
from remctl._cli.values import CONVERT, Misuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from remctl._cli.parse import Options

#: The system's file; the user's file has the same name below ~/.config.
MACHINE_FILE = "/etc/pyremctl/config.ini"

PREFIX = "PYREMCTL_"

# The settings: the name in the files, and the option that it is the default of.
_SETTINGS = {
    "port": "-p",
    "principal": "-s",
    "limit": "--limit",
    "timeout": "--timeout",
    "connect-timeout": "--connect-timeout",
    "retries": "--retries",
    "keytab": "--keytab",
    "ccache": "--ccache",
}

# Two ways to choose the client: if one is set, no default is taken for the other.
_IDENTITY = ("keytab", "ccache")


def configure(options: Options) -> list[str]:
    """Set the options that the command line does not set. Returns a line for each, with its source.

    Raises Misuse, which names the source, for an unknown setting and an invalid value.
    """
    kinds = {option.spelling: option for option in OPTIONS}
    said = []
    for where, settings in _sources():
        found = {name: text for name, text in settings.items() if not _is_set(options, name)}
        if all(name in found for name in _IDENTITY):
            raise Misuse(f"{where}: {' and '.join(_IDENTITY)} do not go together")
        for name, text in found.items():
            option = kinds[_SETTINGS[name]]
            path = os.path.expanduser(text) if name == "keytab" else text
            try:
                value = CONVERT[option.kind](option, path)
            except Misuse as misuse:
                # For the port in the words of the program remctl, which have a number.
                what = f"{name} {text!r}" if name == "port" else name
                raise Misuse(f"{where}: {what}: {misuse}") from None
            attribute = name.replace("-", "_")
            setattr(options, attribute, value)
            options.given.add(attribute)
            said.append(f"{name} {path}, from {where}")
    return said


def _is_set(options: Options, name: str) -> bool:
    """Whether the command line, or an earlier source, has set it."""
    names = _IDENTITY if name in _IDENTITY else (name,)
    return any(one.replace("-", "_") in options.given for one in names)


def _sources() -> Iterator[tuple[str, Mapping[str, str]]]:
    """The sources with their settings, by priority."""
    for name in _SETTINGS:
        variable = PREFIX + name.replace("-", "_").upper()
        if text := os.environ.get(variable):
            yield variable, {name: text}
    home = os.environ.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(home):
        home = os.path.expanduser("~/.config")
    for path in (os.path.join(home, "pyremctl", "config.ini"), MACHINE_FILE):
        yield path, _read(path)


def _read(path: str) -> Mapping[str, str]:
    """The settings of a file; empty if there is no file."""
    parser = configparser.RawConfigParser()
    parser.optionxform = _name  # type: ignore[assignment]
    try:
        with open(path, encoding="utf-8-sig", errors="surrogateescape") as file:
            text = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise Misuse(f"cannot read {path}: {error.strerror}") from None
    try:
        parser.read_string(text, path)
    except configparser.Error as error:
        raise Misuse(" ".join(str(error).split())) from None
    # Section names do not matter.
    settings = dict(parser.defaults())
    for section in parser.sections():
        settings.update(parser.items(section))
    for name in settings:
        if name not in _SETTINGS:
            raise Misuse(f"{path}: unknown setting {name!r}")
    return settings


def _name(text: str) -> str:
    return text.lower().replace("_", "-")
