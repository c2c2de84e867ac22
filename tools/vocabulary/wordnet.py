"""The nouns of WordNet, read from its own database files.

The format is described in the manual page wndb(5). Only what the vocabulary needs is read: which
synset a name such as `dog.n.01` means, its words, its definition and what it is a kind of.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

# The files as Debian's package wordnet-base 1:3.0-37 installs them: the lists were reviewed on these.
SHA256 = {
    "index.noun": "a490d99d93d017bf4822fe2f0ffa51fd73911ce271dc7535fade21f8814b5a04",
    "data.noun": "fea17d2f9656611334eac790e5d69e47645fa180c4aa481fb4cd9b3520754ca2",
}


@dataclass(frozen=True, slots=True)
class Synset:
    """One meaning of some words.

    Attributes:
        words: What it is called, the usual word first.
        parents: Where in the file the synsets stand that this is a kind of.
        definition: What it means, in words.
    """

    words: tuple[str, ...]
    parents: tuple[int, ...]
    definition: str


class WordNet:
    """The nouns of WordNet 3.0 in a folder.

    Raises:
        ValueError: A file isn't the one that the lists were reviewed on.
    """

    def __init__(self, folder: Path) -> None:
        self.files = {name: (folder / name).read_bytes() for name in SHA256}
        for name, content in self.files.items():
            if hashlib.sha256(content).hexdigest() != SHA256[name]:
                raise ValueError(
                    f"{folder / name} is not that of WordNet 3.0 in wordnet-base 1:3.0-37"
                )

    @cached_property
    def senses(self) -> dict[str, tuple[int, ...]]:
        """The synsets of each word, as places in the file, the most frequent meaning first."""
        senses = {}
        for line in self.files["index.noun"].decode("ascii").splitlines():
            if line.startswith(" "):  # the licence
                continue
            word, *fields = line.split()
            senses[word] = tuple(int(field) for field in fields[-int(fields[1]) :])
        return senses

    def place(self, name: str) -> int:
        """Where the synset with a name like `dog.n.01` stands in the file.

        Raises:
            KeyError: There is none of that name.
        """
        word, pos, number = name.rsplit(".", 2)
        senses = self.senses.get(word, ())
        if pos != "n" or not number.isdecimal() or not 1 <= int(number) <= len(senses):
            raise KeyError(name)
        return senses[int(number) - 1]

    def synset(self, place: int) -> Synset:
        """The synset that stands at a place in the file."""
        end = self.files["data.noun"].index(b"\n", place)
        line, definition = self.files["data.noun"][place:end].decode("ascii").split(" | ", 1)
        fields = line.split()
        words = fields[4 : 4 + 2 * int(fields[3], 16) : 2]
        pointers = fields[5 + 2 * len(words) :]
        return Synset(
            words=tuple(word.replace("_", " ") for word in words),
            parents=tuple(
                int(pointers[at + 1])
                for at in range(0, len(pointers), 4)
                if pointers[at] in {"@", "@i"}
            ),
            definition=definition.strip(),
        )

    def ancestors(self, place: int) -> Iterator[int]:
        """The synsets that a synset is a kind of, itself left out, nearest first."""
        seen, waiting = {place}, list(self.synset(place).parents)
        while waiting:
            near = waiting.pop(0)
            if near not in seen:
                seen.add(near)
                yield near
                waiting.extend(self.synset(near).parents)
