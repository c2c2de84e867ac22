"""Which searches the daemon answers, and which it leaves to whoever asks."""

import pytest

from photond.config.settings import QuerySettings, Settings
from photond.daemon.protocol import QueryRequest
from photond.daemon.searching import DaemonSearches
from photond.errors import ConfigError, UsageError
from tests.conftest import Command

MINE = "as it is"


@pytest.fixture
def searches(indexed_samples: Command) -> DaemonSearches:
    return DaemonSearches(settings(indexed_samples), MINE, indexed_samples.database)


def settings(command: Command, limit: int = 3) -> Settings:
    return Settings(database=str(command.database), query=QuerySettings(limit))


def query(limit: int | None = None, **means: str) -> QueryRequest:
    return QueryRequest(text="a cat", limit=limit, **means)


def test_who_means_the_same_configuration_is_answered_by_its_limit(searches) -> None:
    assert len(searches.query(query(configuration=MINE)).photos) == 3
    assert len(searches.query(query(configuration=MINE, limit=2)).photos) == 2


def test_who_names_index_and_pack_is_answered_whatever_the_configuration(
    searches, indexed_samples
) -> None:
    means = {"database": str(indexed_samples.database), "pack": "mini"}
    assert len(searches.query(query(**means, limit=2)).photos) == 2
    with pytest.raises(UsageError, match="with the pack 'mini'"):
        searches.query(query(**means | {"pack": "other"}))
    with pytest.raises(UsageError, match="/other"):
        searches.query(query(**means | {"database": "/other.db"}))
    with pytest.raises(UsageError):
        searches.query(query())


def test_who_means_another_configuration_is_refused(searches, indexed_samples) -> None:
    with pytest.raises(ConfigError, match="another configuration"):
        searches.query(query(configuration="another"))
    searches.use(settings(indexed_samples, limit=4), "another")
    assert len(searches.query(query(configuration="another")).photos) == 4
    with pytest.raises(ConfigError):
        searches.query(query(configuration=MINE))


def test_a_configuration_that_means_another_index_from_now_on_is_refused_until_the_restart(
    searches,
) -> None:
    searches.use(Settings(database="/other.db"), "another")
    with pytest.raises(ConfigError):
        searches.query(query(configuration="another"))


def test_where_the_index_depends_on_the_environment_a_configuration_does_not_name_it(
    searches, indexed_samples, monkeypatch
) -> None:
    database = indexed_samples.database
    monkeypatch.setenv("PLACE", str(database.parent))
    searches.use(Settings(database=f"$PLACE/{database.name}"), MINE)
    with pytest.raises(ConfigError):
        searches.query(query(configuration=MINE))
