"""The user's part of the vocabulary: what it means together with the rest, and how it is changed."""

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photond.errors import ConfigError, UsageError
from photond.vocabulary import edit
from photond.vocabulary.concepts import Concept, Vocabulary, everyday
from photond.vocabulary.own import (
    OwnConcept,
    OwnVocabulary,
    as_own,
    combine,
    load_vocabulary,
    parse_own,
    read_own,
)

BASE = Vocabulary(
    (
        Concept(id="animal", name="animal"),
        Concept(id="dog", name="dog", synonyms=("hound",), parents=("animal",)),
        Concept(id="labrador", name="labrador retriever", parents=("dog",)),
        Concept(id="beach", name="beach"),
    )
)
words = st.text(st.characters(categories=("L", "N", "P", "Zs")), min_size=1, max_size=12).filter(
    lambda word: word.strip() and word.isprintable()
)


def names(concepts: tuple[Concept, ...]) -> list[str]:
    return [one.name for one in concepts]


def test_a_concept_is_found_by_name_synonym_and_id_whatever_the_case() -> None:
    for word in ("Dog", " dog ", "HOUND"):
        found = BASE.find(word)
        assert found is not None
        assert found.id == "dog"
    assert BASE.find("labrador") == BASE.find("Labrador  Retriever")
    assert BASE.find("cat") is None


def test_everything_above_and_below_a_concept_is_known() -> None:
    labrador, animal = BASE.find("labrador"), BASE.find("animal")
    assert labrador is not None
    assert animal is not None
    assert names(BASE.ancestors(labrador)) == ["dog", "animal"]
    assert names(BASE.descendants(animal)) == ["dog", "labrador retriever"]


def test_the_users_concepts_come_first_and_may_be_kinds_of_everyday_ones() -> None:
    own = OwnVocabulary(
        concept=(OwnConcept(name="Rex", parents=("Hound",), prompts=("a photo of a brown dog",)),)
    )
    combined = combine(BASE, own, "own")
    assert next(iter(combined)).name == "Rex"
    rex = combined.find("rex")
    assert rex is not None
    assert names(combined.ancestors(rex)) == ["dog", "animal"]
    assert rex.texts("a photo of {label}") == ("a photo of a brown dog",)


def test_an_everyday_concept_can_be_said_differently_and_keeps_the_rest() -> None:
    own = OwnVocabulary(concept=(OwnConcept(name="Dog", prompts=("our dog",)),))
    dog = combine(BASE, own, "own").find("dog")
    assert dog is not None
    assert (dog.id, dog.parents, dog.prompts) == ("dog", ("animal",), ("our dog",))


def test_what_the_user_does_not_want_is_gone_and_its_kinds_stay() -> None:
    combined = combine(BASE, OwnVocabulary(remove=("hound", "no such thing")), "own")
    assert combined.find("dog") is None
    labrador = combined.find("labrador")
    assert labrador is not None
    assert combined.ancestors(labrador) == ()


@pytest.mark.parametrize(
    ("concepts", "reason"),
    [
        ((OwnConcept(name="Rex", parents=("dogg",)),), "parent 'dogg', which is none.*'dog'"),
        ((OwnConcept(name="Rex"), OwnConcept(name="REX")), "'REX' stands there twice"),
        ((OwnConcept(name="animal", parents=("labrador",)),), "a kind of itself"),
        ((OwnConcept(name="a", parents=("b",)), OwnConcept(name="b", parents=("a",))), "of itself"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    concepts: tuple[OwnConcept, ...], reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason):
        combine(BASE, OwnVocabulary(concept=concepts), "own")


@given(
    st.lists(
        st.builds(OwnConcept, name=words, synonyms=st.lists(words, max_size=2).map(tuple)),
        max_size=6,
        unique_by=lambda one: one.name.casefold(),
    )
)
def test_every_concept_has_an_id_of_its_own(concepts: list[OwnConcept]) -> None:
    combined = combine(BASE, OwnVocabulary(concept=tuple(concepts)), "own")
    ids = [one.id for one in combined]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z0-9-]+", one) for one in ids)


@given(
    st.builds(
        OwnVocabulary,
        everyday=st.booleans(),
        remove=st.lists(words, max_size=3).map(tuple),
        concept=st.lists(
            st.builds(
                OwnConcept,
                name=words,
                synonyms=st.lists(words, max_size=2).map(tuple),
                parents=st.lists(words, max_size=2).map(tuple),
                prompts=st.lists(words, max_size=2).map(tuple),
            ),
            max_size=4,
        ).map(tuple),
    )
)
def test_what_is_exported_is_read_back_as_it_was(own: OwnVocabulary) -> None:
    assert parse_own(tomllib.loads(edit.as_toml(own)), "exported") == own


def test_the_everyday_vocabulary_survives_export_and_import(tmp_path: Path) -> None:
    vocabulary = everyday()
    file = tmp_path / "vocabulary.toml"
    edit.replace(file, as_own(vocabulary, {one.id: one.name for one in vocabulary}))
    again = load_vocabulary(file)
    assert [(one.name, one.prompts) for one in again] == [
        (one.name, one.prompts) for one in vocabulary
    ]
    for one in list(vocabulary)[::50]:
        same = again.find(one.name)
        assert same is not None
        assert set(names(again.ancestors(same))) == set(names(vocabulary.ancestors(one)))


def test_editing_keeps_the_users_remarks_and_order(tmp_path: Path) -> None:
    file = tmp_path / "vocabulary.toml"
    file.write_text(
        '# mine\nremove = ["shark"]  # none here\n\n'
        '[[concept]]\nname = "Rex"  # our dog\nparents = ["dog"]\n\n[[concept]]\nname = "shed"\n'
    )
    edit.add(file, [OwnConcept(name="greenhouse"), OwnConcept(name="shed", synonyms=("hut",))])
    text = file.read_text()
    assert text.startswith('# mine\nremove = ["shark"]  # none here\n')
    assert 'name = "Rex"  # our dog' in text
    assert [one.name for one in read_own(file).concept] == ["Rex", "shed", "greenhouse"]
    edit.remove(file, ["rex", "beach"])
    own = read_own(file)
    assert [one.name for one in own.concept] == ["shed", "greenhouse"]
    assert own.remove == ("shark", "beach")
    edit.add(file, [OwnConcept(name="beach")])
    assert read_own(file).remove == ("shark",)


def test_what_is_edited_step_by_step_says_what_it_should(tmp_path: Path) -> None:
    file = tmp_path / "vocabulary.toml"
    edit.add(file, [OwnConcept(name="Rex", parents=("dog",)), OwnConcept(name="Minka")])
    edit.remove(file, ["shark"])
    assert read_own(file).remove == ("shark",)
    assert [one.name for one in read_own(file).concept] == ["Rex", "Minka"]
    edit.remove(file, ["Rex", "Minka"])
    assert read_own(file) == OwnVocabulary(remove=("shark",))
    edit.add(file, [OwnConcept(name="Rex")])
    assert [one.name for one in read_own(file).concept] == ["Rex"]


def test_a_file_that_would_not_be_right_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "vocabulary.toml"
    with pytest.raises(ConfigError, match="which is none"):
        edit.add(file, [OwnConcept(name="Rex", parents=("doggo of the house",))])
    with pytest.raises(UsageError, match="has no 'unicorn of the house'"):
        edit.remove(file, ["unicorn of the house"])
    assert not file.exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[concept]]\nname = 3", "Expected `str`, got `int`"),
        ("[[concept]]\ntitle = 'x'", "missing required field `name`|unknown key"),
        ("removed = []", "unknown key: `removed`"),
        ("remove = [", "vocabulary.toml:1"),
        ('[[concept]]\nname = "  "', "cannot be a tag"),
        ('[[concept]]\nname = "a\\u001b[2J"', "cannot be a tag"),
    ],
)
def test_a_wrong_file_is_refused_with_the_reason(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "vocabulary.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=reason):
        load_vocabulary(file)


def test_a_plain_list_has_a_name_a_line_and_remarks() -> None:
    concepts = edit.from_text("# ours\nred canoe\n\n  shed # in the garden\nshed\n", "list.txt")
    assert [one.name for one in concepts] == ["red canoe", "shed"]
    with pytest.raises(ConfigError, match=r"list\.txt"):
        edit.from_text("a\x07b", "list.txt")
