"""Changing one key of a file that belongs to the user."""

from pathlib import Path

import pytest

from photond.config.edit import set_key
from photond.config.load import load
from photond.errors import ConfigError

KEY = ("model", "pack")


def test_everything_else_in_the_file_stays_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    text = (
        '# mine\nfolders = ["/a"]  # here\n\n[model]\npack = "mini" # small\n[index]\nworkers=2\n'
    )
    file.write_text(text)
    file.chmod(0o600)
    set_key(file, KEY, "siglip")
    assert file.read_text() == text.replace('"mini"', '"siglip"')
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["config.toml"]


@pytest.mark.parametrize(
    "text", [None, "", "folders = []\n", "\ufeff[model]\n", "[index]\nworkers = 2"]
)
def test_the_key_is_added_where_it_is_lacking(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "deep" / "config.toml"
    if text is not None:
        file.parent.mkdir()
        file.write_text(text)
    set_key(file, KEY, "siglip")
    assert load(file, {}).model.pack == "siglip"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_text("folders = []\n")
    link = tmp_path / "config.toml"
    link.symlink_to(real)
    set_key(link, KEY, "siglip")
    assert link.is_symlink()
    assert 'pack = "siglip"' in real.read_text()


@pytest.mark.parametrize("text", [b"[model", b"\xff\xfe"])
def test_a_file_that_is_not_toml_is_left_alone(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(text)
    with pytest.raises(ConfigError, match="not valid TOML"):
        set_key(file, KEY, "siglip")
    assert file.read_bytes() == text
