"""The migrations: where they lie, which are applied, and applying the rest.

They stand in `migrations/` at the top of the project, one numbered file each, and travel in the wheel
as `photond/migrations/`. A migration never changes after its release.
"""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from photond.errors import IndexDatabaseError

if TYPE_CHECKING:
    from photond.store.database import Connection

MIGRATION_SET = "photond"
_APPLIED = "_sqlite_migrations"
_PACKAGE = Path(__file__).resolve().parents[1]


def migration_files() -> list[Path]:
    """The migrations in the order in which they are applied, from the wheel or from the checkout."""
    folders = (_PACKAGE / "migrations", _PACKAGE.parent / "migrations")
    found = next((folder for folder in folders if folder.is_dir()), None)
    if found is None:
        raise IndexDatabaseError("photond is installed without its migrations", "Install it again.")
    return sorted(found.glob("m[0-9]*.py"))


def is_current(connection: "Connection") -> bool:
    """Whether every migration has been applied.

    Asked with plain SQL, because importing sqlite-utils costs more than most commands take.

    Raises:
        IndexDatabaseError: The database has migrations that this version does not know, or is not
            photond's at all.
    """
    tables = {
        name
        for (name,) in connection.execute("select name from sqlite_master where type = 'table'")
    }
    applied: set[str] = set()
    if _APPLIED in tables:
        rows = connection.execute(
            f"select name from {_APPLIED} where migration_set = ?", (MIGRATION_SET,)
        )
        applied = {name for (name,) in rows}
    if not applied and tables - {_APPLIED}:
        raise IndexDatabaseError(
            "the index is the database of another program",
            "Look at `database` in the configuration, at PHOTOND_DATABASE, and for a -wal beside it "
            "that belongs to another file.",
        )
    known = {file.stem for file in migration_files()}
    if unknown := sorted(applied - known):
        raise IndexDatabaseError(
            f"the index was written by a newer photond (it has {unknown[-1]})",
            "Update photond, or use another index with PHOTOND_DATABASE.",
        )
    return applied == known


def migrate(connection: "Connection") -> None:
    """Apply the migrations that are missing.

    Args:
        connection: The index, in a transaction: a process that dies half-way leaves it as it was.
    """
    from sqlite_utils import Database, Migrations  # noqa: PLC0415 - see is_current

    migrations = Migrations(MIGRATION_SET)
    for file in migration_files():
        spec = importlib.util.spec_from_file_location(f"photond_migrations.{file.stem}", file)
        if spec is None or spec.loader is None:  # a file that ends in .py always has both
            raise IndexDatabaseError(f"the migration {file} cannot be loaded")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        migrations(name=file.stem)(getattr(module, file.stem))
    migrations.apply(Database(connection))
