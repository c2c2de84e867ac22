"""Whether two processes mean the same settings, told without reading them."""

import os
import time
from pathlib import Path

import pytest

from photond.config.fingerprint import fingerprint


@pytest.fixture
def file(tmp_path: Path, monkeypatch) -> Path:
    """The usual configuration file, of a home with nothing else in it."""
    for name in [name for name in os.environ if name.startswith(("PHOTOND_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / ".config" / "photond" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("[query]\nlimit = 3\n")
    return file


def test_it_stays_while_nothing_changes_and_does_not_care_how_the_file_is_named(
    file, tmp_path, monkeypatch
) -> None:
    usual = fingerprint()
    assert usual == fingerprint()
    assert usual == fingerprint(file)
    monkeypatch.chdir(file.parent)
    assert usual == fingerprint(Path("config.toml"))
    monkeypatch.setenv("PHOTOND_CONFIG", "~/.config/photond/config.toml")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / ".local" / "share"))
    monkeypatch.setenv("EDITOR", "ed")
    assert usual == fingerprint()


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize(
    "variable", ["PHOTOND_QUERY_LIMIT", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "HOME"]
)
def test_what_the_environment_says_counts(variable, monkeypatch, tmp_path) -> None:
    before = fingerprint()
    monkeypatch.setenv(variable, str(tmp_path / "9"))
    assert fingerprint() not in {before, None}


def test_an_edited_file_counts_even_with_the_size_and_time_that_it_had(file) -> None:
    before, status = fingerprint(), file.stat()
    time.sleep(0.05)  # longer than the kernel's clock stands still
    file.write_text("[query]\nlimit = 4\n")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert fingerprint() != before


def test_a_file_put_in_the_place_of_another_counts_even_with_its_size_and_time(file) -> None:
    before, status = fingerprint(), file.stat()
    other = file.with_suffix(".new")
    other.write_text("[query]\nlimit = 4\n")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.rename(file)
    assert fingerprint() != before


def test_the_usual_file_may_be_missing_and_one_that_is_named_may_not(file, monkeypatch) -> None:
    before = fingerprint()
    file.unlink()
    assert fingerprint() not in {before, None}
    assert fingerprint(file) is None
    monkeypatch.setenv("PHOTOND_CONFIG", str(file))
    assert fingerprint() is None


def test_a_file_that_cannot_be_looked_at_has_none(file) -> None:
    assert fingerprint(file / "inside") is None
    assert fingerprint(Path("a\0b")) is None
