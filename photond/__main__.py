"""`photond`, and `python -m photond`."""

import os
import sys
from io import TextIOWrapper

from photond.errors import ExitCode, PhotondError


def main() -> None:
    """Run the command line; never prints a traceback for what is explained by a `PhotondError`."""
    # Names that are not UTF-8 are written as the bytes that they are.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="surrogateescape")
    from photond.cli.app import app  # noqa: PLC0415 - errors of importing are reported as well

    try:
        app()
    except PhotondError as error:
        print(f"photond: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader, `head` for example, has what it wanted; Python's own flush at exit would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.DONE)


if __name__ == "__main__":
    main()
