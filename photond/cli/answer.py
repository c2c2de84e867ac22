"""The photos that a search found, as the user wants to see them."""

from typing import Any

from photond.cli.output import finish, note, print_json, print_paths, print_table
from photond.errors import ExitCode


def print_photos(photos: list[dict[str, Any]], *, json: bool, paths: bool, null: bool) -> None:
    """Print what was found; nothing found ends the command with 1."""
    if json:
        print_json(photos)
    elif paths or null:
        print_paths((photo["path"] for photo in photos), null=null)
    else:
        print_table(
            (">score", "photo", "taken", "tags"),
            (
                (
                    f"{photo['score']:.3f}",
                    photo["path"],
                    (photo["taken_at"] or "").replace("T", " "),
                    ", ".join(tag["tag"] for tag in photo["tags"]),
                )
                for photo in photos
            ),
        )
    if not photos:
        note("photond: no photo was found")
        finish(ExitCode.INCOMPLETE)
