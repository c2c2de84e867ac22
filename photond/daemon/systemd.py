"""The user's own systemd, asked through `systemctl --user`, and logind through `loginctl`."""

import getpass
import shutil
import subprocess
from pathlib import Path

from photond.errors import PhotondError

# What logind keeps of it, an empty file for each user; also told to who has no session (loginctl(1)).
_LINGERING = Path("/var/lib/systemd/linger")
_PATIENCE = 330.0  # seconds; a start may take as long as the unit allows


class NoSystemdError(PhotondError):
    """There is no systemd that could run the daemon."""


class UserSystemd:
    """The user's systemd.

    Raises:
        NoSystemdError: There is none, or it cannot be reached from here.
    """

    def __init__(self) -> None:
        if shutil.which("systemctl") is None:
            raise NoSystemdError(
                "there is no systemd on this machine",
                "Have `photond run` started by whatever starts your programs.",
            )
        try:
            self.version = self.call("show", "--property=Version", "--value").strip()
        except PhotondError as error:
            raise NoSystemdError(
                f"your systemd cannot be reached: {error.message}",
                "Log in as yourself, on the screen or by ssh, and not by su or sudo.",
            ) from error

    def call(self, *arguments: str, remedy: str = "") -> str:
        """Run `systemctl --user`; returns what it prints.

        Raises:
            PhotondError: It failed.
        """
        return _run("systemctl", "--user", *arguments, remedy=remedy)

    def state(self, unit: str) -> dict[str, str]:
        """What systemd knows of a unit: `LoadState`, `ActiveState` and so on."""
        names = "LoadState,ActiveState,SubState,UnitFileState,StatusText,MainPID,NRestarts,Result"
        lines = self.call("show", unit, f"--property={names}").splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)


def lingers() -> bool | None:
    """Whether the user's services run while they are not logged in; None if that cannot be told."""
    user = getpass.getuser()
    try:
        said = _run("loginctl", "show-user", user, "--property=Linger", "--value")
    except PhotondError:
        return (_LINGERING / user).exists() if _LINGERING.is_dir() else None
    return said.strip() == "yes"


def set_linger(*, on: bool) -> None:
    """Have the user's services run from boot on, or only while they are logged in.

    Raises:
        PhotondError: It is not allowed, or there is no logind.
    """
    _run("loginctl", "enable-linger" if on else "disable-linger")


def _run(*command: str, remedy: str = "") -> str:
    try:
        done = subprocess.run(  # noqa: S603 - nothing of it comes from elsewhere
            command,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_PATIENCE,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise PhotondError(f"there is no {command[0]} on this machine") from error
    except subprocess.TimeoutExpired as error:
        raise PhotondError(f"{' '.join(command)} has not ended", remedy) from error
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split()) or f"exit code {done.returncode}"
        raise PhotondError(f"{' '.join(command)}: {said}".rstrip("."), remedy)
    return done.stdout
