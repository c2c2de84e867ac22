"""Concepts and the vocabulary that they form: names, synonyms, and what each is a kind of."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from importlib import resources
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

Name = Annotated[str, Meta(min_length=1)]


class Concept(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something that a photo can show.

    Attributes:
        id: A slug that stays when the name is improved; what `parents` refers to.
        name: What a person calls it; what a tag says.
        group: Which part of the vocabulary it belongs to, such as "animals"; "own" for the user's.
        synonyms: Other words for the same thing, found by and never shown.
        parents: The ids of the concepts that it is a kind of, the nearest ones alone.
        prompts: Complete texts that describe a photo of it, in place of the model pack's template;
            its embedding is the mean of theirs.
        wordnet: The synset of WordNet 3 that it is; None where it is only ours.
    """

    id: Name
    name: Name
    group: str = "own"
    synonyms: tuple[Name, ...] = ()
    parents: tuple[str, ...] = ()
    prompts: tuple[Name, ...] = ()
    wordnet: str | None = None

    def texts(self, template: str) -> tuple[str, ...]:
        """The texts whose mean embedding stands for it.

        Args:
            template: The model pack's, with one `{label}`.
        """
        return self.prompts or (template.replace("{label}", self.name),)


class _Shipped(Struct, frozen=True):
    concepts: tuple[Concept, ...]


class Vocabulary:
    """Concepts in the order in which they are common in people's photos.

    Args:
        concepts: Their ids are unique, and their parents are among them; a parent that is not is
            left out, because the user may have removed it.
    """

    def __init__(self, concepts: Iterable[Concept]) -> None:
        self.concepts: Sequence[Concept] = tuple(concepts)
        self._by_id: Mapping[str, Concept] = {one.id: one for one in self.concepts}

    def __len__(self) -> int:
        return len(self.concepts)

    def __iter__(self) -> Iterator[Concept]:
        return iter(self.concepts)

    @cached_property
    def fingerprint(self) -> str:
        """Changes with anything that tags depend on."""
        basis = [(one.id, one.name, one.parents, one.prompts) for one in self.concepts]
        return hashlib.sha256(msgspec.json.encode(basis)).hexdigest()

    @cached_property
    def _by_word(self) -> Mapping[str, Concept]:
        words: dict[str, Concept] = {}
        # A name counts before any synonym.
        for one in self.concepts:
            words.setdefault(one.name.casefold(), one)
        for one in self.concepts:
            for synonym in (*one.synonyms, one.id):
                words.setdefault(synonym.casefold(), one)
        return words

    @cached_property
    def _children(self) -> Mapping[str, list[str]]:
        children: dict[str, list[str]] = {one.id: [] for one in self.concepts}
        for one in self.concepts:
            for parent in one.parents:
                if parent in children:
                    children[parent].append(one.id)
        return children

    def find(self, word: str) -> Concept | None:
        """The concept that a word names, by its name, a synonym or its id, whatever the case."""
        return self._by_word.get(" ".join(word.split()).casefold())

    def ancestors(self, concept: Concept) -> tuple[Concept, ...]:
        """Everything that a concept is a kind of, the nearest first; never itself."""
        return self._closure(concept, lambda one: one.parents)

    def descendants(self, concept: Concept) -> tuple[Concept, ...]:
        """Every kind of a concept; never itself."""
        return self._closure(concept, lambda one: self._children[one.id])

    def _closure(
        self, start: Concept, step: Callable[[Concept], Iterable[str]]
    ) -> tuple[Concept, ...]:
        found: dict[str, Concept] = {}
        queue = [start]
        for one in queue:
            for id_ in step(one):
                # Also ends where the user's own parents run in a circle.
                if id_ in self._by_id and id_ not in found and id_ != start.id:
                    found[id_] = self._by_id[id_]
                    queue.append(found[id_])
        return tuple(found.values())


def everyday() -> Vocabulary:
    """The vocabulary that comes with photond."""
    data = resources.files("photond.vocabulary").joinpath("everyday.json").read_bytes()
    return Vocabulary(msgspec.json.decode(data, type=_Shipped).concepts)
