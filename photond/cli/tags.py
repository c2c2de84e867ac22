"""`photond tags`, `photond tag` and `photond retag`."""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photond.cli.command import command
from photond.cli.completion import complete_own_tag
from photond.cli.output import finish, note, print_json, print_line, print_table
from photond.cli.session import Session, absolute
from photond.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from photond.store.database import Connection
    from photond.store.tags import Tag
    from photond.vocabulary.concepts import Vocabulary

AllOption = Annotated[
    bool, typer.Option("--all", "-a", help="Also show what the tags imply: a labrador is a dog.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "tags")(tags)
    command(app, "tag")(tag)
    command(app, "retag")(retag)


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
    implied: AllOption = False,
    json: JsonOption = False,
) -> None:
    """Show the tags of photos, or all tags with how many photos have them."""
    from photond.store.database import explained, snapshot

    connection = session.open_index()
    with explained(session.database), snapshot(connection):
        pack_id = session.answering(connection).stored.id
        if photos:
            paths = [absolute(photo) for photo in photos]
            _print_tags(session, connection, pack_id, paths, implied=implied, json=json)
            return
        counts = (
            _implied_counts(connection, pack_id, session.vocabulary)
            if implied
            else _counts(connection, pack_id)
        )
    if json:
        print_json([{"tag": tag, "photos": photos} for tag, photos in counts])
    else:
        print_table((">photos", "tag"), ((f"{count}", tag) for tag, count in counts))


def tag(
    session: Session,
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="Photos in the index.")],
    add: Annotated[
        list[str] | None,
        typer.Option(
            "--add",
            metavar="TAG",
            help="Give the photos a tag of yours.",
            autocompletion=complete_own_tag,
        ),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option(
            "--remove",
            metavar="TAG",
            help="Take a tag away, yours or a wrong one.",
            autocompletion=complete_own_tag,
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Set your own tags. No re-tagging ever touches them; they follow the photo wherever it moves.

    A tag that photond gave and you remove is not given to that photo again.
    """
    from photond.store.database import commit_durably, explained, transaction

    if not add and not remove:
        raise UsageError("there is no tag to set", "Use --add TAG or --remove TAG.")
    added = [_tag_name(text) for text in add or ()]
    removed = [_tag_name(text) for text in remove or ()]
    paths = [absolute(photo) for photo in photos]
    connection = session.open_index()
    is_done = True
    with explained(session.database):
        commit_durably(connection)
        with transaction(connection):
            pack_id = session.answering(connection).stored.id
            for path, content_id in _contents(connection, paths).items():
                _add(connection, content_id, added)
                is_done &= _remove(session, connection, pack_id, path, content_id, removed)
        _print_tags(session, connection, pack_id, paths, implied=False, json=json)
    finish(ExitCode.DONE if is_done else ExitCode.INCOMPLETE)


def retag(session: Session, json: JsonOption = False) -> None:
    """Tag the whole library anew from the stored embeddings; no photo is opened.

    For a change of the vocabulary or of the thresholds to count at once. Whoever searches meanwhile
    sees the old tags until all the new ones are there. A running daemon does it by itself.
    """
    import time

    from photond.cli.control import told_to_reload
    from photond.cli.index import stop_on_signal
    from photond.cli.progress import progress_bar
    from photond.models.loading import Towers
    from photond.models.prepared import prepared_towers
    from photond.pipeline.engine import workers_for
    from photond.pipeline.retag import retag as tag_anew
    from photond.pipeline.tagger import Tagger
    from photond.store.database import explained
    from photond.store.embeddings import count_embeddings
    from photond.store.lock import only_indexer
    from photond.store.tags import count_tags

    started = time.monotonic()
    database = session.database
    if told_to_reload(session):
        if json:
            print_json({"daemon": True})
        else:
            print_line(
                "the daemon reads the vocabulary again, and tags all photos if it has changed"
            )
        return
    with (
        closing(session.open_index()) as connection,
        explained(database),
        only_indexer(database),
        stop_on_signal() as should_stop,
        progress_bar(hidden=json) as on_progress,
    ):
        answering = session.answering(connection)
        settings = session.settings
        pack, stored = answering.pack, answering.stored
        tagger = Tagger(connection, pack, stored, session.vocabulary, settings.tags)
        towers = Towers(
            pack, text_threads=workers_for(settings), prepared=prepared_towers(settings.model)
        )
        is_done = tag_anew(tagger, towers, on_progress, should_stop)
        photos = count_embeddings(connection, stored.id)
        given = count_tags(connection, stored.id)
    if not is_done:
        note(
            "photond: interrupted; the tags are as they were, and the next time goes on from there"
        )
        finish(ExitCode.INTERRUPTED)
    seconds = time.monotonic() - started
    if json:
        print_json({"photos": photos, "tags": given, "seconds": round(seconds, 3)})
    else:
        print_line(f"{photos:,} photos have {given:,} tags ({seconds:.1f} s)")


def _tag_name(text: str) -> str:
    name = " ".join(text.split())
    if not name or not name.isprintable() or name.startswith("!"):
        raise UsageError(f"{text!r} cannot be a tag", "Use words on one line.")
    return name


def _contents(connection: "Connection", paths: Sequence[str]) -> dict[str, int]:
    """The contents of the photos that are in the index, by path."""
    from photond.store.files import content_at

    found = {path: content_at(connection, path) for path in paths}
    return {path: content_id for path, content_id in found.items() if content_id is not None}


def _add(connection: "Connection", content_id: int, names: Sequence[str]) -> None:
    from photond.store.tags import set_user_tag

    for name in names:
        set_user_tag(connection, content_id, name, "added")


def _remove(
    session: Session,
    connection: "Connection",
    pack_id: int,
    path: str,
    content_id: int,
    names: Sequence[str],
) -> bool:
    """Take tags away from a photo; returns whether it had them all."""
    from photond.store.tags import set_user_tag, tags_of

    had_all = True
    for name in names:
        tagged = tags_of(connection, pack_id, [content_id])[content_id]
        has = {one.label.casefold(): one.label for one in tagged}
        concept = session.vocabulary.find(name)
        words = (name, *(() if concept is None else (concept.name, *concept.synonyms)))
        label = next((has[word.casefold()] for word in words if word.casefold() in has), None)
        if label is None:
            had_all = False
            note(f"photond: {path} has no tag {name!r}")
        else:
            set_user_tag(connection, content_id, label, "removed")
    return had_all


def _print_tags(
    session: Session,
    connection: "Connection",
    pack_id: int,
    paths: Sequence[str],
    *,
    implied: bool,
    json: bool,
) -> None:
    """Print the tags of photos, and end with 1 if one of them is not in the index."""
    from photond.store.tags import tags_of

    known = _contents(connection, paths)
    tagged = tags_of(connection, pack_id, list(known.values()))
    also = {
        content_id: implied_by(found, session.vocabulary) if implied else {}
        for content_id, found in tagged.items()
    }
    if json:
        print_json(
            [
                {
                    "path": path,
                    "tags": [
                        *(
                            tag_as_json(one, "user" if one.by_user else "model")
                            for one in tagged[id_]
                        ),
                        *(tag_as_json(one, "implied") for one in also[id_].values()),
                    ],
                }
                for path, id_ in known.items()
            ]
        )
    else:
        print_table(
            ("photo", "tags"),
            (
                (path, ", ".join([*map(tag_in_words, tagged[id_]), *also[id_]]))
                for path, id_ in known.items()
            ),
        )
    for path in paths:
        if path not in known:
            note(f"photond: {path} is not in the index")
    if any(path not in known for path in paths):
        finish(ExitCode.INCOMPLETE)


def tag_as_json(tag: "Tag", source: str) -> dict[str, object]:
    return {"tag": tag.label, "confidence": round(tag.confidence, 6), "source": source}


def tag_in_words(tag: "Tag") -> str:
    return f"{tag.label} (yours)" if tag.by_user else f"{tag.label} ({tag.confidence:.2f})"


def implied_by(tags: "Sequence[Tag]", vocabulary: "Vocabulary") -> "dict[str, Tag]":
    """What tags are kinds of, each with the confidence of the surest tag that says so."""
    from photond.store.tags import Tag

    shown = {tag.label.casefold() for tag in tags}
    found: dict[str, Tag] = {}
    for tag in sorted(tags, key=lambda one: -one.confidence):
        concept = vocabulary.find(tag.label)
        for one in vocabulary.ancestors(concept) if concept is not None else ():
            if one.name.casefold() not in shown:
                found.setdefault(one.name, Tag(one.name, tag.confidence))
    return found


def _counts(connection: "Connection", pack_id: int) -> list[tuple[str, int]]:
    from photond.store.tags import tag_counts

    return tag_counts(connection, pack_id)


def _implied_counts(
    connection: "Connection", pack_id: int, vocabulary: "Vocabulary"
) -> list[tuple[str, int]]:
    """Every tag with its photos, those included whose tags imply it."""
    from photond.store.tags import label_sets

    counts: Counter[str] = Counter()
    known: dict[str, tuple[str, ...]] = {}
    for labels, photos in label_sets(connection, pack_id):
        meant: set[str] = set()
        for label in labels:
            if label not in known:
                concept = vocabulary.find(label)
                above = vocabulary.ancestors(concept) if concept is not None else ()
                known[label] = (label, *(one.name for one in above))
            meant.update(known[label])
        for label in meant:
            counts[label] += photos
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))
