"""Write the everyday vocabulary from the reviewed lists in tools/vocabulary/, WordNet and wordfreq.

    apt-get download wordnet-base=1:3.0-37 && dpkg-deb -x wordnet-base_*.deb wordnet
    pip install --no-deps -r tools/requirements-vocabulary.txt
    python tools/build_vocabulary.py --wordnet wordnet/usr/share/wordnet

The lists decide what is a concept; WordNet proves that each synset named there exists and is named
once, and with `--propose` it says which words and broader concepts it would add, for a person to put
into the lists or not. Two runs give the same bytes. With `--check` nothing is written: the exit code
says whether the file is what the lists make.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from vocabulary import lists
from vocabulary.lists import Concept, ListError
from vocabulary.wordnet import WordNet
from wordfreq import zipf_frequency

HERE = Path(__file__).resolve().parent
LISTS = HERE / "vocabulary"
OUT = HERE.parent / "photond" / "vocabulary" / "everyday.json"

SOURCE = (
    "photond's own list, reviewed by hand, Apache-2.0. The names of synsets, and many of the synonyms,"
    " are those of WordNet 3.0, under its own licence: "
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"), metavar="DIR")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--propose", action="store_true", help="say what WordNet would add")
    mode.add_argument("--check", action="store_true", help="compare, and write nothing")
    arguments = parser.parse_args()

    try:
        wordnet = WordNet(arguments.wordnet)
        concepts = lists.read(LISTS)
        lists.check(concepts)
        synsets = places(concepts, wordnet)
    except (OSError, ValueError) as error:
        sys.exit(str(error))
    if arguments.propose:
        for line in proposals(concepts, wordnet, synsets):
            print(line)
        return
    text = as_json(in_order(concepts))
    if arguments.check:
        sys.exit(
            None if OUT.read_text("utf-8") == text else f"{OUT.name} is not what the lists make"
        )
    OUT.write_text(text, "utf-8")
    print(f"{len(concepts)} concepts, {sum(len(c.synonyms) for c in concepts)} synonyms")


def places(concepts: list[Concept], wordnet: WordNet) -> dict[int, Concept]:
    """Which concept each synset is, by its place in WordNet's file.

    Raises:
        ListError: A synset does not exist, or two concepts are the same one.
    """
    found: dict[int, Concept] = {}
    for concept in concepts:
        if concept.wordnet is None:
            continue
        try:
            place = wordnet.place(concept.wordnet)
        except KeyError:
            raise ListError(f"{concept.place}: WordNet has no {concept.wordnet}") from None
        if found.setdefault(place, concept) is not concept:
            raise ListError(f"{concept.place}: {concept.wordnet} is {found[place].name!r} already")
    return found


def in_order(concepts: list[Concept]) -> list[Concept]:
    """The most common in people's photos first: by tier, then by how often the name is written."""
    return sorted(
        concepts,
        key=lambda one: (one.tier, -zipf_frequency(one.name, "en"), one.name.casefold()),
    )


def as_json(concepts: list[Concept]) -> str:
    """The file: one concept a line, so that a difference can be read."""
    by_name = {concept.name: concept for concept in concepts}
    lines = [
        json.dumps(
            {
                "id": concept.id,
                "name": concept.name,
                "group": concept.group,
                "synonyms": concept.synonyms,
                "parents": [by_name[p].id for p in lists.direct_parents(by_name, concept.name)],
                "prompts": concept.prompts,
                "wordnet": concept.wordnet,
            },
            ensure_ascii=False,
        )
        for concept in concepts
    ]
    licence = " ".join((LISTS / "LICENSE-wordnet").read_text("utf-8").split())
    header = json.dumps(SOURCE + licence, ensure_ascii=False)
    body = ",\n".join(lines)
    return f'{{"version": 1, "source": {header},\n"concepts": [\n{body}\n]}}\n'


def proposals(
    concepts: list[Concept], wordnet: WordNet, synsets: dict[int, Concept]
) -> Iterator[str]:
    """What WordNet says of the concepts and the lists do not."""
    by_name = {concept.name: concept for concept in concepts}
    said = {word.casefold() for one in concepts for word in (one.name, *one.synonyms)}
    for place, concept in synsets.items():
        new = [word for word in wordnet.synset(place).words if word.casefold() not in said]
        if new:
            yield f"{concept.place}: {concept.name} = {', '.join(new)}"
        known = lists.ancestors(by_name, concept.name)
        for near in wordnet.ancestors(place):
            broader = synsets.get(near)
            if broader is not None and broader.name not in known:
                yield f"{concept.place}: {concept.name} < {broader.name}"


if __name__ == "__main__":
    main()
