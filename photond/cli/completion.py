"""What the shell may complete: tags, cameras, lenses and folders, as the index has them.

The index is only read, for a moment, and nothing is said where there is none or it is in use: who
presses Tab wants a word or nothing.
"""

import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from photond.store.database import Connection

_PATIENCE = 0.5  # seconds; what was found until then is offered
_STEPS = 10_000
"""After how many steps of SQLite's the time is looked at."""
_MOST = 200

# What bash takes for something else than a letter. The other shells see to that themselves.
_SPECIAL = re.compile(r"([^\w@%+=:,./~-])")

_LABELS = """
    select name from labels where
      exists (select 1 from tags where pack_id in (select id from packs) and label_id = labels.id)
      or id in (select label_id from user_tags where verdict = 'added')
    order by name
"""
_CAMERAS = "select distinct camera from contents where camera is not null"
_LENSES = "select distinct lens from contents where lens is not null"
_FOLDERS = "select path from folders order by path"


def complete_tag(context: typer.Context, incomplete: str) -> list[str]:
    """Tags that photos have; after a `!`, those that they are not to have."""
    negation = "!" if incomplete.startswith("!") else ""
    tags = _starting_with(_column(context, _LABELS), incomplete.removeprefix("!"))
    return _for_shell(negation + tag for tag in tags)


def complete_own_tag(context: typer.Context, incomplete: str) -> list[str]:
    """Tags that photos have, to be given to others or taken away."""
    return _for_shell(_starting_with(_column(context, _LABELS), incomplete))


def complete_camera(context: typer.Context, incomplete: str) -> list[str]:
    """Cameras that photos were taken with."""
    return _for_shell(_containing(_column(context, _CAMERAS), incomplete))


def complete_lens(context: typer.Context, incomplete: str) -> list[str]:
    """Lenses that photos were taken with."""
    return _for_shell(_containing(_column(context, _LENSES), incomplete))


def complete_folder(context: typer.Context, incomplete: str) -> list[str]:
    """Folders on disk, as a shell has them, and those of the index that go on or are named like this.

    So `/media/usb/20` finds folders of a disk that is not there, and `Lisb` finds
    `/home/ann/Pictures/2024/Lisbon`.
    """
    home = Path.home().as_posix()
    begun = re.sub(r"^~(?=/|$)", home, incomplete)
    found = [*_on_disk(begun), *_in_index(_column(context, _FOLDERS), begun)]
    if incomplete.startswith("~"):
        found = ["~" + path.removeprefix(home) for path in found]
    return _for_shell(dict.fromkeys(found))


def _on_disk(begun: str) -> Iterator[str]:
    """The folders whose path goes on where this one stops."""
    above, slash, name = begun.rpartition("/")
    try:
        with os.scandir(above + slash or ".") as entries:
            for entry in entries:
                is_shown = entry.name.startswith(name) and (name or not entry.name.startswith("."))
                if is_shown and entry.is_dir():
                    yield f"{above}{slash}{entry.name}/"
    except OSError:
        return


def _in_index(folders: Iterable[str], begun: str) -> Iterator[str]:
    """The folders of the index, down to the next slash; all of a path where only a name is asked for."""
    for folder in folders:
        if begun.startswith("/"):
            if folder.startswith(begun):
                yield begun + folder[len(begun) :].partition("/")[0] + "/"
        elif begun and "/" not in begun and folder.rpartition("/")[2].startswith(begun):
            yield folder + "/"


def _column(context: typer.Context, sql: str) -> Iterator[str]:
    """The texts that a query finds in the index, as far as it comes in time; none in case of doubt."""
    try:
        with _index(context) as connection:
            for (value,) in connection.execute(sql):
                if isinstance(value, str):
                    yield value
    except Exception:  # noqa: BLE001 - there is nobody to tell, and nothing that must be done
        return


@contextmanager
def _index(context: typer.Context) -> "Iterator[Connection]":
    from photond.config.load import load
    from photond.store.database import connect_read_only

    given = context.params.get("config") or context.find_root().params.get("config")
    database = load(given).database_path()
    with closing(connect_read_only(database, _PATIENCE)) as connection:
        until = time.monotonic() + _PATIENCE
        connection.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
        yield connection


def _starting_with(values: Iterable[str], begun: str) -> Iterator[str]:
    wanted = begun.casefold()
    return (value for value in values if value.casefold().startswith(wanted))


def _containing(values: Iterable[str], part: str) -> list[str]:
    """Values in which a text stands; those that begin with it first, as shells may know no others."""
    wanted = part.casefold()
    found = [value for value in values if wanted in value.casefold()]
    return sorted(found, key=lambda value: (not value.casefold().startswith(wanted), value))


class _Offered(str):
    r"""A word for a shell, whether it begins like what was typed or not.

    typer leaves out what does not. But `x-t` means `FUJIFILM X-T4`, and what bash is to put in the place
    of `our\ g` begins with a backslash where the text that was meant has none.
    """

    __slots__ = ()

    def startswith(self, *_what: object) -> bool:
        return True


def _for_shell(values: Iterable[str]) -> list[str]:
    # A line break would part a value in two, and no shell can be handed bytes that are no text.
    shown = islice((value for value in values if value.isprintable()), _MOST)
    if _is_bare_bash():
        return [_Offered(_SPECIAL.sub(r"\\\1", value)) for value in shown]
    return [_Offered(value) for value in shown]


def _is_bare_bash() -> bool:
    """Whether it is for bash to use as it is: not where the user has begun with a quotation mark."""
    words = os.environ.get("COMP_WORDS", "").splitlines() or [""]
    is_bash = os.environ.get("_PHOTOND_COMPLETE") == "complete_bash"
    return is_bash and not words[-1].startswith(("'", '"'))
