"""`photond`, and `python -m photond`."""

import os
import sys
import threading
from io import TextIOWrapper

from photond.errors import ExitCode, PhotondError

# How long numpy's threads look for more to multiply before they sleep, as a power of two of processor
# cycles. By default it is 26: a core that is busy with nothing for 30 ms, after each few photos.
_BLAS_PATIENCE = ("OPENBLAS_THREAD_TIMEOUT", "4")


def main() -> None:
    """Run the command line, and end the process with its exit code."""
    os.environ.setdefault(*_BLAS_PATIENCE)  # read when numpy is imported
    # Names that are not UTF-8 are written as the bytes that they are.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="surrogateescape")
    code = _run()
    if any(thread.name == "photond-worker" for thread in threading.enumerate()):
        # A worker is still inside a decoder or a tower, which know nothing of being stopped: taking the
        # interpreter down around them aborts the process. What counts is committed.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _run() -> int:
    """The exit code; what goes wrong is one line, and its traceback is in the debug log."""
    from photond.printable import printable  # noqa: PLC0415 - errors of importing are reported as well

    try:
        _command()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ExitCode.DONE
    except PhotondError as error:
        _log_traceback()
        said = "\n".join(map(printable, error.lines))
        print(f"photond: {said}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - a bug, and the user should still read a sentence
        _log_traceback()
        reason = printable(f"{type(error).__name__}: {error}")
        print(f"photond: unexpected error: {reason} (see it all with -v)", file=sys.stderr)  # noqa: T201
        return ExitCode.INCOMPLETE
    return ExitCode.DONE


def _command() -> None:
    """Do what the command line says, or go on with what it said before the process began anew."""
    from photond.cli.keep import keep, session_to_keep  # noqa: PLC0415

    session = session_to_keep()
    if session is not None:
        keep(session)
        return
    from photond.cli.app import app  # noqa: PLC0415

    app(prog_name="photond")


def _log_traceback() -> None:
    from photond import logs  # noqa: PLC0415

    # Unless the command came so far as to set logging up, this would go to standard output.
    if logs.is_configured():
        logs.get_logger(__name__).debug("command failed", exc_info=True)


if __name__ == "__main__":
    main()
