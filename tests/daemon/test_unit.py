"""The systemd unit: what is shipped, and how an installation is written into it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photond.daemon.unit import Installation, relevant_environment, render, template

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="no systemd here"
)


def analyze(*arguments: str | Path, runtime: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env=os.environ | {"XDG_RUNTIME_DIR": str(runtime)},
    )


def installed(folder: Path, program: Path) -> Path:
    file = folder / "photond.service"
    file.write_text(render(template(), Installation([str(program), "run"], [str(folder)], {})))
    return file


@needs_systemd
@pytest.mark.parametrize(
    "name",
    [
        "plain",
        "with space",
        "100%h",
        "$HOME",
        "né",
        "\udcff",
    ],
)
def test_any_path_is_started_and_not_something_else(tmp_path, name) -> None:
    program = tmp_path / name / "photond"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    file = installed(tmp_path, program)
    done = analyze("verify", "--user", "--man=no", file, runtime=tmp_path)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    # And that the check would have seen another path.
    program.unlink()
    done = analyze("verify", "--user", "--man=no", file, runtime=tmp_path)
    assert "is not executable" in done.stderr


@needs_systemd
@pytest.mark.parametrize("name", ['quo"te', "back\\slash", "apo'strophe", "new\nline"])
def test_a_path_that_systemd_starts_no_program_from_is_an_argument(tmp_path, name) -> None:
    file = installed(tmp_path, tmp_path / name / "$photond")
    done = analyze("verify", "--user", "--man=no", file, runtime=tmp_path)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert 'ExecStart="/usr/bin/env" "' in file.read_text()
    assert "/$$photond" in file.read_text()


@needs_systemd
def test_the_unit_is_as_hardened_as_a_users_unit_can_be(tmp_path) -> None:
    file = installed(tmp_path, Path("/bin/true"))
    done = analyze(
        "security",
        "--user",
        "--offline=true",
        "--no-pager",
        "--threshold=50",  # of 100; what is left are privileges that a user's unit never has
        file,
        runtime=tmp_path,
    )
    assert done.returncode == 0, done.stdout
    for passed in (
        "✓ PrivateNetwork=",
        "✓ RestrictAddressFamilies=~AF_(INET|INET6)",
        "✓ MemoryDenyWriteExecute=",
        "✓ ProtectSystem=",
        "✓ NoNewPrivileges=",
        "✓ SystemCallFilter=~@privileged",
    ):
        assert passed in done.stdout


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(st.lists(TEXT, min_size=1), st.lists(TEXT), st.dictionaries(st.just("PHOTOND_X"), TEXT))
def test_nothing_in_a_name_becomes_a_line_of_the_unit(command, writable, environment) -> None:
    before = template().splitlines()
    text = render(template(), Installation(command, writable, environment))
    assert text.isascii()
    lines = text.splitlines()
    assert len(lines) == len(before) - 1 + len(writable) + len(environment)
    for line in lines:
        if line not in before:
            assert line.startswith(("ExecStart=", "ReadWritePaths=", "Environment="))


def test_only_what_photond_reads_is_taken_from_the_environment() -> None:
    environ = {"PHOTOND_INDEX_WORKERS": "2", "XDG_DATA_HOME": "/d", "XDG_STATE_HOME": "", "X": "y"}
    assert relevant_environment(environ) == {"PHOTOND_INDEX_WORKERS": "2", "XDG_DATA_HOME": "/d"}
