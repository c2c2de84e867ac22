"""What the configuration file and the environment each set, checked key by key."""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from photond.config.keys import Key, all_keys, table_docs
from photond.config.locations import ENVIRONMENT_PREFIX, FILE_VARIABLE
from photond.config.settings import absolute_path
from photond.config.source import Source
from photond.config.wording import described, nearest, quoted
from photond.errors import ConfigError
from photond.printable import printable

_PATHS = ("folders", "database")


@dataclass(frozen=True, slots=True)
class Layer:
    """What one place sets.

    Args:
        values: The values that are in order, by dotted name.
        problems: What is not in order, one line each.
    """

    values: dict[str, object] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def take(self, key: Key, value: object, place: str) -> None:
        """Keeps a value, or the reason why it cannot be."""
        try:
            converted = key.convert(value)
            _check_text(key, converted)
        except ConfigError as error:
            self.problems.append(f"{place}: {key.dotted}: {error.message}")
        except (ValueError, msgspec.ValidationError):
            self.problems.append(
                f"{place}: {key.dotted} must be {key.expected}, {_got(key, value)}"
            )
        else:
            self.values[key.dotted] = converted


def from_file(source: Source) -> Layer:
    """What a configuration file sets."""
    layer = Layer()
    for path, value in _flat(source.data):
        key = all_keys().get(".".join(path))
        if key is not None and key.path == path:
            layer.take(key, value, source.place(*path))
        elif path[0] in table_docs() and len(path) == 1:
            layer.problems.append(
                f"{source.place(*path)}: {path[0]} must be a table, not {described(value)}"
            )
        else:
            layer.problems.append(f"{source.place(*path)}: {_unknown(path, value)}")
    return layer


def from_environment(environ: Mapping[str, str]) -> Layer:
    """What the `PHOTOND_*` variables set."""
    layer = Layer()
    variables = {key.variable: key for key in all_keys().values()}
    for name in sorted(environ):
        if not name.startswith(ENVIRONMENT_PREFIX) or name == FILE_VARIABLE:
            continue
        if name in variables:
            layer.take(variables[name], _parsed(variables[name], environ[name]), name)
        else:
            suffixes = {_suffix(variable).lower(): variable for variable in variables}
            meant = nearest(_suffix(name), suffixes)
            hint = f"; did you mean {suffixes[meant]}?" if meant else ""
            layer.problems.append(f"{printable(name)}: unknown variable{hint}")
    return layer


def _flat(data: Mapping[str, object]) -> Iterator[tuple[tuple[str, ...], object]]:
    """Keys with their values; a table that should not be there counts as one."""
    for name, value in data.items():
        if name in table_docs() and isinstance(value, dict):
            for inner, inner_value in value.items():
                yield (name, inner), inner_value
        else:
            yield (name,), value


def _unknown(path: tuple[str, ...], value: object) -> str:
    """Names what there is no such thing as, and what was probably meant."""
    dotted = ".".join(path)
    meant: str | None
    if isinstance(value, dict):
        kind, meant = "table", nearest(path[0], table_docs()) if len(path) == 1 else None
    else:
        kind, names = "key", {key.name: dotted for dotted, key in all_keys().items()}
        meant = names.get(path[-1]) or nearest(dotted, all_keys())
        if meant is None and (name := nearest(path[-1], names)):
            meant = names[name]
    hint = f'; did you mean "{meant}"?' if meant and meant != dotted else ""
    return f"unknown {kind} {quoted(dotted)}{hint}"


def _got(key: Key, value: object) -> str:
    """What stands in place of what a key takes."""
    if key.is_list and isinstance(value, list):
        wrong = next((entry for entry in value if not isinstance(entry, str) or not entry), "")
        return f"but holds {described(wrong)}"
    return f"not {described(value)}"


def _check_text(key: Key, value: object) -> None:
    """Refuses strings that have the right type and can still not work.

    Raises:
        ConfigError: No such path or name can exist.
    """
    for text in value if isinstance(value, tuple) else (value,):
        if not isinstance(text, str) or not text:
            continue
        if "\0" in text:
            raise ConfigError(f"{quoted(text)} holds a NUL character")
        if key.dotted in _PATHS:
            absolute_path(text)


def _parsed(key: Key, text: str) -> object:
    """Reads a variable as TOML where that gives what the key takes, else as it stands."""
    try:
        document = tomllib.loads(f"value = {text}")
        key.convert(document["value"])
    except (ValueError, RecursionError):
        pass
    else:
        if len(document) == 1:
            return document["value"]
    if key.is_list:
        return [entry for entry in text.split(os.pathsep) if entry]
    return text


def _suffix(variable: str) -> str:
    return variable.removeprefix(ENVIRONMENT_PREFIX)
