"""Writes settings as TOML: documented, for a file, or with their origins, for a look at them."""

import textwrap
from collections.abc import Iterator, Mapping

from photond.config.keys import Key, all_keys, table_docs, value_of
from photond.config.load import Origin
from photond.config.settings import Settings

# A newcomer's file should work as it is written: what to index is the one question with no default
# answer, so it is answered with the usual place, on the first line that one may want to change.
EXAMPLE = Settings(folders=("~/Pictures",))

_HEADER = """\
# The configuration of photond.
#
# A key that is commented out has the value that it would have anyway; remove the "# " to change it.
# Each can also be set by an environment variable: index.workers by PHOTOND_INDEX_WORKERS, and so on.
# `photond config check` tells whether this file is in order, `photond config show` what is in effect.
"""

_WIDTH = 100


def example() -> str:
    """The text of `config.example.toml`, which `photond config init` writes."""
    return render(EXAMPLE, commented=True)


def render(settings: Settings, *, commented: bool) -> str:
    """Documented TOML that loads as these settings.

    Args:
        settings: What it sets.
        commented: Whether keys that have their default value are commented out, so that they follow
            when a later version has a better default.
    """
    lines = [_HEADER.rstrip("\n")]
    for table, keys in _tables():
        if table:
            lines += ["", "", f"# {table_docs()[table]}", f"[{table}]"]
        for key in keys:
            value = value_of(settings, key)
            off = "# " if commented and value == key.default else ""
            lines += ["", *_comment(key), f"{off}{key.name} = {_toml(value)}"]
    return "\n".join(lines) + "\n"


def render_origins(settings: Settings, origins: Mapping[str, Origin]) -> str:
    """TOML that loads as these settings, with a comment on each key that says where it came from."""
    lines: list[str] = []
    for table, keys in _tables():
        if table:
            lines += ["", f"[{table}]"]
        for key in keys:
            value = _toml(value_of(settings, key))
            lines.append(f"{key.name} = {value}  # {origins[key.dotted]}")
    return "\n".join(lines) + "\n"


def _tables() -> Iterator[tuple[str, list[Key]]]:
    for table in ("", *table_docs()):
        yield table, [key for key in all_keys().values() if key.table == table]


def _comment(key: Key) -> list[str]:
    """What a key means and, where it has limits, what it takes, as comment lines."""
    takes = f" {key.expected[0].upper()}{key.expected[1:]}." if key.is_limited else ""
    return textwrap.wrap(
        key.description + takes,
        _WIDTH,
        initial_indent="# ",
        subsequent_indent="# ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _toml(value: object) -> str:
    """A value as TOML writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case str():
            return f'"{"".join(map(_escaped, value))}"'
        case _:
            return repr(value)


def _escaped(char: str) -> str:
    """A character as it stands in a basic string.

    A byte of a path that is not UTF-8 cannot be written in TOML at all; it becomes U+FFFD, so that
    the settings can at least be shown.
    """
    if char in '"\\':
        return f"\\{char}"
    if "\ud800" <= char <= "\udfff":
        return "\ufffd"
    if char.isprintable():
        return char
    return f"\\U{ord(char):08x}"
