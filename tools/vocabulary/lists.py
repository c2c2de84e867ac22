"""The reviewed lists: one file a group, one concept a line.

    name | synset | tier | extras

Two spaces of indentation put a concept under the one above it. Extras are `= synonym, synonym`,
`< another parent, another parent` and `"a text to encode instead of the name in the pack's template"`.
README.md beside this file says more.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TIERS = {"1", "2", "3"}
FIRST_COLUMNS = 3
LONGEST_PROMPT = 60


@dataclass(frozen=True, slots=True)
class Concept:
    """A line of a list.

    Attributes:
        place: File and line, for messages.
        name: What a person calls it.
        group: The list it stands in.
        tier: 1 everyday, 2 common, 3 specific.
        synonyms: Other words for the same thing.
        parents: The names of the broader concepts, the one above it first.
        prompts: Texts to encode instead of the name in the model pack's template.
        wordnet: The synset, or None where WordNet has none that fits.
    """

    place: str
    name: str
    group: str
    tier: int
    synonyms: tuple[str, ...]
    parents: tuple[str, ...]
    prompts: tuple[str, ...]
    wordnet: str | None

    @property
    def id(self) -> str:
        """The name as a slug: `Valentine's Day` is `valentines-day`."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower().replace("'", "")).strip("-")


class ListError(ValueError):
    """A list says something that cannot be; the message begins with file and line."""


def read(folder: Path) -> list[Concept]:
    """All concepts of the lists in a folder.

    Raises:
        ListError: A line is not in the format.
    """
    return [concept for path in sorted(folder.glob("*.txt")) for concept in _read_list(path)]


def _read_list(path: Path) -> Iterator[Concept]:
    above: list[str] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        place = f"{path.name}:{number}"
        depth, odd = divmod(len(line) - len(line.lstrip(" ")), 2)
        if odd or depth > len(above):
            raise ListError(f"{place}: the indentation fits nothing above it")
        name, synset, tier, extras = _columns(place, line)
        del above[depth:]
        parents = above[-1:]
        above.append(name)
        synonyms, prompts = [], []
        for extra in extras:
            if extra.startswith("= "):
                synonyms += extra[2:].split(", ")
            elif extra.startswith("< "):
                parents += extra[2:].split(", ")
            elif re.fullmatch(r'"[^"]+"', extra):
                prompts.append(extra[1:-1])
            else:
                raise ListError(f"{place}: what is {extra!r}?")
        yield Concept(
            place=place,
            name=name,
            group=path.stem,
            tier=tier,
            synonyms=tuple(synonyms),
            parents=tuple(parents),
            prompts=tuple(prompts),
            wordnet=synset,
        )


def _columns(place: str, line: str) -> tuple[str, str | None, int, list[str]]:
    columns = line.strip().split(" | ")
    if len(columns) < FIRST_COLUMNS or columns[2] not in TIERS or not all(columns):
        raise ListError(f"{place}: not name | synset | tier")
    name, synset, tier, *extras = columns
    return name, None if synset == "-" else synset, int(tier), extras


def check(concepts: list[Concept]) -> None:
    """Look at what no line can show alone.

    Raises:
        ListError: One message for all that is wrong, a line each.
    """
    wrong = [*_clashes(concepts), *_texts(concepts)]
    by_name = {concept.name: concept for concept in concepts}
    for concept in concepts:
        missing = [parent for parent in concept.parents if parent not in by_name]
        wrong += [f"{concept.place}: there is no {parent!r}" for parent in missing]
    if not wrong:  # ancestors need whole parents
        wrong += _ancestry(by_name)
    if wrong:
        raise ListError("\n".join(wrong))


def _clashes(concepts: list[Concept]) -> Iterator[str]:
    words: dict[str, Concept] = {}
    slugs: dict[str, Concept] = {}
    for concept in concepts:
        for word in (concept.name, *concept.synonyms):
            other = words.setdefault(word.casefold(), concept)
            if other is not concept or (concept.name, *concept.synonyms).count(word) > 1:
                yield f"{concept.place}: {word!r} is said at {other.place} already"
        if slugs.setdefault(concept.id, concept) is not concept:
            yield f"{concept.place}: the slug {concept.id!r} is that of {slugs[concept.id].place}"


def _texts(concepts: list[Concept]) -> Iterator[str]:
    for concept in concepts:
        for prompt in concept.prompts:
            if len(prompt) > LONGEST_PROMPT:
                yield f"{concept.place}: {prompt!r} has more than {LONGEST_PROMPT} characters"


def _ancestry(by_name: dict[str, Concept]) -> Iterator[str]:
    for concept in by_name.values():
        if concept.name in ancestors(by_name, concept.name):
            yield f"{concept.place}: {concept.name!r} is above itself"
        if len(set(concept.parents)) < len(concept.parents):
            yield f"{concept.place}: a parent is said twice"


def ancestors(by_name: dict[str, Concept], name: str) -> set[str]:
    """The names of all concepts that are broader than one."""
    found: set[str] = set()
    waiting = [*by_name[name].parents]
    while waiting:
        near = waiting.pop()
        if near not in found:
            found.add(near)
            waiting += by_name[near].parents
    return found


def direct_parents(by_name: dict[str, Concept], name: str) -> list[str]:
    """The broader concepts of one, less those that another of them implies.

    A line may stand under a wide concept, where people look for it, and name a narrower one itself.
    """
    parents = by_name[name].parents
    return [
        parent
        for parent in parents
        if not any(parent in ancestors(by_name, other) for other in parents)
    ]
