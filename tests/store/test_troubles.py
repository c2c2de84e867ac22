"""What is said when SQLite fails, and whether it is worth trying again."""

from pathlib import Path

import pytest
import sqlean.dbapi2

from photond.errors import IndexDatabaseError, IndexUnavailableError
from photond.store.database import explained


@pytest.mark.parametrize(
    "reason", ["database is locked", "database or disk is full", "disk I/O error"]
)
def test_what_may_pass_by_itself_is_told_apart_from_damage(reason: str) -> None:
    with pytest.raises(IndexUnavailableError), explained(Path("index.db")):
        raise sqlean.dbapi2.OperationalError(reason)


def test_damage_does_not_pass_by_itself() -> None:
    with pytest.raises(IndexDatabaseError) as raised, explained(Path("index.db")):
        raise sqlean.dbapi2.DatabaseError("database disk image is malformed")
    assert not isinstance(raised.value, IndexUnavailableError)
    assert "Restore a backup" in raised.value.remedy


def test_damage_that_sqlite_quotes_in_bytes_that_are_no_text_is_damage() -> None:
    with pytest.raises(IndexDatabaseError, match="is damaged"), explained(Path("index.db")):
        b"malformed database schema (\x90)".decode()
