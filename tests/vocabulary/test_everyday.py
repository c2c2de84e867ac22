"""The data of the shipped vocabulary: what it promises of every concept, and what it never says."""

import json
import re
from importlib import resources
from itertools import pairwise
from pathlib import Path

import pytest

LISTS = Path(__file__).parents[2] / "tools" / "vocabulary"

GROUPS = {
    "animals", "plants", "food", "people", "activities", "places", "nature", "weather-and-light",
    "events", "documents", "vehicles", "things", "styles",
}  # fmt: skip

# Whole words that must stand in no name, synonym or prompt.
FORBIDDEN_TEXT = """
abstraction artifact entity mammal carnivore placental vertebrate organism object stuff thing
freedom happiness love beauty idea concept truth justice

fat obese overweight thin skinny slim chubby ugly beautiful handsome pretty attractive cute sexy
nude naked topless lingerie erotic porn breast
disabled handicapped crippled invalid deaf autistic pregnant sick ill disease cancer wound surgery
asian caucasian hispanic latino arab oriental eskimo gypsy negro indian
christian muslim jew jewish hindu buddhist catholic nun monk priest imam rabbi
pistol rifle shotgun murder corpse blood terrorist drug slum

paris london rome berlin tokyo venice eiffel africa asia america europe everest
lego barbie disney coca-cola pepsi nike adidas ford bmw toyota ferrari jeep iphone android google
facebook instagram whatsapp photoshop polaroid frisbee jacuzzi popsicle velcro post-it ping-pong
kleenex thermos segway gopro hoover rollerblade rollerblading
"""
FORBIDDEN = set(FORBIDDEN_TEXT.split())


def read():
    return json.loads(
        resources.files("photond.vocabulary").joinpath("everyday.json").read_text("utf-8")
    )


VOCABULARY = read()
CONCEPTS = VOCABULARY["concepts"]
BY_ID = {concept["id"]: concept for concept in CONCEPTS}


def words(concept):
    return [concept["name"], *concept["synonyms"]]


def ancestors(slug):
    found, waiting = set(), [*BY_ID[slug]["parents"]]
    while waiting:
        near = waiting.pop()
        if near not in found:
            found.add(near)
            waiting += BY_ID[near]["parents"]
    return found


def test_the_header_names_the_version_and_the_sources_with_their_licence():
    assert VOCABULARY["version"] == 1
    assert "WordNet 3.0 Copyright 2006 by Princeton University" in VOCABULARY["source"]
    assert "photond's own list" in VOCABULARY["source"]


def test_there_are_between_2000_and_2600_concepts_in_all_groups():
    assert 2000 <= len(CONCEPTS) <= 2600
    assert {concept["group"] for concept in CONCEPTS} == GROUPS


def test_every_concept_stands_on_a_line_of_its_own():
    text = resources.files("photond.vocabulary").joinpath("everyday.json").read_text("utf-8")
    lines = [line.removesuffix(",") for line in text.splitlines() if line.startswith('{"id"')]
    assert [json.loads(line) for line in lines] == CONCEPTS


def test_every_concept_has_the_same_fields():
    fields = ["id", "name", "group", "synonyms", "parents", "prompts", "wordnet"]
    assert all(list(concept) == fields for concept in CONCEPTS)


def test_ids_are_slugs_and_unique():
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug) for slug in BY_ID)
    assert len(BY_ID) == len(CONCEPTS)


def test_no_word_is_said_twice():
    said = [word.casefold() for concept in CONCEPTS for word in words(concept)]
    assert sorted(said) == sorted(set(said))


def test_words_are_plain():
    for concept in CONCEPTS:
        for word in words(concept):
            assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 '.-]*", word), word
            assert len(word) <= 40
        assert len(concept["synonyms"]) <= 5


def test_parents_are_in_the_vocabulary():
    assert {parent for concept in CONCEPTS for parent in concept["parents"]} <= set(BY_ID)


def test_nothing_is_above_itself():
    assert [slug for slug in BY_ID if slug in ancestors(slug)] == []


def test_no_parent_is_said_by_another_parent_already():
    for concept in CONCEPTS:
        parents = concept["parents"]
        assert len(set(parents)) == len(parents)
        for parent in parents:
            assert not any(parent in ancestors(other) for other in parents), concept["id"]


def test_prompts_are_complete_texts_and_not_long():
    for concept in CONCEPTS:
        assert len(concept["prompts"]) <= 4
        for prompt in concept["prompts"]:
            assert prompt == prompt.strip()
            assert " " in prompt
            assert len(prompt) <= 60


def test_no_synset_is_two_concepts():
    synsets = [concept["wordnet"] for concept in CONCEPTS if concept["wordnet"] is not None]
    assert len(set(synsets)) == len(synsets)
    assert all(re.fullmatch(r"\S+\.n\.\d\d", synset) for synset in synsets)


def test_nothing_is_said_that_a_tag_must_not_say():
    texts = (text for concept in CONCEPTS for text in [*words(concept), *concept["prompts"]])
    bad = [text for text in texts if FORBIDDEN & set(re.findall(r"[a-z-]+", text.lower()))]
    assert bad == []


@pytest.mark.parametrize(
    ("narrow", "broad"),
    [
        ("labrador-retriever", "dog"),
        ("labrador-retriever", "animal"),
        ("kitten", "baby-animal"),
        ("clownfish", "animal"),
        ("bald-eagle", "bird"),
        ("pizza", "food"),
        ("strawberry", "fruit"),
        ("birthday-cake", "dessert"),
        ("cappuccino", "drink"),
        ("taxi", "vehicle"),
        ("sailing-boat", "vehicle"),
        ("church", "building"),
        ("beach", "landscape"),
        ("bride", "person"),
        ("newborn-baby", "person"),
        ("selfie", "person"),
        ("firefighter", "person"),
        ("rose", "flower"),
        ("oak-tree", "plant"),
        ("tennis", "sport"),
        ("birthday-party", "celebration"),
        ("receipt", "document"),
        ("sneakers", "clothing"),
        ("armchair", "furniture"),
        ("electric-guitar", "musical-instrument"),
        ("macro-photo", "close-up"),
    ],
)
def test_who_asks_for_the_broad_thing_finds_the_narrow_one(narrow, broad):
    assert broad in ancestors(narrow)


@pytest.mark.parametrize(
    ("narrow", "broad"),
    [
        ("toy-car", "vehicle"),
        ("bird-nest", "animal"),
        ("dog-on-a-beach", "beach"),
        ("hot-dog", "animal"),
        ("teddy-bear", "animal"),
        ("computer-mouse", "animal"),
        ("construction-crane", "animal"),
        ("pet-portrait", "person"),
    ],
)
def test_who_asks_for_the_broad_thing_does_not_find_what_is_none(narrow, broad):
    assert broad not in ancestors(narrow)


def test_an_ambiguous_name_says_what_is_meant():
    for slug in ["seal", "bat", "mouse", "orange", "jaguar", "crane-bird", "construction-crane"]:
        assert BY_ID[slug]["prompts"]


def test_everyday_things_come_before_specific_ones():
    place = {concept["id"]: number for number, concept in enumerate(CONCEPTS)}
    for common, rare in pairwise(["dog", "poodle", "vizsla"]):
        assert place[common] < place[rare]
    assert max(place[slug] for slug in ["beach", "birthday-cake", "sunset", "car", "selfie"]) < 600


def test_the_file_has_the_concepts_of_the_reviewed_lists():
    listed = {
        (path.stem, line.split(" | ")[0].strip())
        for path in LISTS.glob("*.txt")
        for line in path.read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    }
    assert listed == {(concept["group"], concept["name"]) for concept in CONCEPTS}
