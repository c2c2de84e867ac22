"""`photond export`."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from photond import __version__
from photond.cli.command import command
from photond.cli.output import finish, note, print_json, print_line
from photond.cli.progress import count_bar
from photond.cli.session import Session, absolute
from photond.errors import ExitCode, PhotondError, UsageError
from photond.printable import printable
from photond.replacement import replacement

if TYPE_CHECKING:
    from photond.search.answering import Answering


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "export")(export)


def export(
    session: Session,
    parquet: Annotated[
        Path | None,
        typer.Option(
            "--parquet", metavar="FILE", help="Write all photos with their embeddings to this file."
        ),
    ] = None,
    query: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="Print the embedding of a text, as JSON, to search such a file for.",
        ),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Also photos on disks that are not there.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the file if there is one.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Hand the embeddings over to another program, as an Apache Parquet file.

    For libraries that outgrow photond, which compares a query with every photo: databases and engines
    that are made for more read such a file. It has one row for each photo, with its files, facts, tags
    and embedding. docs/export.md says what is in it and how to search it.

    --parquet needs the packages of photond's extra `export`. It may run beside the daemon.
    """
    if (parquet is None) == (query is None):
        raise UsageError("say what to export", "Either --parquet FILE or --query TEXT.")
    if query is not None:
        _print_embedding(session, query)
    elif parquet is not None:
        target = Path(absolute(parquet))
        _refuse_target(target, force=force)
        rows, size, spoilt = _write(session, target, offline=offline)
        if json:
            print_json({"parquet": str(target), "photos": rows, "bytes": size, "spoilt": spoilt})
        else:
            print_line(f"{printable(str(target))}: {rows:,} photos, {size / 1e6:.1f} MB")
        if spoilt:
            from photond.store.embeddings import EMBEDDED_AGAIN

            note(f"photond: {spoilt:,} have a spoilt embedding and are left out; {EMBEDDED_AGAIN}")
            finish(ExitCode.INCOMPLETE)


def _refuse_target(target: Path, *, force: bool) -> None:
    if target.is_dir():
        raise UsageError(f"{target} is a folder", "Name the file to write.")
    if target.exists() and not force:
        raise UsageError(f"{target} is there already", "--force replaces it.")


def _write(session: Session, target: Path, *, offline: bool) -> tuple[int, int, int]:
    """Write the file; returns how many photos are in it, its bytes, and how many are spoilt."""
    import os

    from photond.search.library import Known, known_photos
    from photond.store.database import explained, is_part, snapshot
    from photond.store.embeddings import count_embeddings, dimension_of

    writer = _writer()
    database = session.database
    with ExitStack() as stack:
        connection = stack.enter_context(closing(session.open_index()))
        stack.enter_context(explained(database))
        if is_part(target, database):
            raise UsageError(f"{target} is the index itself or a part of it")
        stack.enter_context(snapshot(connection))
        answering = session.answering(connection)
        total = count_embeddings(connection, answering.stored.id)
        dimension = dimension_of(connection, answering.stored.id)
        show = stack.enter_context(count_bar("exporting"))
        done = 0

        def read() -> Iterator[Known]:
            nonlocal done
            for known in known_photos(connection, answering.stored.id, offline=offline):
                yield known
                done += known.read
                show(done, total)

        try:
            with replacement(target) as descriptor, os.fdopen(descriptor, "wb") as out:
                rows: int = writer.write_photos(read(), out, dimension, _about(answering))
                out.flush()
                os.fsync(descriptor)
        except OSError as error:
            raise PhotondError(f"{target} cannot be written: {error.strerror}") from error
    return rows, target.stat().st_size, max(0, total - done)


def _writer() -> ModuleType:
    """The module that writes Parquet.

    Raises:
        UsageError: The packages that it needs are not installed.
    """
    try:
        from photond.search import parquet
    except ImportError as error:
        from photond.config.extras import how_to_install

        raise UsageError(
            f"what writing Parquet needs is not installed ({error})",
            how_to_install("export", "arro3-core", "arro3-io"),
        ) from error
    return parquet


def _about(answering: "Answering") -> dict[str, str]:
    """What the file says of itself."""
    from photond.store.clock import now

    pack = answering.pack
    return {
        "photond.version": __version__,
        "photond.exported_at": now(),
        "photond.pack": pack.name,
        "photond.fingerprint": pack.fingerprint,
        "photond.dimension": str(pack.embedding_dimension),
        "photond.logit_scale": repr(pack.score.logit_scale),
        "photond.logit_bias": repr(pack.score.logit_bias),
    }


def _print_embedding(session: Session, text: str) -> None:
    """Print what a text is compared with photos by, and by which pack it was computed."""
    from photond.models.prepared import prepared_towers
    from photond.search.texts import QueryTexts
    from photond.store.database import explained, snapshot

    with (
        closing(session.open_index()) as connection,
        explained(session.database),
        snapshot(connection),
    ):
        answering = session.answering(connection)
        texts = QueryTexts(prepared=prepared_towers(session.settings.model))
        embedded = texts.embed(connection, answering, text)
    print_json(
        {
            "query": text,
            "pack": answering.pack.name,
            "fingerprint": answering.pack.fingerprint,
            "embedding": embedded.embedding.tolist(),
        }
    )
