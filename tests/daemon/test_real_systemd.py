"""The unit under a real systemd of a user's own, in a corner of this machine where that is possible."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from photond.daemon.unit import Installation, render, template

PROJECT = Path(__file__).parents[2]
USER = "54321"
SYSTEMD = Path("/lib/systemd/systemd")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make the corner"),
    pytest.mark.skipif(not SYSTEMD.exists(), reason="no systemd here"),
]


def python_for_anybody() -> str:
    """A Python of this version that another user may run; the one in use may lie in root's home."""
    own = os.path.realpath(sys.executable)
    if runs_as_other(own):
        return own
    other = shutil.which(f"python3.{sys.version_info[1]}", path="/usr/bin:/usr/local/bin")
    if other is None or not runs_as_other(other):
        pytest.skip("no Python that another user may run")
    return other


def runs_as_other(python: str) -> bool:
    # By way of env, as setpriv itself still has root's privileges when it looks for the program.
    done = subprocess.run(
        ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", "env", python, "-c", ""],
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def run_service(folder: Path, *, has_namespaces: bool) -> tuple[dict[str, object], str]:
    """What the service has seen, and what systemd says of it."""
    python = python_for_anybody()
    environment = {"PYTHONPATH": "/srv/code:/srv/site", "PYTHONDONTWRITEBYTECODE": "1"}
    installation = Installation(
        [python, "/srv/code/tests/daemon/inside.py"],
        ["/srv/home/.local/share/photond", "/srv/home/.cache/photond"],
        environment,
    )
    (folder / "unit").write_text(render(template(), installation))
    # Before version 253, systemd makes the namespaces only when it is told to.
    users = "PrivateUsers=true\n" if has_namespaces else ""
    (folder / "drop-in").write_text(
        f"[Service]\n{users}StandardError=append:/srv/home/.local/share/photond/error\n"
    )
    site = sysconfig.get_path("purelib")
    script = PROJECT / "tests" / "daemon" / "sandbox.sh"
    done = subprocess.run(
        [
            *("timeout", "120", "unshare", "--mount", "bash"),
            *(script, USER, PROJECT, site, python, folder / "unit", folder / "drop-in"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and not done.stdout:
        pytest.skip(f"no user's systemd can be run here: {done.stderr}")
    seen = re.search(r"^\{.*\}$", done.stdout, re.MULTILINE)
    assert seen, done.stdout + done.stderr
    return json.loads(seen[0]), done.stdout


CAN = (
    *("embed", "keep_tower", "index", "listen", "cpuinfo", "cpus", "power"),
    *("write_temporary", "is_nice"),
)
CANNOT_EVER = ("internet", "netlink", "executable_memory")
CANNOT_IN_NAMESPACE = ("write_home", "write_runtime", "read_keys", "command_systemd")


@pytest.mark.parametrize("has_namespaces", [False, True])
def test_photond_works_under_its_unit_and_can_do_no_more_than_it_needs(
    tmp_path, has_namespaces
) -> None:
    seen, said = run_service(tmp_path, has_namespaces=has_namespaces)
    assert [seen[name] for name in CAN] == [True] * len(CAN), seen
    assert not any(seen[name] is True for name in CANNOT_EVER), seen
    if has_namespaces:
        assert not any(seen[name] is True for name in CANNOT_IN_NAMESPACE), seen
    assert "StatusText=trying things" in said
    assert "ActiveState=active" in said
    # Disks come and go in the service's view as in everybody's, and it does not keep them busy.
    assert re.findall("the disk is (.*)", said) == ["there", "away"]
    assert said.rstrip().endswith(("ActiveState=inactive", "Result=success"))
