"""`photond service`: the daemon as a service of the user's own systemd."""

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photond.cli.command import command
from photond.cli.output import finish, note, print_json, print_line, print_text
from photond.cli.session import Session, absolute
from photond.errors import ExitCode, PhotondError, UsageError

if TYPE_CHECKING:
    from photond.daemon.systemd import UserSystemd

_OLD_UNITS = ("photond-index.timer", "photond-index.service")  # before there was a daemon
_JOURNAL = "The journal says why: journalctl --user -u photond"

app = typer.Typer(help="The daemon as a systemd service.", no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the group of commands."""
    root.add_typer(app, name="service")


def install(
    session: Session,
    linger: Annotated[
        bool,
        typer.Option("--linger", help="Have it run from boot on, also while you are logged out."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the unit, and change nothing.")
    ] = False,
) -> None:
    """Have systemd run the daemon from now on, and after each login.

    Can be repeated, after photond has moved or the configuration names another index.
    """
    from photond.daemon import unit
    from photond.daemon.systemd import UserSystemd, lingers, set_linger

    if dry_run:
        print_text(_unit_text(session, has_linger=False))
        return
    if not session.settings.folders:
        raise UsageError(
            "there is no folder to watch",
            "Set `folders` in the configuration first (`photond config init`).",
        )
    systemd = UserSystemd()
    file = _unit_file()
    turns_on = linger and not lingers()
    if turns_on:
        set_linger(on=True)
    _replace_old_units(systemd)
    _make_folders(_writable(session))
    text = _unit_text(session, has_linger=turns_on or unit.LINGER_MARK in _read(file))
    _write(file, text)
    systemd.call("daemon-reload")
    systemd.call("enable", unit.NAME)
    systemd.call("restart", unit.NAME, remedy=_JOURNAL)
    print_line(f"{file} is written and runs; `photond status` says what it is doing")
    if lingers() is False:
        print_line(
            "It runs while you are logged in; "
            "`photond service install --linger` has it run from boot on."
        )


def uninstall(session: Session) -> None:
    """Stop the daemon and take it out of systemd; index and configuration stay."""
    del session
    from photond.daemon import unit
    from photond.daemon.systemd import UserSystemd, set_linger

    systemd = UserSystemd()
    file = _unit_file()
    had_linger = unit.LINGER_MARK in _read(file)
    if not file.exists() and systemd.state(unit.NAME).get("LoadState") != "loaded":
        note("photond: the service is not installed")
        finish(ExitCode.INCOMPLETE)
    systemd.call("disable", "--now", unit.NAME)
    file.unlink(missing_ok=True)
    systemd.call("daemon-reload")
    print_line(f"the daemon is stopped and {file} is removed; the index stays")
    if had_linger:
        set_linger(on=False)
        print_line("Lingering, which `service install --linger` turned on, is off again.")


def status(
    session: Session, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Show how systemd sees the daemon, and whether the unit is as `install` would write it.

    Exits with 0 if it is installed, up to date and running.
    """
    from photond.daemon import unit
    from photond.daemon.systemd import UserSystemd, lingers

    state = UserSystemd().state(unit.NAME)
    file = _unit_file()
    written = _read(file)
    wanted = _unit_text(session, has_linger=unit.LINGER_MARK in written)
    is_running = state.get("ActiveState") in {"active", "reloading"}
    if json:
        print_json(
            {
                "unit": str(file),
                "installed": bool(written),
                "up_to_date": written == wanted,
                "enabled": state.get("UnitFileState") == "enabled",
                "active": state.get("ActiveState"),
                "result": state.get("Result"),
                "doing": state.get("StatusText") or None,
                "pid": int(state.get("MainPID", 0)) or None,
                "restarts": int(state.get("NRestarts", 0) or 0),
                "linger": lingers(),
            }
        )
    elif not written:
        print_line("the service is not installed; `photond service install` does it")
    else:
        print_line(f"unit      {file}")
        if written != wanted:
            print_line("          it is not what `photond service install` would write now")
        print_line(f"enabled   {state.get('UnitFileState')}")
        doing = f": {state['StatusText']}" if state.get("StatusText") else ""
        print_line(f"active    {state.get('ActiveState')}{doing}")
        if state.get("Result") not in {"success", None}:
            print_line(f"ended by  {state.get('Result')}. {_JOURNAL}")
        if (restarts := state.get("NRestarts", "0")) != "0":
            print_line(f"restarts  {restarts}")
        known = {True: "yes", False: "no, it runs while you are logged in", None: "unknown"}
        print_line(f"linger    {known[lingers()]}")
    is_well = is_running and written == wanted
    finish(ExitCode.DONE if is_well else ExitCode.INCOMPLETE)


def _unit_text(session: Session, *, has_linger: bool) -> str:
    from photond.daemon import unit

    arguments = ["run"]
    if session.config is not None:
        arguments += ["--config", absolute(session.config)]
    return unit.render(
        unit.template(),
        unit.Installation(
            command=[*_program(), *arguments],
            writable=_writable(session),
            environment=unit.relevant_environment(os.environ),
            has_linger=has_linger,
        ),
    )


def _program() -> list[str]:
    """How the photond that runs now is started, wherever it was installed to.

    With pipx and uv that is a link in ~/.local/bin, which is kept as it is: what it leads to may move
    with an upgrade.
    """
    started = Path(absolute(Path(sys.argv[0])))
    beside = Path(sys.executable).with_name("photond")
    for program in (started, beside):
        if program.name == "photond" and os.access(program, os.X_OK) and program.is_file():
            return [str(program)]
    return [sys.executable, "-m", "photond"]


def _writable(session: Session) -> list[str]:
    """The folders that the daemon writes to: of the index, of models, of what it found out or made."""
    from photond.config import locations

    folders = (
        locations.data_dir(),
        locations.state_dir(),
        locations.cache_dir(),
        session.database.parent,
    )
    return list(dict.fromkeys(map(str, folders)))


def _make_folders(folders: list[str]) -> None:
    """What is not there when the service starts cannot be made writable for it."""
    for folder in folders:
        try:
            Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise PhotondError(f"{folder} cannot be made: {error.strerror}") from error


def _unit_file() -> Path:
    from photond.config import locations
    from photond.daemon import unit

    return locations.units_dir() / unit.NAME


def _replace_old_units(systemd: "UserSystemd") -> None:
    """Take out the timer that indexed now and then, which the daemon makes needless."""
    from photond.config import locations

    files = [locations.units_dir() / name for name in _OLD_UNITS]
    if not any(file.exists() for file in files):
        return
    for file in files:
        if file.exists():
            systemd.call("disable", "--now", file.name)
            file.unlink()
    print_line("photond-index.timer is removed: the daemon indexes photos as they come")


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""


def _write(file: Path, text: str) -> None:
    """Replace a file as a whole, so that systemd never reads half of it."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=file.parent, prefix=".photond-", delete=False, encoding="utf-8"
        ) as stream:
            stream.write(text)
        temporary = Path(stream.name)
        temporary.chmod(0o644)
        temporary.replace(file)
    except OSError as error:
        raise PhotondError(f"{file} cannot be written: {error.strerror}") from error


command(app, "install")(install)
command(app, "uninstall")(uninstall)
command(app, "status")(status)
