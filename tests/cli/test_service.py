"""`photond service`, with programs in place of systemctl and loginctl that note what they are told."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Command

FAKE = """#!/bin/sh
echo "$(basename "$0") $*" >> "{log}"
case "$*" in
  {failing}*) echo "it is not possible." >&2; exit 1;;
  *"--property=Version"*) echo 257;;
  *"--property=Linger"*) cat "{linger}";;
  "enable-linger") echo yes > "{linger}";;
  "disable-linger") echo no > "{linger}";;
  *"show photond.service"*) cat "{state}";;
esac
"""


@dataclass(frozen=True)
class Systemd:
    """The two programs, and what they say."""

    folder: Path
    environ: dict[str, str]

    @property
    def told(self) -> list[str]:
        """What they were told since this was asked last, without questions."""
        log = self.folder / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [line for line in lines if " show" not in line]

    def set_state(self, **state: str) -> None:
        (self.folder / "state").write_text(
            "".join(f"{name}={value}\n" for name, value in state.items())
        )

    def fail_at(self, arguments: str = "nothing") -> None:
        for name in ("systemctl", "loginctl"):
            program = self.folder / name
            files = {one: self.folder / one for one in ("log", "linger", "state")}
            program.write_text(FAKE.format(failing=f'"{arguments}"', **files))
            program.chmod(0o755)


@pytest.fixture
def systemd(tmp_path: Path) -> Systemd:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "linger").write_text("no\n")
    fake = Systemd(folder, {"PATH": f"{folder}:{os.environ['PATH']}"})
    fake.fail_at()
    fake.set_state(LoadState="loaded", ActiveState="active", UnitFileState="enabled")
    return fake


def unit_file(photond: Command) -> Path:
    return photond.home / "config" / "systemd" / "user" / "photond.service"


def configured(photond: Command, text: str = 'folders = ["~/Pictures"]\n') -> None:
    photond.config_file.parent.mkdir(parents=True)
    photond.config_file.write_text(text)


INSTALLED = [
    "systemctl --user daemon-reload",
    "systemctl --user enable photond.service",
    "systemctl --user restart photond.service",
]


def test_installing_writes_the_unit_and_has_systemd_start_it(photond, systemd) -> None:
    configured(photond)
    run = photond("service", "install", **systemd.environ)
    assert systemd.told == INSTALLED
    assert "is written and runs" in run.stdout
    assert "--linger" in run.stdout
    text = unit_file(photond).read_text()
    data = photond.home / "data" / "photond"
    assert f'ReadWritePaths="-{data}"' in text
    assert data.is_dir()
    # The daemon must find its files where the command does.
    assert f'Environment="XDG_DATA_HOME={photond.home / "data"}"' in text
    (program,) = re.findall(r'^ExecStart="([^"]+)"', text, re.MULTILINE)
    assert os.access(program, os.X_OK)
    assert photond("service", "install", "--dry-run", **systemd.environ).stdout == text
    assert systemd.told == []


def test_the_unit_starts_the_photond_that_wrote_it(photond, systemd, tmp_path) -> None:
    """As with pipx and uv: a link in one folder to a program in another."""
    configured(photond)
    for folder in ("venv/bin", "local bin"):
        (tmp_path / folder).mkdir(parents=True)
    program = tmp_path / "venv" / "bin" / "photond"
    program.write_text(f"#!{sys.executable}\nfrom photond.__main__ import main\nmain()\n")
    program.chmod(0o755)
    link = tmp_path / "local bin" / "photond"
    link.symlink_to(program)
    done = subprocess.run(
        [link, "--config", photond.config_file, "service", "install", "--dry-run"],
        env=photond.environ | systemd.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f'ExecStart="{link}" "run" "--config" "{photond.config_file}"\n' in done.stdout


def test_a_database_elsewhere_is_writable_for_the_service(photond, systemd, tmp_path) -> None:
    configured(photond, f'folders = ["~/P"]\ndatabase = "{tmp_path}/100% mine/i.db"\n')
    photond("service", "install", **systemd.environ)
    assert f'ReadWritePaths="-{tmp_path}/100%% mine"' in unit_file(photond).read_text()


def test_uninstalling_undoes_what_installing_did(photond, systemd) -> None:
    configured(photond)
    photond("service", "install", "--linger", **systemd.environ)
    assert systemd.told == ["loginctl enable-linger", *INSTALLED]
    photond("service", "install", **systemd.environ)
    assert systemd.told == INSTALLED
    run = photond("service", "uninstall", **systemd.environ)
    assert systemd.told == [
        "systemctl --user disable --now photond.service",
        "systemctl --user daemon-reload",
        "loginctl disable-linger",
    ]
    assert "is off again" in run.stdout
    assert not unit_file(photond).exists()
    assert list(unit_file(photond).parent.iterdir()) == []
    systemd.set_state(LoadState="not-found", ActiveState="inactive")
    assert "not installed" in photond("service", "uninstall", code=1, **systemd.environ).stderr
    assert systemd.told == []


def test_lingering_that_was_on_before_stays_on(photond, systemd) -> None:
    configured(photond)
    (systemd.folder / "linger").write_text("yes\n")
    run = photond("service", "install", "--linger", **systemd.environ)
    assert "--linger" not in run.stdout
    photond("service", "uninstall", **systemd.environ)
    assert not any("linger" in told for told in systemd.told)


def test_the_timer_of_before_is_replaced(photond, systemd) -> None:
    configured(photond)
    folder = unit_file(photond).parent
    folder.mkdir(parents=True)
    for name in ("photond-index.timer", "photond-index.service"):
        (folder / name).write_text("[Unit]\n")
    run = photond("service", "install", **systemd.environ)
    assert systemd.told[:2] == [
        "systemctl --user disable --now photond-index.timer",
        "systemctl --user disable --now photond-index.service",
    ]
    assert "photond-index.timer is removed" in run.stdout
    assert [file.name for file in folder.iterdir()] == ["photond.service"]


def test_status_tells_how_systemd_sees_it(photond, systemd) -> None:
    configured(photond)
    status = ["service", "status"]
    assert "not installed" in photond(*status, code=1, **systemd.environ).stdout
    photond("service", "install", **systemd.environ)
    systemd.set_state(
        ActiveState="active", UnitFileState="enabled", StatusText="waiting for photos", MainPID="7"
    )
    shown = photond(*status, **systemd.environ).stdout
    assert "active    active: waiting for photos" in shown
    assert "linger    no" in shown
    said = photond(*status, "--json", **systemd.environ).json
    assert (said["up_to_date"], said["enabled"], said["pid"]) == (True, True, 7)

    moved = photond(*status, code=1, PHOTOND_DATABASE="/elsewhere/i.db", **systemd.environ)
    assert "not what `photond service install` would write" in moved.stdout
    systemd.set_state(
        ActiveState="failed", Result="watchdog", NRestarts="5", UnitFileState="enabled"
    )
    shown = photond(*status, code=1, **systemd.environ).stdout
    assert "ended by  watchdog. The journal says why" in shown
    assert "restarts  5" in shown


def test_a_daemon_that_does_not_start_is_said_with_where_to_look(photond, systemd) -> None:
    configured(photond)
    systemd.fail_at("--user restart")
    run = photond("service", "install", code=1, **systemd.environ)
    assert "restart photond.service: it is not possible. The journal says why: jour" in run.stderr


def test_without_systemd_it_is_said_and_nothing_is_written(photond, tmp_path) -> None:
    configured(photond)
    (tmp_path / "empty").mkdir()
    run = photond("service", "install", code=1, PATH=str(tmp_path / "empty"))
    assert run.stderr.startswith("photond: there is no systemd on this machine. Have `photond run`")
    assert not unit_file(photond).exists()


def test_a_systemd_that_cannot_be_reached_is_said_and_nothing_is_written(photond, systemd) -> None:
    configured(photond)
    systemd.fail_at("--user show --property=Version")
    run = photond("service", "install", code=1, **systemd.environ)
    assert "your systemd cannot be reached" in run.stderr
    assert not unit_file(photond).exists()


def test_without_folders_there_is_nothing_to_install(photond, systemd) -> None:
    run = photond("service", "install", code=2, **systemd.environ)
    assert "there is no folder to watch" in run.stderr
    assert systemd.told == []


def test_what_is_installed_passes_systemds_own_check(photond, systemd) -> None:
    if (analyze := shutil.which("systemd-analyze")) is None:
        pytest.skip("no systemd here")
    configured(photond)
    photond("service", "install", "--linger", PHOTOND_QUERY_LIMIT="7", **systemd.environ)
    done = subprocess.run(
        [analyze, "verify", "--user", "--man=no", unit_file(photond)],
        capture_output=True,
        text=True,
        check=False,
        env=photond.environ | {"XDG_RUNTIME_DIR": str(photond.home)},
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
