"""Whose files are believed, with real owners and modes."""

import os
from pathlib import Path

import pytest

from photond.config import source
from photond.config.edit import replace_file
from photond.config.ownership import distrust
from photond.errors import ConfigError, IndexDatabaseError
from photond.store.lock import IndexLock
from tests.conftest import Command

NOBODY = 65534
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file.toml"
    path.write_text("")
    path.chmod(0o644)
    return path


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o644])
def test_what_the_user_alone_can_write_is_believed_whoever_reads_it(file, mode) -> None:
    file.chmod(mode)
    assert distrust(file) is None


def test_what_everybody_can_write_is_refused_with_the_remedy(file) -> None:
    file.chmod(0o666)
    found = distrust(file)
    assert found is not None
    assert found.reason == f"{file} can be written by everybody"
    assert found.remedy == f"Run: chmod go-w {file}"


@only_root
def test_a_group_of_others_may_not_write(file) -> None:
    os.chown(file, 0, NOBODY)
    file.chmod(0o664)
    found = distrust(file)
    assert found is not None
    assert "can be written by the group" in found.reason


@only_root
def test_what_belongs_to_another_user_is_refused(file) -> None:
    os.chown(file, NOBODY, NOBODY)
    with pytest.raises(ConfigError, match="and not to you") as raised:
        source.read(file)
    assert "sudo chown" in raised.value.remedy


def test_a_folder_in_which_everybody_can_replace_files_is_refused_unless_it_is_sticky(file) -> None:
    file.parent.chmod(0o777)
    found = distrust(file)
    assert found is not None
    assert "everybody can replace" in found.reason
    file.parent.chmod(0o1777)
    assert distrust(file) is None


def test_the_exit_code_says_what_is_refused(photond: Command, photos: Path) -> None:
    photond("index", photos)
    photond.database.chmod(0o666)
    assert "can be written by everybody" in photond("status", code=5).stderr
    findings = photond("doctor", "--json", code=1).json
    assert any("can be written by everybody" in one["detail"] for one in findings)
    photond.database.chmod(0o600)
    Path(f"{photond.database}-wal").write_bytes(b"")
    Path(f"{photond.database}-wal").chmod(0o666)
    photond("status", code=5)
    photond.config_file.parent.mkdir(parents=True)
    photond.config_file.write_text("")
    photond.config_file.chmod(0o666)
    assert "so it is not read" in photond("status", code=3).stderr


@pytest.fixture
def pack(photond: Command) -> Path:
    folder = photond.home / "data" / "photond" / "models" / "mine"
    folder.mkdir(parents=True, mode=0o755)
    return folder


def test_a_pack_that_others_can_write_is_refused_before_it_is_read(
    photond: Command, pack: Path
) -> None:
    (pack / "model.toml").write_text("")
    (pack / "model.toml").chmod(0o666)
    assert "can be written by everybody" in photond("models", "verify", "mine", code=4).stderr


def test_a_draft_is_not_written_through_a_link_that_lies_in_its_place(tmp_path: Path) -> None:
    target, victim = tmp_path / "config.toml", tmp_path / "victim"
    victim.write_text("kept")
    (tmp_path / f".config.toml.{os.getpid()}").symlink_to(victim)
    replace_file(target, "new")
    assert (target.read_text(), victim.read_text()) == ("new", "kept")


def test_a_lock_is_not_written_through_a_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    (tmp_path / "index.db.lock").symlink_to(victim)
    with pytest.raises(IndexDatabaseError, match="cannot be opened"):
        IndexLock(tmp_path / "index.db")
    assert victim.read_text() == "kept"
