"""`photond models`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photond.cli.command import command
from photond.cli.output import finish, note, print_json, print_line, print_table
from photond.cli.quantize import quantize
from photond.cli.session import Session
from photond.errors import ExitCode, ModelError, PhotondError

if TYPE_CHECKING:
    from photond.models.pack import Pack
    from photond.models.prepared import PreparedTowers
    from photond.pipeline.alignment import Alignment

# What `download` fetches when it is not said what.
_RECOMMENDED = "siglip-base"

app = typer.Typer(
    help="Model packs: what understands the photos and the words.", no_args_is_help=True
)


def register(root: typer.Typer) -> None:
    """Add the group of commands."""
    root.add_typer(app, name="models")


NameArgument = Annotated[
    str | None,
    typer.Argument(help="Name of a pack; without it, the one in use.", show_default=False),
]


def _list(
    session: Session, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List the packs that are there and those that can be downloaded; a star marks the one in use."""
    from photond.config import locations
    from photond.models.prepared import all_prepared
    from photond.models.registry import registered_packs
    from photond.models.shelf import all_packs

    used = session.settings.model.pack
    prepared = all_prepared()
    packs = all_packs(locations.models_dir())
    absent = {name: pack for name, pack in registered_packs().items() if name not in packs}
    if json:
        print_json(
            [_as_json(name, pack, used, prepared, is_there=True) for name, pack in packs.items()]
            + [
                _as_json(name, pack, used, prepared, is_there=False)
                for name, pack in absent.items()
            ]
        )
        return
    print_table(
        ("", "pack", "about"),
        [
            *(
                ("*" if name == used else " ", name, _about(pack) + _prepared(pack, prepared))
                for name, pack in packs.items()
            ),
            *(
                ("*" if name == used else " ", name, f"{_about(pack)}, not downloaded{_size(pack)}")
                for name, pack in absent.items()
            ),
        ],
    )


def _as_json(
    name: str,
    pack: "Pack | PhotondError",
    used: str,
    prepared: "PreparedTowers",
    *,
    is_there: bool,
) -> dict[str, object]:
    from photond.models.registry import stated_bytes
    from photond.models.shelf import bytes_of

    error, size = None, None
    if isinstance(pack, PhotondError):
        error = str(pack)
    elif is_there:
        try:
            size = bytes_of(pack)
        except ModelError as missing:
            error = str(missing)
    else:
        size = stated_bytes(pack)
    known = None if isinstance(pack, PhotondError) else pack
    return {
        "name": name,
        "in_use": name == used,
        "downloaded": is_there,
        "title": known and known.title,
        "licence": known and known.licence,
        "bytes": size,
        "prepared_bytes": prepared.bytes_of(known) if known and is_there else None,
        "path": str(known.folder) if known and is_there else None,
        "error": error,
    }


def _about(pack: "Pack | PhotondError") -> str:
    if isinstance(pack, PhotondError):
        return f"cannot be used: {pack}"
    return f"{pack.title} ({pack.licence})"


def _prepared(pack: "Pack | PhotondError", prepared: "PreparedTowers") -> str:
    size = 0 if isinstance(pack, PhotondError) else prepared.bytes_of(pack)
    return f", {_megabytes(size)} kept to load it faster" if size else ""


def _size(pack: "Pack") -> str:
    from photond.models.registry import stated_bytes

    size = stated_bytes(pack)
    return "" if size is None else f", {_megabytes(size)}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def download(
    session: Session,
    name: Annotated[
        str, typer.Argument(help="Name of a pack, see `photond models list`.")
    ] = _RECOMMENDED,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Fetch it anew; one that is there stays until the new one is whole."
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Download a pack from the Hugging Face hub, verify it, and try it out.

    This is the one command that uses the network. It asks for the pack's files and sends nothing of
    yours; if you set HF_TOKEN, the hub is given that token. When it is interrupted, the same command
    goes on from there.
    """
    from photond.config import locations
    from photond.models.download import whole_pack
    from photond.models.registry import find_registered
    from photond.models.shelf import bytes_of

    used = session.settings.model.pack
    shelf = locations.models_dir()
    entry = find_registered(name)
    pack = None if force else whole_pack(name, shelf)
    if pack is not None:
        note(f"{name} is there already, and whole; --force fetches it anew")
    else:
        pack = _download(entry, shelf)
    if json:
        print_json(
            {
                "name": name,
                "path": str(pack.folder),
                "revision": pack.revision,
                "bytes": bytes_of(pack),
            }
        )
        return
    print_line(f"{name}: {pack.folder}")
    if name != used:
        print_line(f"To search with it: photond models use {name}")


def _download(entry: "Pack", shelf: Path) -> "Pack":
    from photond.cli.progress import transfer_bar
    from photond.models.download import downloading
    from photond.pipeline.alignment import try_out

    try:
        with downloading(entry, shelf) as transfer:
            there = f", {_megabytes(transfer.there)} of it there already" if transfer.there else ""
            note(
                f"{entry.name}: {entry.title} ({entry.licence}), {_megabytes(transfer.bytes)}{there}, "
                f"from {transfer.source} at {transfer.commit:.12}"
            )
            for fact in entry.unverified:
                note(f"not verified: {fact}")
            with transfer_bar(transfer.bytes, transfer.there) as report:
                transfer.fetch(report)
            note(f"{entry.name}: fetched; trying it out")
            return transfer.finish(try_out)
    except KeyboardInterrupt:
        note(
            "photond: interrupted; what was fetched is kept, and the same command goes on from there"
        )
        raise typer.Exit(ExitCode.INTERRUPTED) from None


def remove(
    session: Session,
    name: Annotated[str, typer.Argument(help="Name of a pack, see `photond models list`.")],
) -> None:
    """Delete a downloaded pack, or what an interrupted download left of one.

    Embeddings that were made with it stay in the index.
    """
    from photond.config import locations
    from photond.models.prepared import all_prepared
    from photond.models.shelf import remove_pack

    if name == session.settings.model.pack:
        raise ModelError(
            f"the pack {name!r} is in use", "Change to another first with `photond models use`."
        )
    if _answers(session, locations.models_dir() / name):
        raise ModelError(
            f"the pack {name!r} still answers, until all photos are embedded with the one in use",
            "Run `photond index` first.",
        )
    remove_pack(name, locations.models_dir())
    all_prepared().prune()
    print_line(f"{name} is deleted")


def _answers(session: Session, folder: Path) -> bool:
    """Whether it is the pack in this folder that queries are answered with."""
    from contextlib import closing

    from photond.models.shelf import find_by_fingerprint
    from photond.store.database import explained
    from photond.store.packs import serving_pack

    if not session.database.exists():
        return False
    with closing(session.open_index()) as connection, explained(session.database):
        serving = serving_pack(connection)
    if serving is None:
        return False
    pack = find_by_fingerprint(serving.fingerprint, serving.name, folder.parent)
    return pack is not None and pack.folder == folder


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

    The daemon embeds the photos with it, or the next `photond index`. Until it has them all, the pack
    used before answers; an interruption loses nothing.
    """
    from photond.cli.control import told_to_reload
    from photond.config import locations
    from photond.config.edit import set_key
    from photond.config.load import load_with_origins
    from photond.config.locations import chosen_file
    from photond.models.shelf import find_pack
    from photond.pipeline.alignment import try_out

    try_out(find_pack(name, locations.models_dir()))
    file = chosen_file(session.config)
    set_key(file, ("model", "pack"), name)
    if keep_old is not None:
        set_key(file, ("model", "keep_old"), keep_old)
    settings, origins = load_with_origins(session.config)
    if settings.model.pack != name:
        print_line(f"{file}: model.pack is {name!r} now")
        note(f"photond: {origins['model.pack']} sets another pack, and wins over the file")
        finish(ExitCode.CONFIGURATION)
    if told_to_reload(session):
        print_line(f"{file}: model.pack is {name!r} now; the daemon embeds the photos with it")
    else:
        print_line(
            f"{file}: model.pack is {name!r} now; run `photond index` to embed the photos with it"
        )


def prune(
    session: Session, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Remove from the index what packs computed that are neither in use nor answering.

    Photos that only such a pack has embedded (on a disk that is not there) are embedded again when they
    are back. The index's file becomes smaller by it.
    """
    from contextlib import closing

    from photond.store import packs
    from photond.store.database import compact, explained, transaction
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
            compact(connection)
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
command(app, "download")(download)
command(app, "remove")(remove)
command(app, "use")(use)
command(app, "quantize")(quantize)
