"""`photond models`."""

from typing import Annotated

import typer

from photond.cli.command import command
from photond.cli.output import finish, note, print_json, print_line, print_table
from photond.cli.quantize import quantize
from photond.cli.session import Session
from photond.errors import ExitCode, PhotondError

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
    """Compare the files of a pack with their hashes, and known pictures with known texts."""
    from photond.config import locations
    from photond.models.shelf import find_pack
    from photond.pipeline.alignment import try_out

    pack = find_pack(name or session.settings.model.pack, locations.models_dir())
    margin = try_out(pack).margin
    print_line(f"{pack.name}: whole, and its towers agree (known pictures lead by {margin:.2f})")


def use(
    session: Session,
    name: Annotated[str, typer.Argument(help="Name of a pack, see `photond models list`.")],
) -> None:
    """Use another pack from now on: verifies it and sets `model.pack` in the configuration.

    Photos indexed with the pack used before keep those embeddings, and are found again when the next
    `photond index` has embedded them with this one.
    """
    from photond.config import chosen_file, load_with_origins, locations
    from photond.config.edit import set_key
    from photond.models.shelf import find_pack
    from photond.pipeline.alignment import try_out

    try_out(find_pack(name, locations.models_dir()))
    file = chosen_file(session.config)
    set_key(file, ("model", "pack"), name)
    print_line(
        f"{file}: model.pack is {name!r} now; run `photond index` to embed the photos with it"
    )
    settings, origins = load_with_origins(session.config)
    if settings.model.pack != name:
        note(f"photond: {origins['model.pack']} sets another pack, and wins over the file")
        finish(ExitCode.CONFIGURATION)


command(app, "list")(_list)
command(app, "path")(path)
command(app, "verify")(verify)
command(app, "use")(use)
command(app, "quantize")(quantize)
