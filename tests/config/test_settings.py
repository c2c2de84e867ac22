from pathlib import Path

import pytest

from photond.config import locations
from photond.config.settings import IndexSettings, Settings
from photond.errors import ConfigError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_home_and_variables_are_filled_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISK", "/mnt/disk")
    settings = Settings(folders=("~", "$DISK/a/../b", "${DISK}/./c/"))
    assert settings.folder_paths() == (home, Path("/mnt/disk/b"), Path("/mnt/disk/c"))


def test_folders_given_twice_or_inside_another_are_walked_once(tmp_path: Path) -> None:
    folders = ("/a/b", "/a", "/a/", "/ab", str(tmp_path), str(tmp_path / "x"))
    assert Settings(folders=folders).folder_paths() == (Path("/a"), Path("/ab"), tmp_path)


def test_a_hidden_folder_that_is_listed_is_not_lost_inside_another() -> None:
    folders = ("/a", "/a/.b/c")
    assert Settings(folders=folders).folder_paths() == (Path("/a"), Path("/a/.b/c"))
    index = IndexSettings(hidden=True)
    assert Settings(folders=folders, index=index).folder_paths() == (Path("/a"),)


def test_a_linked_folder_that_is_listed_is_not_lost_inside_another(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/link").symlink_to(tmp_path / "b")
    folders = (str(tmp_path / "a"), str(tmp_path / "a/link/c"))
    assert [path.name for path in Settings(folders=folders).folder_paths()] == ["a", "c"]
    index = IndexSettings(follow_symlinks=True)
    assert [path.name for path in Settings(folders=folders, index=index).folder_paths()] == ["a"]


def test_a_relative_folder_is_refused() -> None:
    with pytest.raises(ConfigError, match="not an absolute path"):
        Settings(folders=("Pictures",)).folder_paths()


def test_the_index_lies_among_the_data_or_where_the_user_wants_it(home: Path) -> None:
    assert Settings().database_path() == home / ".local/share/photond/index.db"
    assert Settings(database="~/i.db").database_path() == home / "i.db"


def test_locations_follow_the_environment_as_it_is_now(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert locations.config_file() == home / ".config/photond/config.toml"
    monkeypatch.setenv("XDG_CONFIG_HOME", "/x/config")
    monkeypatch.setenv("XDG_DATA_HOME", "/x/data")
    assert locations.config_file() == Path("/x/config/photond/config.toml")
    assert locations.data_dir() == Path("/x/data/photond")
    assert locations.models_dir() == Path("/x/data/photond/models")
    assert not Path("/x").exists()


def test_a_relative_xdg_variable_is_ignored(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "here")
    assert locations.data_dir() == home / ".local/share/photond"
