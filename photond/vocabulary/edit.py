"""Changing the user's part of the vocabulary, and nothing else in its file."""

import json
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import tomlkit
from tomlkit.exceptions import TOMLKitError

from photond.config.edit import replace_file
from photond.errors import ConfigError, UsageError
from photond.vocabulary.concepts import Vocabulary, everyday
from photond.vocabulary.own import (
    OwnConcept,
    OwnVocabulary,
    check_word,
    combine,
    read_own,
)

_HEADER = """\
# Your part of photond's vocabulary: what photos are tagged with besides the everyday things.
# `photond vocabulary` changes this file, and so can you; `photond retag` makes a change count at once.
"""


def add(file: Path, concepts: Sequence[OwnConcept]) -> None:
    """Add concepts to the user's file; one with a name that stands there takes its place.

    Args:
        file: The user's file, which is made if there is none.
        concepts: What to add.

    Raises:
        ConfigError: The file is not right, cannot be written, or would not be right with these.
    """
    own = read_own(file)
    added = {concept.name.casefold(): concept for concept in concepts}
    # One that stands there stays in its place.
    concept = {one.name.casefold(): one for one in own.concept} | added
    remove = tuple(word for word in own.remove if word.casefold() not in added)
    changed = msgspec.structs.replace(own, concept=tuple(concept.values()), remove=remove)
    _write(file, own, changed)


def remove(file: Path, names: Iterable[str]) -> None:
    """Take concepts out: the user's own are deleted, the everyday ones are noted as unwanted.

    Raises:
        UsageError: There is no such concept.
        ConfigError: The file is not right or cannot be written.
    """
    own = read_own(file)
    base = everyday() if own.everyday else Vocabulary(())
    standing = combine(base, own, str(file))
    mine = {one.name.casefold(): one for one in own.concept}
    unwanted = list(own.remove)
    for word in names:
        concept = standing.find(word)
        if concept is None:
            raise UsageError(f"the vocabulary has no {word!r}", "See `photond vocabulary list`.")
        mine.pop(concept.name.casefold(), None)
        if base.find(concept.name) is not None:
            unwanted.append(concept.name)
    gone = {word.casefold() for word in unwanted}
    # What was a kind of it is so no more.
    kept = tuple(
        msgspec.structs.replace(
            one, parents=tuple(parent for parent in one.parents if parent.casefold() not in gone)
        )
        for one in mine.values()
    )
    changed = msgspec.structs.replace(own, concept=kept, remove=tuple(dict.fromkeys(unwanted)))
    _write(file, own, changed)


def replace(file: Path, concepts: Sequence[OwnConcept]) -> None:
    """Let these concepts be the whole vocabulary.

    Raises:
        ConfigError: They do not fit together, or the file cannot be written.
    """
    changed = OwnVocabulary(everyday=False, concept=tuple(concepts))
    combine(Vocabulary(()), changed, str(file))
    replace_file(file, _HEADER + "\n" + as_toml(changed))


def from_text(text: str, name: str) -> tuple[OwnConcept, ...]:
    """Concepts from a plain list: a name a line, `#` begins a remark.

    Args:
        text: The list.
        name: What to call it in errors.

    Raises:
        ConfigError: A line cannot be a tag.
    """
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    names = list(dict.fromkeys(line for line in lines if line))
    for one in names:
        check_word(one, name)
    return tuple(OwnConcept(name=one) for one in names)


def as_toml(own: OwnVocabulary) -> str:
    """A user's vocabulary as TOML, which `photond vocabulary import` reads."""
    lines = [] if own.everyday else ["everyday = false"]
    if own.remove:
        lines.append(f"remove = {_list(own.remove)}")
    for concept in own.concept:
        lines += ["", "[[concept]]", f"name = {_string(concept.name)}"]
        lines += [
            f"{key} = {_list(value)}"
            for key in ("synonyms", "parents", "prompts")
            if (value := getattr(concept, key))
        ]
    return "\n".join(lines).lstrip("\n") + "\n"


def _write(file: Path, before: OwnVocabulary, after: OwnVocabulary) -> None:
    """Write what changed, and leave the user's remarks and the order of things as they were."""
    combine(everyday() if after.everyday else Vocabulary(()), after, str(file))
    try:
        text = file.read_text("utf-8-sig") if file.exists() else _HEADER
        document = tomlkit.parse(text)
        if after.remove != before.remove:
            document["remove"] = list(after.remove)
        if after.concept != before.concept:
            _edit_concepts(document, after.concept)
    except TOMLKitError as error:  # pragma: no cover - read_own has read it
        raise ConfigError(f"{file} is not valid TOML: {error}") from error
    replace_file(file, _sound(tomlkit.dumps(document), after))


def _sound(text: str, own: OwnVocabulary) -> str:
    """The edited text where it says what it should, else the vocabulary written anew.

    A key that is set behind an array of tables lands in the last of them, for one.
    """
    try:
        if msgspec.convert(tomllib.loads(text), OwnVocabulary) == own:
            return text
    except (tomllib.TOMLDecodeError, msgspec.ValidationError):
        pass
    return _HEADER + as_toml(own)


def _edit_concepts(document: tomlkit.TOMLDocument, concepts: Sequence[OwnConcept]) -> None:
    wanted = {concept.name.casefold(): concept for concept in concepts}
    tables = document.get("concept")
    standing = list(tables) if tables is not None else []
    if tables is None:
        tables = tomlkit.aot()
    for place in range(len(standing) - 1, -1, -1):
        name = str(standing[place]["name"]).casefold()
        if name not in wanted:
            del tables[place]
            continue
        _fill(standing[place], wanted.pop(name))
    for concept in wanted.values():
        table = tomlkit.table()
        table["name"] = concept.name
        _fill(table, concept)
        tables.append(table)
    if not tables:
        document.pop("concept", None)
    elif "concept" not in document:
        document["concept"] = tables


def _fill(table: tomlkit.items.Table, concept: OwnConcept) -> None:
    for key in ("synonyms", "parents", "prompts"):
        value = list(getattr(concept, key))
        if value != list(table.get(key, [])):
            if value:
                table[key] = value
            else:
                table.pop(key, None)


def _string(text: str) -> str:
    # A JSON string is a TOML basic string, but for DEL, which no name has.
    return json.dumps(text, ensure_ascii=False)


def _list(words: Iterable[str]) -> str:
    return f"[{', '.join(map(_string, words))}]"
