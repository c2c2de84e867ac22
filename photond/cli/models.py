"""`photond models`."""

from typing import TYPE_CHECKING, Annotated

import typer

from photond.cli.command import command
from photond.cli.output import finish, note, print_json, print_line, print_table
from photond.cli.session import Session
from photond.errors import ExitCode, PhotondError

if TYPE_CHECKING:
    from photond.models.pack import Pack
    from photond.pipeline.alignment import Alignment

app = typer.Typer(
    help="Model packs: what understands the photos and the words.", no_args_is_help=True
)

NameArgument = Annotated[
    str | None,
    typer.Argument(help="Name of a pack; without it, the one in use.", show_default=False),
]


def _list(
    session: Session, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List the packs that are there; a star marks the one in use."""
    from photond.config import locations
    from photond.models.shelf import all_packs

    used = session.settings.model.pack
    packs = all_packs(locations.models_dir())
    if json:
        print_json(
            [
                {
                    "name": name,
                    "in_use": name == used,
                    "title": None if isinstance(pack, PhotondError) else pack.title,
                    "licence": None if isinstance(pack, PhotondError) else pack.licence,
                    "path": None if isinstance(pack, PhotondError) else str(pack.folder),
                    "error": str(pack) if isinstance(pack, PhotondError) else None,
                }
                for name, pack in packs.items()
            ]
        )
        return
    print_table(
        ("", "pack", "about"),
        (("*" if name == used else " ", name, _about(pack)) for name, pack in packs.items()),
    )


def _about(pack: object) -> str:
    from photond.models.pack import Pack

    if isinstance(pack, Pack):
        return f"{pack.title} ({pack.licence})"
    return f"cannot be used: {pack}"


def path(session: Session, name: NameArgument = None) -> None:
    """Print the folder of a pack."""
    from photond.config import locations
    from photond.models.shelf import find_pack

    print_line(str(find_pack(name or session.settings.model.pack, locations.models_dir()).folder))


def verify(session: Session, name: NameArgument = None) -> None:
    """See that a pack is whole and does what its model.toml says.

    Compares its files with their hashes, its tokenizer with its text tower, and known pictures with
    known texts. `photond doctor --alignment` shows the figures.
    """
    from photond.config import locations
    from photond.models.shelf import find_pack
    from photond.pipeline.alignment import try_out

    pack = find_pack(name or session.settings.model.pack, locations.models_dir())
    print_line(f"{pack.name}: {tried(pack, try_out(pack))}")


def tried(pack: "Pack", alignment: "Alignment") -> str:
    """What trying a pack out came to, in words."""
    if pack.untrained:
        return "whole; its weights are random, so it finds nothing"
    margin = alignment.margin
    return f"whole, and its towers agree (known pictures lead by {margin:.2f})"


def use(
    session: Session,
    name: Annotated[str, typer.Argument(help="Name of a pack, see `photond models list`.")],
    keep_old: Annotated[
        bool | None,
        typer.Option(
            "--keep-old/--drop-old",
            help="Whether to keep the embeddings of the pack used before, once this one has taken "
            "over; sets `model.keep_old`.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Use another pack from now on: verifies it and sets `model.pack` in the configuration.

    The next `photond index` embeds the photos with it. Until it has them all, the pack used before
    answers; an interruption loses nothing.
    """
    from photond.config import chosen_file, load_with_origins, locations
    from photond.config.edit import set_key
    from photond.models.shelf import find_pack
    from photond.pipeline.alignment import try_out

    try_out(find_pack(name, locations.models_dir()))
    file = chosen_file(session.config)
    set_key(file, ("model", "pack"), name)
    if keep_old is not None:
        set_key(file, ("model", "keep_old"), keep_old)
    print_line(
        f"{file}: model.pack is {name!r} now; run `photond index` to embed the photos with it"
    )
    settings, origins = load_with_origins(session.config)
    if settings.model.pack != name:
        note(f"photond: {origins['model.pack']} sets another pack, and wins over the file")
        finish(ExitCode.CONFIGURATION)


def prune(
    session: Session, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Remove from the index what packs computed that are neither in use nor answering.

    Photos that only such a pack has embedded (on a disk that is not there) are embedded again when they
    are back. The index's file becomes smaller by it.
    """
    from contextlib import closing

    from photond.store import packs
    from photond.store.database import explained, transaction
    from photond.store.lock import only_indexer

    database = session.database
    with (
        closing(session.open_index()) as connection,
        explained(database),
        only_indexer(database),
    ):
        before = database.stat().st_size
        in_use = session.pack.fingerprint
        unused = [
            one
            for one in packs.all_packs(connection)
            if one.state != "serving" and one.fingerprint != in_use
        ]
        with transaction(connection):
            for one in unused:
                packs.remove_pack(connection, one.id)
        if unused:
            connection.execute("vacuum")
            connection.execute("pragma wal_checkpoint(truncate)")
        freed = before - database.stat().st_size
    names = [one.name for one in unused]
    if json:
        print_json({"removed": names, "freed_bytes": freed})
    elif names:
        print_line(f"removed {', '.join(names)}: {freed / 1e6:.1f} MB freed")
    else:
        print_line("there is nothing to remove")


command(app, "list")(_list)
command(app, "prune")(prune)
command(app, "path")(path)
command(app, "verify")(verify)
command(app, "use")(use)
