"""The socket at which a daemon listens: its file, or the one that systemd has passed on."""

import contextlib
import errno
import fcntl
import os
import socket
import stat
from collections.abc import MutableMapping
from pathlib import Path

from photond.config.ownership import require_trusted
from photond.errors import IndexDatabaseError, PhotondError

_FIRST_INHERITED = 3  # SD_LISTEN_FDS_START


class DaemonRunningError(IndexDatabaseError):
    """Another daemon answers at the same socket."""


def inherited_socket(environ: MutableMapping[str, str] | None = None) -> socket.socket | None:
    """The socket that systemd listened at and passed on, if it did.

    The variables that say so are removed, so that no child process takes them for its own.

    Args:
        environ: The process's environment, if not the real one.
    """
    environ = os.environ if environ is None else environ
    meant_for = environ.pop("LISTEN_PID", "")
    count = environ.pop("LISTEN_FDS", "")
    environ.pop("LISTEN_FDNAMES", None)
    if meant_for != str(os.getpid()) or not count.isdecimal() or int(count) < 1:
        return None
    inherited = socket.socket(fileno=_FIRST_INHERITED)
    inherited.set_inheritable(False)
    listens = inherited.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if inherited.family != socket.AF_UNIX or inherited.type != socket.SOCK_STREAM or not listens:
        inherited.close()
        raise PhotondError(
            "the socket from systemd is no listening Unix stream socket",
            "In photond.socket, use ListenStream= with a path.",
        )
    return inherited


class Place:
    """A socket's file, held for as long as this process answers there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            _make_private(path.parent)
            flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
            self._lock = os.open(path.with_suffix(".lock"), flags, 0o600)
        except OSError as error:
            raise _cannot_listen(path, error) from error
        try:
            self.listener = self._listen()
        except BaseException:
            os.close(self._lock)
            raise

    def leave(self) -> None:
        """Remove the file, unless it has become somebody else's, and let others in."""
        with contextlib.suppress(OSError):
            status = self._path.lstat()
            if (status.st_dev, status.st_ino) == self._identity:
                self._path.unlink()
        os.close(self._lock)

    def _listen(self) -> socket.socket:
        try:
            # Between looking whether the file is stale and replacing it, nobody else may do the same.
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _another(self._path) from None
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._clear()
            listener.bind(os.fspath(self._path))
            self._path.chmod(0o600)
            status = self._path.lstat()
            self._identity = status.st_dev, status.st_ino
            listener.listen(64)
        except OSError as error:
            listener.close()
            raise _cannot_listen(self._path, error) from error
        except BaseException:
            listener.close()
            raise
        return listener

    def _clear(self) -> None:
        """Remove the file that a daemon left behind which was killed."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(1.0)
            try:
                probe.connect(os.fspath(self._path))
            except FileNotFoundError:
                return
            except ConnectionRefusedError:
                if not stat.S_ISSOCK(self._path.lstat().st_mode):
                    raise
                self._path.unlink()
                return
            except (TimeoutError, BlockingIOError):
                pass  # it listens, and is busy
        raise _another(self._path)


def _make_private(folder: Path) -> None:
    """A folder that only this user can look into.

    Raises:
        OSError: It cannot be made, or it is another user's.
        PhotondError: Somebody else could put another one into its place.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if status.st_uid != os.geteuid():
        raise PermissionError(errno.EACCES, "its folder belongs to another user")
    if stat.S_IMODE(status.st_mode) & 0o077:
        folder.chmod(0o700)
    require_trusted(PhotondError, folder)


def _another(path: Path) -> DaemonRunningError:
    return DaemonRunningError(
        f"another photond daemon answers at {path}", "`photond status` says what it is doing."
    )


def _cannot_listen(path: Path, error: OSError) -> PhotondError:
    return PhotondError(f"the daemon cannot listen at {path}: {error.strerror or error}")
