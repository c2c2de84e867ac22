"""What real commands make of disks that are full, read-only or limited, and the daemon of damage."""

import os
import resource
import shutil
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from photond.errors import ExitCode
from photond.store.database import connect
from tests.cli.test_db import flip, root_page
from tests.cli.test_disks import namespaces_work
from tests.conftest import SAMPLES, Command, Run, make_command
from tests.store.test_upgrades import VERSIONS, index_of

# Root may write everything, as long as it has these.
_WITHOUT_PRIVILEGE = "-dac_override,-dac_read_search"
_PRIVILEGES = [f"--inh-caps={_WITHOUT_PRIVILEGE}", f"--bounding-set={_WITHOUT_PRIVILEGE}"]
WHY = "must be writable, also for searches"
UNIT = Path(__file__).parents[2] / "systemd" / "photond.service"

needs_mounts = pytest.mark.skipif(not namespaces_work(), reason="no mount namespaces here")


@pytest.fixture
def indexed(indexed_samples: Command, tmp_path: Path) -> Command:
    """A command with an index of the samples of its own."""
    command = make_command(tmp_path / "own")
    command.database.parent.mkdir(parents=True)
    indexed_samples("db", "backup", command.database)
    command("query", "cat")  # so that its embedding is kept, and asking again loads no model
    return command


def run_inside(
    photond: Command,
    before: list[str],
    *arguments: str | Path,
    preexec: Callable[[], None] | None = None,
    **more: str,
) -> Run:
    """Run the command in a shell, a namespace or with fewer privileges."""
    done = subprocess.run(
        [*before, *photond.argv(*arguments)],
        env=photond.environ | more,
        capture_output=True,
        text=True,
        preexec_fn=preexec,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "unexpected error" not in done.stderr
    return Run(done.returncode, done.stdout, done.stderr)


def unprivileged() -> list[str]:
    """What a command is run by so that modes of files count for it."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root may write everything, and there is no setpriv")
    return ["setpriv", *_PRIVILEGES]


def cat(photond: Command) -> str:
    return photond("query", "cat", "--limit", "1", "--paths").stdout.strip()


def test_a_file_that_may_not_be_written_is_searched_and_not_tagged(indexed: Command) -> None:
    found = cat(indexed)
    indexed.database.chmod(0o400)
    run = run_inside(indexed, unprivileged(), "query", "cat", "--limit", "1", "--paths")
    assert run.stdout.strip() == found
    for command in (("tag", found, "--add", "Tom"), ("index", SAMPLES)):
        run = run_inside(indexed, unprivileged(), *command)
        assert run.code == 5
        assert WHY in run.stderr or "Permission denied" in run.stderr
    indexed.database.chmod(0o600)
    indexed("tag", found, "--add", "Tom")


def test_in_a_folder_that_may_not_be_written_every_command_says_so(indexed: Command) -> None:
    found = cat(indexed)
    before = indexed.database.read_bytes()
    folder = indexed.database.parent
    folder.chmod(0o500)
    for command in (("query", "cat"), ("tag", found, "--add", "Tom"), ("index", SAMPLES)):
        run = run_inside(indexed, unprivileged(), *command)
        assert (run.code, WHY in run.stderr) == (5, True), run
    folder.chmod(0o700)
    assert indexed.database.read_bytes() == before
    indexed("db", "check")


@needs_mounts
def test_on_a_disk_that_is_mounted_read_only_every_command_says_so(indexed: Command) -> None:
    found = cat(indexed)
    folder = indexed.database.parent
    script = f'mount --bind {folder} {folder}; mount -o remount,bind,ro {folder}; "$@"'
    inside = ["unshare", "--mount", "--map-root-user", "bash", "-euc", script, "-"]
    for command in (("query", "cat"), ("tag", found, "--add", "Tom"), ("index", SAMPLES)):
        run = run_inside(indexed, inside, *command)
        assert run.code == 5
        assert WHY in run.stderr or "Read-only file system" in run.stderr
    assert cat(indexed) == found


def on_a_full_disk(index: Path, megabytes: int) -> list[str]:
    """What runs a command while a disk with a copy of an index has no room, and again when it has.

    Between the two it prints the codes, and what the file was and is; the index is in /mnt.
    """
    script = f"""
        mount -t tmpfs -o size={megabytes}m small /mnt
        cp {index} /mnt/index.db
        sum=$(sha256sum < /mnt/index.db)
        dd if=/dev/zero of=/mnt/ballast bs=4096 status=none 2> /dev/null || true
        "$@" && exit 9 || test $? = 5
        test "$sum" = "$(sha256sum < /mnt/index.db)"
        rm /mnt/ballast
        "$@"
    """
    return ["unshare", "--mount", "--map-root-user", "bash", "-euc", script, "-"]


@needs_mounts
def test_a_tag_for_which_there_is_no_room_is_not_kept_and_one_later_is(indexed: Command) -> None:
    run = run_inside(
        indexed,
        on_a_full_disk(indexed.database, 8),
        *("tag", cat(indexed), "--add", "Tom", "--json"),
        PHOTOND_DATABASE="/mnt/index.db",
    )
    assert run.code == 0, run.stderr
    assert "is full" in run.stderr or "its space" in run.stderr
    assert run.stderr.count("\n") == 1
    assert "Tom" in run.stdout


@needs_mounts
@pytest.mark.parametrize("version", VERSIONS[:-1:3])
def test_an_index_for_whose_upgrade_there_is_no_room_stays_as_it_was(
    photond: Command, tmp_path: Path, version: str
) -> None:
    index_of(tmp_path / "old.db", version)
    run = run_inside(
        photond,
        on_a_full_disk(tmp_path / "old.db", 8),
        *("db", "check"),
        PHOTOND_DATABASE="/mnt/index.db",
    )
    assert run.code == 0, run.stderr
    assert "is full" in run.stderr or "its space" in run.stderr
    assert run.stdout == "/mnt/index.db is whole\n"


def test_a_quota_that_is_reached_is_said_and_loses_nothing(photond: Command) -> None:
    limit = 1_000_000  # bytes, of half an index

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    run = run_inside(photond, [], "index", SAMPLES, preexec=limited)
    assert run.code == 5
    assert "is full" in run.stderr or "its space" in run.stderr
    photond("db", "check")
    assert photond("index", SAMPLES, "--json").json["failed"] == 0
    photond("db", "check")


def run_daemon(photond: Command, *, seconds: float = 60) -> Run:
    """Run the daemon until it ends by itself."""
    done = subprocess.run(
        photond.argv("run"),
        env=photond.environ | {"PHOTOND_FOLDERS": str(SAMPLES)},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return Run(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("damage", ["noise", "cut off", "another program's"])
def test_a_daemon_on_an_index_that_is_none_ends_with_the_reason_and_changes_nothing(
    indexed: Command, tmp_path: Path, damage: str
) -> None:
    if damage == "noise":
        indexed.database.write_bytes(bytes(range(256)) * 100)
    elif damage == "cut off":
        os.truncate(indexed.database, 100_000)
    else:
        with closing(connect(tmp_path / "other.db")) as connection:
            connection.execute("create table diary (entry)")
        shutil.copy(tmp_path / "other.db", indexed.database)
    before = indexed.database.read_bytes()
    run = run_daemon(indexed)
    assert run.code == 5
    assert "is damaged" in run.stderr or "database of another program" in run.stderr
    assert "Restore a backup" in run.stderr or "Look at `database`" in run.stderr
    assert indexed.database.read_bytes() == before


def test_a_daemon_that_meets_damage_while_it_works_ends_with_the_reason(indexed: Command) -> None:
    flip(indexed.database, root_page(indexed.database, "jobs_by_state"))
    run = run_daemon(indexed)
    assert run.code == 5
    assert "is damaged" in run.stderr
    assert "Restore a backup" in run.stderr


def test_a_daemon_that_ended_because_of_the_index_is_not_started_again() -> None:
    settings = dict(
        line.split("=", 1) for line in UNIT.read_text("utf-8").splitlines() if "=" in line
    )
    assert settings["Restart"] == "on-failure"
    assert str(int(ExitCode.INDEX)) in settings["RestartPreventExitStatus"].split()
