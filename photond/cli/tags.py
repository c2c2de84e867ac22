"""`photond tags`."""

from pathlib import Path
from typing import Annotated

import typer

from photond.cli.command import command
from photond.cli.output import finish, note, print_json, print_table, tags_as_json
from photond.cli.session import Session, absolute
from photond.errors import ExitCode


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "tags")(tags)


def tags(
    session: Session,
    photos: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PHOTO]...",
            help="Photos in the index; without any, all tags with their counts.",
            show_default=False,
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the tags of photos, or all tags with how many photos have them."""
    from photond.search.search import indexed_pack
    from photond.store import tags as store
    from photond.store.database import explained
    from photond.store.files import content_at

    connection = session.open_index()
    with explained(session.database):
        stored = indexed_pack(connection, session.pack)
        if not photos:
            counts = store.tag_counts(connection, stored.id)
            if json:
                print_json([{"tag": tag, "photos": photos} for tag, photos in counts])
            else:
                print_table((">photos", "tag"), ((f"{count}", tag) for tag, count in counts))
            return
        paths = [absolute(photo) for photo in photos]
        contents = {path: content_at(connection, path) for path in paths}
        known = {path: id_ for path, id_ in contents.items() if id_ is not None}
        tagged = store.tags_of(connection, stored.id, list(known.values()))
    if json:
        print_json(
            [
                {"path": path, "tags": tags_as_json(tagged[content_id])}
                for path, content_id in known.items()
            ]
        )
    else:
        print_table(
            ("photo", "tags"),
            (
                (path, ", ".join(f"{tag.label} ({tag.confidence:.2f})" for tag in tagged[id_]))
                for path, id_ in known.items()
            ),
        )
    for path in paths:
        if path not in known:
            note(f"photond: {path} is not in the index")
    finish(ExitCode.DONE if len(known) == len(contents) else ExitCode.INCOMPLETE)
