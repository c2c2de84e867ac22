"""`photond models quantize`."""

import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photond.cli.output import console, note, print_json, print_line, print_table
from photond.cli.session import Session, absolute
from photond.errors import UsageError
from photond.printable import printable

if TYPE_CHECKING:
    from photond.models.pack import Pack
    from photond.pipeline.comparison import Likeness
    from photond.pipeline.sample import Sample
    from photond.pipeline.trial import Pair, Trial

_PHOTOS = 60
_TEXTS = 60
# Of the mean cosine. Above it, photos that change places are mostly such as were nearly equal before.
_FAITHFUL = 0.98


def quantize(
    session: Session,
    name: Annotated[
        str | None,
        typer.Argument(help="Name of a pack; without it, the one in use.", show_default=False),
    ] = None,
    new_name: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="NAME",
            help="Name of the new pack; without it, NAME-int8, or NAME-int8-own where a pack to "
            "download is called that.",
        ),
    ] = None,
    photos: Annotated[
        list[Path] | None,
        typer.Option(
            "--photos",
            metavar="PATH",
            help="Compare on these photos or folders, rather than on some of the index; repeatable.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make a pack whose towers compute with 8-bit integers: a quarter of the size, and faster.

    Compares it with the old one, on your own photos. The new pack is not used before you say so, and
    the old one stays as it is. Needs the packages of photond's extra `quantize`.
    """
    from photond.config import locations
    from photond.models.quantize import quantize_pack, require_extra
    from photond.models.shelf import find_pack
    from photond.pipeline.trial import compare, examiner

    require_extra()
    folder = locations.models_dir()
    old = find_pack(name or session.settings.model.pack, folder)
    sample = _sample(session, old, photos)
    with _saying(f"quantising {old.name} ..."):
        new = quantize_pack(old, new_name or _free_name(old.name), folder, examiner(old))
    with _saying(f"comparing it on {len(sample.names)} photos ..."):
        trial = compare(old, new, sample, _texts())
    if json:
        print_json({"name": new.name, "path": str(new.folder)} | _as_json(trial, sample))
    else:
        _print(trial, sample, old, new)
    for kind, likeness in (("photos", trial.photos), ("texts", trial.texts)):
        if likeness.mean < _FAITHFUL:
            note(
                f"photond: {new.name} sees {kind} otherwise than {old.name} does (a cosine of "
                f"{likeness.mean:.3f} on average): expect other photos to be found, or keep {old.name}"
            )


def _free_name(old: str) -> str:
    """A name that cannot be mistaken for that of a pack to download."""
    from photond.models.registry import registered_packs

    name = f"{old}-int8"
    return f"{name}-own" if name in registered_packs() else name


def _sample(session: Session, pack: "Pack", photos: list[Path] | None) -> "Sample":
    """Photos to compare on: the given ones, else some of the index, else those that all have."""
    from photond.pipeline.sample import indexed_photos, known_photos, photos_below, take

    settings = session.settings
    if photos:
        paths = [absolute(path) for path in photos]
        absent = [path for path in paths if not Path(path).exists()]
        if absent:
            raise UsageError(f"there is no {' and no '.join(absent)}")
        below = photos_below(paths, settings)
        given = take("given", below, _PHOTOS, pack.image, settings)
        if given is None:
            raise UsageError(f"there is no photo in {' and '.join(paths)} that can be read")
        return given
    if not session.database.exists():
        return known_photos(pack.image)
    from photond.store.database import explained

    with closing(session.open_index()) as connection, explained(session.database):
        indexed = take("index", indexed_photos(connection), _PHOTOS, pack.image, settings)
    return indexed or known_photos(pack.image)


def _texts() -> list[str]:
    """Words to search for: some of the vocabulary, always the same."""
    from photond.pipeline.sample import SEED
    from photond.vocabulary.concepts import everyday

    vocabulary = [concept.name for concept in everyday()]
    return random.Random(SEED).sample(vocabulary, min(_TEXTS, len(vocabulary)))  # noqa: S311


def _print(trial: "Trial", sample: "Sample", old: "Pack", new: "Pack") -> None:
    size, load = trial.bytes, trial.load_seconds
    print_line(f"{new.name} is in {printable(str(new.folder))}")
    print_table(
        ("", f">{old.name}", f">{new.name}", ""),
        (
            ("on disk", _megabytes(size.old), _megabytes(size.new), f"{size.new / size.old:.0%}"),
            ("loading", f"{load.old:.2f} s", f"{load.new:.2f} s", _times(load.old / load.new)),
            ("photos, on one core", *_rates(trial.photos_per_second)),
            ("texts, on one core", *_rates(trial.texts_per_second)),
        ),
    )
    print_table(
        ("alike, as cosines", ">mean", ">least", "which"),
        (
            _alike(trial.photos, "photos", trial.worst_photo),
            _alike(trial.texts, "texts", trial.worst_text),
        ),
    )
    searches, texts = trial.searches, trial.texts.count
    found = [f"of {texts} searches, {searches.first:.0%} find the same photo first"]
    if searches.few is not None:
        found.append(f"{searches.few:.0%} of the first five photos are the same")
    if searches.correlation is not None:
        found.append(f"rank correlation {searches.correlation:.3f}")
    print_line("; ".join(found))
    if sample.origin == "known":
        print_line("Compared on pictures that come with photond; --photos DIR takes your own.")
    print_line(f"To use it: photond models use {new.name}, and photond index")


def _alike(likeness: "Likeness", kind: str, worst: str) -> tuple[str, str, str, str]:
    mean, least = f"{likeness.mean:.4f}", f"{likeness.least:.4f}"
    return f"{likeness.count} {kind}", mean, least, worst


def _megabytes(count: float) -> str:
    return f"{count / 1e6:,.1f} MB"


def _rates(pair: "Pair") -> tuple[str, str, str]:
    return f"{pair.old:,.1f}/s", f"{pair.new:,.1f}/s", _times(pair.new / pair.old)


def _times(ratio: float) -> str:
    return f"{ratio:.1f} times as fast"


def _as_json(trial: "Trial", sample: "Sample") -> dict[str, object]:
    return {
        "bytes": asdict(trial.bytes),
        "load_seconds": asdict(trial.load_seconds),
        "photos_per_second": asdict(trial.photos_per_second),
        "texts_per_second": asdict(trial.texts_per_second),
        "photos": _likeness_as_json(trial.photos, trial.worst_photo) | {"origin": sample.origin},
        "texts": _likeness_as_json(trial.texts, trial.worst_text),
        "searches": {
            "same_first": trial.searches.first,
            "same_first_five": trial.searches.few,
            "rank_correlation": trial.searches.correlation,
        },
    }


def _likeness_as_json(likeness: "Likeness", worst: str) -> dict[str, object]:
    return {
        "count": likeness.count,
        "mean": likeness.mean,
        "least": likeness.least,
        "worst": worst,
    }


@contextmanager
def _saying(what: str) -> Iterator[None]:
    """Tell a person at a terminal what takes so long."""
    terminal = console(stderr=True)
    if not terminal.is_terminal:
        yield
        return
    with terminal.status(what):
        yield
