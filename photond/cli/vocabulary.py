"""`photond vocabulary`."""

from pathlib import Path
from typing import Annotated

import typer

from photond.cli.command import command
from photond.cli.output import finish, note, print_json, print_line, print_table, print_text
from photond.cli.session import Session
from photond.errors import ConfigError, ExitCode, UsageError

_MOST_CHARACTERS = 1_000_000

app = typer.Typer(help="What photos are tagged with.", no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the group of commands."""
    root.add_typer(app, name="vocabulary")


JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OwnOption = Annotated[bool, typer.Option("--own", help="Only what you added or changed.")]
_HINT = "`photond retag` makes it count at once, the next `photond index` anyway"


def _list(
    session: Session,
    word: Annotated[
        str | None,
        typer.Argument(help="Only this concept and its kinds.", show_default=False),
    ] = None,
    own: OwnOption = False,
    json: JsonOption = False,
) -> None:
    """List the concepts that photos are tagged with, common ones first, and what each is a kind of."""
    from photond.vocabulary.own import read_own

    vocabulary = session.vocabulary
    shown = list(vocabulary)
    if word is not None:
        concept = vocabulary.find(word)
        if concept is None:
            raise UsageError(f"the vocabulary has no {word!r}", "Add it: photond vocabulary add.")
        kinds = {one.id for one in vocabulary.descendants(concept)}
        shown = [concept, *(one for one in vocabulary if one.id in kinds)]
    if own:
        mine = {one.name.casefold() for one in read_own(_file()).concept}
        shown = [one for one in shown if one.name.casefold() in mine]
    names = {one.id: one.name for one in vocabulary}
    parents = {one.id: [names[id_] for id_ in one.parents if id_ in names] for one in shown}
    if json:
        print_json(
            [
                {
                    "name": one.name,
                    "group": one.group,
                    "synonyms": list(one.synonyms),
                    "parents": parents[one.id],
                    "prompts": list(one.prompts),
                }
                for one in shown
            ]
        )
    else:
        print_table(
            ("concept", "is a kind of", "also called"),
            ((one.name, ", ".join(parents[one.id]), ", ".join(one.synonyms)) for one in shown),
        )
    if not shown:
        note("photond: there is none")
        finish(ExitCode.INCOMPLETE)


def add(
    session: Session,
    name: Annotated[str, typer.Argument(help="What the tag says.")],
    synonym: Annotated[
        list[str] | None, typer.Option("--synonym", help="Another word for it.")
    ] = None,
    parent: Annotated[
        list[str] | None, typer.Option("--parent", help="What it is a kind of.")
    ] = None,
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            "--prompt", help='A text that describes a photo of it: "a photo of our red canoe".'
        ),
    ] = None,
) -> None:
    """Add a concept, or say an existing one differently.

    With several prompts, the photos that are like their mean get the tag.
    """
    from photond.vocabulary.edit import add as add_concepts
    from photond.vocabulary.own import OwnConcept, check_word

    own = OwnConcept(
        name=" ".join(name.split()) or name,
        synonyms=tuple(synonym or ()),
        parents=tuple(parent or ()),
        prompts=tuple(prompt or ()),
    )
    try:
        for word in (own.name, *own.synonyms, *own.parents, *own.prompts):
            check_word(word, "vocabulary")
    except ConfigError as error:
        raise UsageError(error.message, error.remedy) from error
    add_concepts(_file(), [own])
    print_line(f"{_file()}: {own.name!r} is in the vocabulary; {_HINT}")
    del session


def remove(
    session: Session,
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Concepts.")],
) -> None:
    """Take concepts out of the vocabulary, yours or those that come with photond."""
    from photond.vocabulary.edit import remove as remove_concepts

    remove_concepts(_file(), names)
    print_line(f"{_file()}: {', '.join(names)} taken out; {_HINT}")
    del session


def import_(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="TOML, or plain text.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Let it be the whole vocabulary.")
    ] = False,
) -> None:
    """Add concepts from a file: TOML as `export` writes it, or text with a name a line.

    A file whose name ends in .toml is read as TOML. In plain text, # begins a remark.
    """
    from photond.vocabulary import edit
    from photond.vocabulary.own import read_given

    if not file.is_file():
        raise UsageError(f"there is no file {file}")
    if file.suffix.lower() == ".toml":
        concepts = read_given(file).concept
    else:
        concepts = edit.from_text(_text_of(file), str(file))
    if not concepts:
        raise UsageError(f"{file} has no concept in it")
    (edit.replace if replace else edit.add)(_file(), concepts)
    print_line(f"{_file()}: {len(concepts):,} concepts taken over; {_HINT}")
    del session


def export(
    session: Session,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Where to; without it, standard output."),
    ] = None,
    own: OwnOption = False,
    text: Annotated[bool, typer.Option("--text", help="Names only, one a line.")] = False,
) -> None:
    """Write the vocabulary as TOML, or as plain text with a name a line."""
    from photond.config.edit import replace_file
    from photond.vocabulary.edit import as_toml
    from photond.vocabulary.own import OwnVocabulary, as_own, read_own

    vocabulary = session.vocabulary
    if own:
        written = read_own(_file())
    else:
        names = {one.id: one.name for one in vocabulary}
        written = OwnVocabulary(everyday=False, concept=as_own(vocabulary, names))
    content = (
        "".join(f"{one.name}\n" for one in written.concept) if text else as_toml(written)
    ).rstrip("\n")
    if file is None:
        print_text(content)
    else:
        replace_file(file, content + "\n")
        print_line(f"{file}: {len(written.concept):,} concepts")


def _text_of(file: Path) -> str:
    try:
        with file.open(encoding="utf-8-sig") as stream:
            text = stream.read(_MOST_CHARACTERS + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read as text: {error}") from error
    if len(text) > _MOST_CHARACTERS:
        raise UsageError(f"{file} is too long for a vocabulary (more than a million characters)")
    return text


def _file() -> Path:
    from photond.config import locations

    return locations.vocabulary_file()


command(app, "list")(_list)
command(app, "add")(add)
command(app, "remove")(remove)
command(app, "import")(import_)
command(app, "export")(export)
