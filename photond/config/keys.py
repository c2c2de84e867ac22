"""The keys of the configuration as a flat list, each with its type, limits, default and meaning."""

import functools
import types
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from photond.config.locations import ENVIRONMENT_PREFIX
from photond.config.settings import Settings

_WIDEST = 63  # bits, of what databases and clocks can hold


@dataclass(frozen=True, slots=True)
class Key:
    """One thing that can be set.

    Args:
        table: The table that it stands in; empty at the top level.
        name: Its name in that table.
        annotation: Its type with its limits, as msgspec reads it.
        default: Its value where nothing sets it.
        meta: What it means, and its limits.
    """

    table: str
    name: str
    annotation: Any
    default: object
    meta: msgspec.Meta

    @property
    def path(self) -> tuple[str, ...]:
        """The names that lead to it in a TOML document."""
        return (self.table, self.name) if self.table else (self.name,)

    @property
    def dotted(self) -> str:
        """`index.workers`, as errors name it."""
        return ".".join(self.path)

    @property
    def variable(self) -> str:
        """`PHOTOND_INDEX_WORKERS`, the environment variable that sets it."""
        return ENVIRONMENT_PREFIX + self.dotted.replace(".", "_").upper()

    @property
    def description(self) -> str:
        """What it means, in one or two sentences; empty is a mistake that a test finds."""
        return self.meta.description or ""

    @property
    def type(self) -> Any:  # noqa: ANN401 - a type expression has no type of its own
        """Its type without the limits."""
        return get_args(self.annotation)[0]

    @property
    def is_list(self) -> bool:
        return get_origin(self.type) is tuple

    @property
    def is_limited(self) -> bool:
        """Whether it takes less than its type can hold."""
        return self.meta.ge is not None or get_origin(self.type) is Literal

    @property
    def expected(self) -> str:
        """What it takes, to follow "must be"."""
        if self.is_list:
            return "a list of non-empty strings"
        if get_origin(self.type) is Literal:
            *others, last = (f'"{choice}"' for choice in get_args(self.type))
            return f"{', '.join(others)} or {last}"
        noun = {
            bool: "true or false",
            int: "an integer",
            float: "a number",
            str: "a non-empty string" if self.meta.min_length else "a string",
        }[self.type]
        least, most = self.meta.ge, self.meta.le
        if least is not None and most is not None:
            return f"{noun} from {least:g} to {most:g}"
        return noun if least is None else f"{noun} of at least {least:g}"

    def convert(self, value: object) -> object:
        """Checks a value as TOML gives it against type and limits.

        Raises:
            ValueError: The value is not what the key takes.
        """
        converted: object = msgspec.convert(value, self.annotation)
        if isinstance(converted, int) and converted.bit_length() > _WIDEST:
            raise ValueError("no limit or count is that large")
        return converted


def _keys(struct: type[msgspec.Struct], table: str) -> list[Key]:
    found: list[Key] = []
    hints = get_type_hints(struct, include_extras=True)
    for field in msgspec.structs.fields(struct):
        annotation = hints[field.name]
        if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
            found += _keys(annotation, field.name)
            continue
        meta = next(
            (extra for extra in get_args(annotation)[1:] if isinstance(extra, msgspec.Meta)),
            msgspec.Meta(),
        )
        found.append(
            Key(
                table=table,
                name=field.name,
                annotation=annotation,
                default=field.default,
                meta=meta,
            )
        )
    return found


@functools.cache
def all_keys() -> types.MappingProxyType[str, Key]:
    """Every key by its dotted name, in the order in which they are documented."""
    return types.MappingProxyType({key.dotted: key for key in _keys(Settings, "")})


@functools.cache
def table_docs() -> types.MappingProxyType[str, str]:
    """What each table is about, by its name; the top level is not among them."""
    hints = get_type_hints(Settings)
    return types.MappingProxyType(
        {
            field.name: (hints[field.name].__doc__ or "").strip()
            for field in msgspec.structs.fields(Settings)
            if isinstance(hints[field.name], type) and issubclass(hints[field.name], msgspec.Struct)
        }
    )


def value_of(settings: Settings, key: Key) -> object:
    """What the settings hold for a key."""
    holder = getattr(settings, key.table) if key.table else settings
    value: object = getattr(holder, key.name)
    return value


def build(values: dict[str, object]) -> Settings:
    """Settings with these values by dotted name, and the defaults for all others."""
    tables: dict[str, dict[str, object]] = {}
    for dotted, value in values.items():
        key = all_keys()[dotted]
        tables.setdefault(key.table, {})[key.name] = value
    top = tables.pop("", {})
    kinds = get_type_hints(Settings)
    nested = {table: kinds[table](**content) for table, content in tables.items()}
    return Settings(**top, **nested)  # type: ignore[arg-type]  # each was converted to its key's type
