"""`photond doctor`: what it says of the place where the daemon is asked, and of the service."""

import getpass
import json
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from photond.daemon import systemd as our_systemd
from photond.daemon.systemd import lingers
from photond.imaging.confine import has_landlock
from photond.store import packs
from photond.store.copying import WORTH_A_FILE
from photond.store.database import open_index, transaction
from tests import without_landlock
from tests.cli.test_disks import namespaces_work
from tests.cli.test_service import Systemd, systemd, unit_file
from tests.store.conftest import DIMENSION, add_photo

__all__ = ["systemd"]  # a fixture


def said(photond, subject: str, **environ: str) -> dict[str, str]:
    findings = photond("doctor", "--json", code=None, **environ).json
    (finding,) = [one for one in findings if one["subject"] == subject]
    return finding


def test_linger_is_spoken_of_where_the_service_is_installed(photond, systemd: Systemd) -> None:
    findings = photond("doctor", "--json", code=None, **systemd.environ).json
    assert "service" not in [one["subject"] for one in findings]
    unit_file(photond).parent.mkdir(parents=True)
    unit_file(photond).touch()
    finding = said(photond, "service", **systemd.environ)
    assert finding["verdict"] == "warning"
    assert finding["remedy"] == "Run: loginctl enable-linger"
    (systemd.folder / "linger").write_text("yes\n")
    assert said(photond, "service", **systemd.environ)["verdict"] == "ok"


def test_without_a_session_linger_is_what_logind_has_written_down(
    systemd: Systemd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemd.fail_at("show-user")
    monkeypatch.setenv("PATH", systemd.environ["PATH"])
    monkeypatch.setattr(our_systemd, "_LINGERING", tmp_path / "linger")
    assert lingers() is None
    (tmp_path / "linger").mkdir()
    assert lingers() is False
    (tmp_path / "linger" / getpass.getuser()).touch()
    assert lingers() is True


def test_the_socket_and_its_folder_are_for_nobody_else(photond) -> None:
    folder = Path(photond.environ["XDG_RUNTIME_DIR"]) / "photond"
    assert "made when the daemon runs" in said(photond, "socket")["detail"]
    folder.mkdir(mode=0o700)
    socket = folder / "photond.sock"
    socket.touch(0o600)
    assert said(photond, "socket")["verdict"] == "ok"
    for path, wide, narrow in ((folder, 0o755, 0o700), (socket, 0o666, 0o600)):
        path.chmod(wide)
        finding = said(photond, "socket")
        assert finding["verdict"] == "warning"
        assert finding["remedy"] == f"Run: chmod {narrow:o} {path}"
        path.chmod(narrow)
    shutil.rmtree(folder)
    assert "XDG_RUNTIME_DIR" in said(photond, "socket", XDG_RUNTIME_DIR="")["detail"]


def test_the_memory_page_size_is_said(photond) -> None:
    assert "memory pages of" in said(photond, "sqlite-vec")["detail"]


@pytest.mark.skipif(not has_landlock(), reason="no landlock here")
def test_where_there_is_no_landlock_decoders_are_warned_of(photond) -> None:
    assert said(photond, "decoders")["verdict"] == "ok"
    done = subprocess.run(
        [sys.executable, without_landlock.__file__, "-m", "photond", "doctor", "--json"],
        env=photond.environ,
        capture_output=True,
        check=False,
    )
    (finding,) = [one for one in json.loads(done.stdout) if one["subject"] == "decoders"]
    assert finding["verdict"] == "warning"
    assert "landlock" in finding["detail"]


@pytest.mark.skipif(not namespaces_work(), reason="no mount namespaces here")
def test_searches_without_room_for_a_copy_of_the_vectors_are_slower(photond) -> None:
    with closing(open_index(photond.database, create=True)) as connection, transaction(connection):
        pack = packs.add_pack(connection, "small", "fingerprint", DIMENSION)
        for number in range(1, WORTH_A_FILE + 2):
            add_photo(connection, pack.id, number)
    assert "slower than" not in photond("doctor", code=None).stdout
    script = """
        mount -t tmpfs -o size=30m small /mnt
        cp "$0" /mnt/index.db
        PHOTOND_DATABASE=/mnt/index.db exec "$@"
    """
    done = subprocess.run(
        [
            "unshare",
            "--mount",
            "--map-root-user",
            "bash",
            "-euc",
            script,
            photond.database,
            *photond.argv("doctor", "--json"),
        ],
        env=photond.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    (finding,) = [one for one in json.loads(done.stdout) if one["subject"] == "searches"]
    assert finding["verdict"] == "warning"
    assert "No space left" in finding["detail"]
