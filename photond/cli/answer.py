"""The photos that a search found, as the user wants to see them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from photond.cli.output import print_json, print_paths, print_table


@dataclass(frozen=True, slots=True)
class Output:
    """The options that say how photos are shown."""

    json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False
    paths: Annotated[bool, typer.Option("--paths", help="Print paths only, one a line.")] = False
    null: Annotated[
        bool, typer.Option("--null", "-0", help="Print paths only, each ended by a NUL.")
    ] = False

    def show(self, photos: Iterable[dict[str, Any]]) -> bool:
        """Show what was found; returns whether that was anything."""
        photos = list(photos)
        if self.json:
            print_json(photos)
        elif self.paths or self.null:
            print_paths((photo["path"] for photo in photos), null=self.null)
        else:
            print_table(
                (">score", "photo", "taken", "tags"),
                (
                    (
                        "" if photo["score"] is None else f"{photo['score']:.3f}",
                        photo["path"],
                        (photo["taken_at"] or "").replace("T", " "),
                        ", ".join(tag["tag"] for tag in photo["tags"]),
                    )
                    for photo in photos
                ),
            )
        return bool(photos)
