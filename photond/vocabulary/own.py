"""The user's own part of the vocabulary: what it adds, changes and leaves out."""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from photond.config import source
from photond.errors import ConfigError
from photond.vocabulary.concepts import Concept, Name, Vocabulary, everyday


class OwnConcept(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A `[[concept]]` of the user's file: a new one, or one of the everyday ones said differently.

    Attributes:
        name: What the tag says.
        synonyms: Other words for it.
        parents: Names of what it is a kind of.
        prompts: Complete texts that describe a photo of it, in place of the model pack's template.
    """

    name: Name
    synonyms: tuple[Name, ...] = ()
    parents: tuple[Name, ...] = ()
    prompts: tuple[Name, ...] = ()


class OwnVocabulary(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the user's file says.

    Attributes:
        everyday: Whether the vocabulary that comes with photond counts as well.
        remove: Names of its concepts that the user does not want.
        concept: The user's own.
    """

    everyday: bool = True
    remove: tuple[Name, ...] = ()
    concept: tuple[OwnConcept, ...] = ()


def load_vocabulary(file: Path) -> Vocabulary:
    """The vocabulary in effect: what comes with photond, and the user's file where there is one.

    Raises:
        ConfigError: The file cannot be read, or something in it is wrong.
    """
    own = read_own(file)
    return combine(everyday() if own.everyday else Vocabulary(()), own, str(file))


def read_own(file: Path) -> OwnVocabulary:
    """The user's part of the vocabulary; nothing where there is no file.

    Raises:
        ConfigError: The file cannot be read, is not TOML, has a key that is unknown or wrong, or
            somebody else could have written it.
    """
    try:
        return parse_own(source.read(file).data, str(file))
    except FileNotFoundError:
        return OwnVocabulary()


def read_given(file: Path) -> OwnVocabulary:
    """What a file says that is to be taken over, whoever wrote it.

    Raises:
        ConfigError: It cannot be read, is not TOML, or has a key that is unknown or wrong.
    """
    try:
        return parse_own(source.read_from_anybody(file).data, str(file))
    except FileNotFoundError as error:
        raise ConfigError(f"there is no file {file}") from error


def parse_own(document: Mapping[str, object], name: str) -> OwnVocabulary:
    """Check the TOML of a user's vocabulary.

    Args:
        document: What the file says.
        name: What to call the file in errors.

    Raises:
        ConfigError: It has a key that is unknown or wrong.
    """
    try:
        own = msgspec.convert(document, OwnVocabulary)
    except msgspec.ValidationError as error:
        reason = str(error).replace("Object contains unknown field", "unknown key:")
        raise ConfigError(f"{name}: {reason.replace('$.', '')}") from error
    for concept in own.concept:
        for word in (concept.name, *concept.synonyms, *concept.parents, *concept.prompts):
            check_word(word, name)
    return own


def check_word(word: str, name: str) -> None:
    """Refuse a name or a text that no tag can be.

    Raises:
        ConfigError: It is blank, or has characters that are not to be seen.
    """
    if not word.strip() or not word.isprintable():
        raise ConfigError(f"{name}: {word!r} cannot be a tag", "Use words on one line.")


def combine(base: Vocabulary, own: OwnVocabulary, name: str) -> Vocabulary:
    """A vocabulary with the user's part brought in; the user's new concepts come first.

    Args:
        base: What comes with photond, or nothing.
        own: The user's part.
        name: What to call it in errors.

    Raises:
        ConfigError: A concept stands there twice, has a parent that is none, or is its own ancestor.
    """
    unwanted = {concept.id for word in own.remove if (concept := base.find(word)) is not None}
    kept = {concept.id: concept for concept in base if concept.id not in unwanted}
    named = {concept.name.casefold(): concept for concept in kept.values()}
    changed: dict[str, OwnConcept] = {}
    new: dict[str, OwnConcept] = {}
    for one in own.concept:
        standing = named.get(one.name.casefold())
        if standing is not None:
            id_, place = standing.id, changed
        else:
            id_, place = _free_id(one.name, base, new), new
        if id_ in place or any(o.name.casefold() == one.name.casefold() for o in new.values()):
            raise ConfigError(f"{name}: the concept {one.name!r} stands there twice")
        place[id_] = one
    words = _words(kept, new)
    concepts = [_concept(id_, one, None, words, name) for id_, one in new.items()]
    concepts += [
        _concept(id_, changed[id_], concept, words, name) if id_ in changed else concept
        for id_, concept in kept.items()
    ]
    vocabulary = Vocabulary(concepts)
    for concept in concepts:
        if any(concept.id in parent.parents for parent in vocabulary.ancestors(concept)):
            raise ConfigError(f"{name}: the concept {concept.name!r} is a kind of itself")
    return vocabulary


def _concept(
    id_: str,
    own: OwnConcept,
    standing: Concept | None,
    words: Mapping[str, str],
    name: str,
) -> Concept:
    parents = tuple(dict.fromkeys(_parent(own, word, words, name) for word in own.parents))
    if standing is None:
        return Concept(
            id=id_,
            name=" ".join(own.name.split()),
            synonyms=own.synonyms,
            parents=parents,
            prompts=own.prompts,
        )
    return msgspec.structs.replace(
        standing,
        synonyms=own.synonyms or standing.synonyms,
        parents=parents or standing.parents,
        prompts=own.prompts or standing.prompts,
    )


def _parent(own: OwnConcept, word: str, words: Mapping[str, str], name: str) -> str:
    found = words.get(word.casefold())
    if found is None:
        near = difflib.get_close_matches(word.casefold(), words, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "See `photond vocabulary list`."
        raise ConfigError(
            f"{name}: the concept {own.name!r} has the parent {word!r}, which is none", hint
        )
    return found


def _words(kept: Mapping[str, Concept], new: Mapping[str, OwnConcept]) -> dict[str, str]:
    """Ids by every word that names them; the user's words, and names, come first."""
    words = {one.name.casefold(): id_ for id_, one in new.items()}
    for id_, concept in kept.items():
        words.setdefault(concept.name.casefold(), id_)
    for id_, own in new.items():
        for synonym in own.synonyms:
            words.setdefault(synonym.casefold(), id_)
    for id_, concept in kept.items():
        for synonym in (*concept.synonyms, id_):
            words.setdefault(synonym.casefold(), id_)
    return words


def _free_id(name: str, base: Vocabulary, new: Mapping[str, OwnConcept]) -> str:
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "concept"
    taken = {concept.id for concept in base} | set(new)
    id_, number = slug, 2
    while id_ in taken:
        id_, number = f"{slug}-{number}", number + 1
    return id_


def as_own(vocabulary: Iterable[Concept], names: Mapping[str, str]) -> tuple[OwnConcept, ...]:
    """Concepts as they stand in a user's file.

    Args:
        vocabulary: The concepts.
        names: The names of all that may be parents, by id.
    """
    return tuple(
        OwnConcept(
            name=one.name,
            synonyms=one.synonyms,
            parents=tuple(names[parent] for parent in one.parents if parent in names),
            prompts=one.prompts,
        )
        for one in vocabulary
    )
