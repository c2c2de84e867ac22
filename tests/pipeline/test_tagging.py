"""Which tags a photo gets, decided without a photo."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photond.models.pack import ScoreSpec
from photond.models.score import confidence, cosine_of
from photond.pipeline import thresholds
from photond.pipeline.tagging import (
    SPECIFIC_SHARE,
    LabelBank,
    TagRules,
    agreed,
    choose,
    least_cosines,
    near_synonyms,
    survivors,
)

SCORE = ScoreSpec(logit_scale=10.0, logit_bias=-5.0, min_confidence=0.2)
ONE_THING = ScoreSpec(logit_scale=10.0, logit_bias=-5.0, min_confidence=0.2, min_share=0.6)


def bank(
    count: int,
    ancestors: dict[int, set[int]] | None = None,
    near: dict[int, set[int]] | None = None,
) -> LabelBank:
    """Labels named by their number, related as told."""
    return LabelBank(
        tuple(map(str, range(count))),
        np.eye(count, dtype=np.float32),
        tuple(frozenset((ancestors or {}).get(one, ())) for one in range(count)),
        tuple(frozenset((near or {}).get(one, ())) for one in range(count)),
    )


@st.composite
def banks(draw: st.DrawFn) -> LabelBank:
    """Labels in any hierarchy (a label's ancestors have lower numbers) with any near-synonyms."""
    count = draw(st.integers(1, 8))
    ancestors: dict[int, set[int]] = {}
    for one in range(count):
        parents = draw(st.sets(st.integers(0, one - 1), max_size=2)) if one else set()
        ancestors[one] = parents.union(*(ancestors[parent] for parent in parents))
    near: dict[int, set[int]] = {one: set() for one in range(count)}
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    for one, other in draw(st.lists(pairs, max_size=4)):
        if one != other and one not in ancestors[other] and other not in ancestors[one]:
            near[one].add(other)
            near[other].add(one)
    return bank(count, ancestors, near)


@given(banks(), st.data(), st.floats(0.01, 0.99), st.integers(0, 5))
def test_the_tags_of_a_photo_pass_and_say_each_thing_once(
    labels: LabelBank, data: st.DataObject, min_confidence: float, max_tags: int
) -> None:
    count = len(labels.labels)
    values = data.draw(st.lists(st.floats(-1, 1, width=32), min_size=count, max_size=count))
    cosines = np.array([values], np.float32)
    rules = TagRules(min_confidence, max_tags)
    least = least_cosines(count, SCORE, rules)
    (chosen,) = choose(cosines, labels, least, SCORE, max_tags)
    sure = confidence(cosines[0], SCORE)

    assert len(chosen) <= max_tags
    assert all(how_sure == sure[label] for label, how_sure in chosen)
    assert all(how_sure >= min_confidence - 1e-5 for _, how_sure in chosen)
    assert [how_sure for _, how_sure in chosen] == sorted((s for _, s in chosen), reverse=True)
    shown = {label for label, _ in chosen}
    for label in shown:
        assert not labels.ancestors[label] & shown
        assert not labels.near[label] & shown
    passing = {label for label in range(count) if cosines[0, label] >= least[label]}
    if max_tags:
        assert bool(shown) == bool(passing)


@given(banks(), st.data(), st.floats(0.01, 0.99))
def test_a_model_that_sees_one_thing_gives_no_two_kinds_of_one_thing(
    labels: LabelBank, data: st.DataObject, min_confidence: float
) -> None:
    count = len(labels.labels)
    values = data.draw(st.lists(st.floats(-1, 1, width=32), min_size=count, max_size=count))
    cosines = np.array([values], np.float32)
    least = least_cosines(count, ONE_THING, TagRules(min_confidence, 8))
    (chosen,) = choose(cosines, labels, least, ONE_THING, 8)
    sure = confidence(cosines[0], ONE_THING)

    shown = {label for label, _ in chosen}
    for label, how_sure in chosen:
        above = {label} | labels.ancestors[label]
        assert not any(above & ({one} | labels.ancestors[one]) for one in shown - {label})
        assert not labels.near[label] & shown
        # Not less sure of a dog than of any breed of it that was looked at.
        assert how_sure >= sure[label]
        assert how_sure >= min_confidence - 1e-5
        assert any(
            how_sure == sure[one] for one in range(count) if label in labels.ancestors[one] | {one}
        )
    assert [how_sure for _, how_sure in chosen] == sorted((s for _, s in chosen), reverse=True)
    passing = {label for label in range(count) if cosines[0, label] >= least[label]}
    assert bool(shown) == bool(passing)


@pytest.mark.parametrize("score", [SCORE, ONE_THING])
@given(labels=banks(), data=st.data())
def test_photos_are_tagged_together_as_they_are_alone(
    score: ScoreSpec, labels: LabelBank, data: st.DataObject
) -> None:
    count = len(labels.labels)
    row = st.lists(st.floats(-1, 1, width=32), min_size=count, max_size=count)
    cosines = np.array(data.draw(st.lists(row, min_size=1, max_size=4)), np.float32)
    least = least_cosines(count, score, TagRules(0.3, 3))
    together = choose(cosines, labels, least, score, 3)
    alone = [choose(one[None], labels, least, score, 3)[0] for one in cosines]
    assert together == alone


def test_a_kind_is_shown_instead_of_what_it_is_a_kind_of() -> None:
    animal, dog, labrador = 0, 1, 2
    labels = bank(3, {dog: {animal}, labrador: {animal, dog}})
    assert survivors([(animal, 0.9), (dog, 0.8), (labrador, 0.7)], labels) == [(labrador, 0.7)]


def test_a_kind_that_is_much_less_sure_is_left_out() -> None:
    """A dog that may be one of many breeds is a dog."""
    labels = bank(3, {1: {0}, 2: {0}})
    unsure = SPECIFIC_SHARE * 0.9 - 0.01
    assert survivors([(0, 0.9), (1, unsure), (2, unsure)], labels) == [(0, 0.9)]


def test_two_kinds_of_one_thing_may_both_be_there() -> None:
    """A cat and a dog."""
    labels = bank(3, {1: {0}, 2: {0}})
    assert survivors([(0, 0.9), (1, 0.8), (2, 0.8)], labels) == [(1, 0.8), (2, 0.8)]


def test_of_two_words_for_one_thing_the_surer_is_shown() -> None:
    labels = bank(2, near={0: {1}, 1: {0}})
    assert survivors([(1, 0.6), (0, 0.5)], labels) == [(1, 0.6)]


def test_near_synonyms_are_found_in_the_cone_that_a_text_tower_puts_them_in() -> None:
    """All cosines between them are above 0.9, as SigLIP's are; only two labels say the same."""
    random = np.random.default_rng(5)
    apart = random.normal(size=(6, 64))
    apart[5] = apart[4] + 0.05 * random.normal(size=64)
    cone = 40.0 * np.eye(64)[0] + apart
    embeddings = (cone / np.linalg.norm(cone, axis=1, keepdims=True)).astype(np.float32)
    assert (embeddings @ embeddings.T).min() > 0.9
    none = (frozenset[int](),) * 6
    near = near_synonyms(embeddings, none)
    assert near == (*none[:4], frozenset({5}), frozenset({4}))
    assert near_synonyms(embeddings, (*none[:5], frozenset({4}))) == none
    assert near_synonyms(np.empty((0, 64), np.float32), ()) == ()


@given(st.floats(0.001, 0.999))
def test_the_cosine_of_a_confidence_is_where_it_is_reached(wanted: float) -> None:
    assert float(confidence(cosine_of(wanted, SCORE), SCORE)) == pytest.approx(wanted, rel=1e-5)
    assert cosine_of(0, SCORE) == -np.inf
    assert cosine_of(1, SCORE) == np.inf


def test_learning_asks_more_of_a_label_that_very_many_photos_pass() -> None:
    random = np.random.default_rng(11)
    # One label that the model likes whatever the picture, one that is rare, one that is really there.
    liked = random.normal(0.42, 0.02, 2_000)
    rare = random.normal(0.1, 0.02, 2_000)
    there = np.where(random.random(2_000) < 0.6, 0.8, 0.1)
    cosines = np.stack([liked, rare, there], axis=1).astype(np.float32)
    fixed = least_cosines(3, SCORE, TagRules(0.2, 8))
    least = least_cosines(3, SCORE, TagRules(0.2, 8), thresholds.learn(cosines, SCORE))
    share = (cosines >= least).mean(axis=0)
    assert (cosines >= fixed).mean(axis=0)[0] > 0.9
    assert share[0] == pytest.approx(thresholds.COMMON_SHARE, abs=0.01)
    assert least[1] == fixed[1]
    # What is plainly there is said of every photo that shows it.
    assert share[2] == pytest.approx(0.6, abs=0.05)


@given(
    st.integers(1, 20),
    st.floats(0.01, 0.99),
    st.integers(0, 2**32 - 1),
)
def test_learning_only_ever_raises_a_threshold(
    photos: int, min_confidence: float, seed: int
) -> None:
    cosines = np.random.default_rng(seed).uniform(-1, 1, (photos, 3)).astype(np.float32)
    rules = TagRules(min_confidence, 8)
    learnt = least_cosines(3, SCORE, rules, thresholds.learn(cosines, SCORE))
    assert (learnt >= least_cosines(3, SCORE, rules)).all()
    ceiling = max(cosine_of(thresholds.SURE_CONFIDENCE, SCORE), cosine_of(min_confidence, SCORE))
    assert (learnt <= np.float32(ceiling) + 1e-6).all()


@pytest.mark.parametrize(
    ("photos", "learnt_from", "is_due"),
    [(499, None, False), (500, None, True), (900, 500, False), (1_000, 500, True)],
)
def test_thresholds_are_learnt_at_500_photos_and_at_each_doubling(
    photos: int, learnt_from: int | None, is_due: bool
) -> None:
    assert thresholds.is_due(photos, learnt_from) == is_due


def choose_of_one_thing(labels: LabelBank, sure: list[float], least: float) -> list[int]:
    """The tags of a photo by a model that sees one thing, by how sure it is of each label."""
    cosines = np.array([[cosine_of(one, ONE_THING) for one in sure]], np.float32)
    rules = TagRules(least, 8)
    (chosen,) = choose(cosines, labels, least_cosines(len(sure), ONE_THING, rules), ONE_THING, 8)
    return [label for label, _ in chosen]


def test_a_pack_may_ask_that_tags_are_nearly_as_sure_as_the_first() -> None:
    assert choose_of_one_thing(bank(3), [0.8, 0.5, 0.45], 0.2) == [0, 1]


def test_a_model_that_sees_one_thing_says_what_kinds_agree_on() -> None:
    """It may be any of three breeds, and a wolf: it is a dog, and no mere animal."""
    animal, dog, wolf, husky, samoyed, shepherd = range(6)
    breed = {animal, dog}
    labels = bank(6, {dog: {animal}, wolf: {animal}, husky: breed, samoyed: breed, shepherd: breed})
    assert choose_of_one_thing(labels, [0.1, 0.1, 0.3, 0.4, 0.35, 0.3], 0.25) == [dog]
    # As much of a wolf as of a dog is an animal.
    assert choose_of_one_thing(labels, [0.1, 0.1, 0.4, 0.4, 0.1, 0.1], 0.25) == [animal]
    # Nothing that is nearly as sure speaks against it.
    assert choose_of_one_thing(labels, [0.1, 0.1, 0.2, 0.5, 0.2, 0.2], 0.25) == [husky]


def test_kinds_that_do_not_pass_by_themselves_speak_too() -> None:
    """One breed of cat just passes and two just do not."""
    labels = bank(4, {1: {0}, 2: {0}, 3: {0}})
    assert choose_of_one_thing(labels, [0.1, 0.26, 0.24, 0.24], 0.25) == [0]
    assert choose_of_one_thing(labels, [0.1, 0.24, 0.24, 0.24], 0.25) == []


def test_what_kinds_agree_on_is_as_sure_as_the_surest_of_them() -> None:
    labels = bank(3, {1: {0}, 2: {0}})
    shown = [(1, 0.6), (2, 0.5)]
    assert agreed(shown, dict(shown), frozenset({1, 2}), labels) == [(0, 0.6)]
    assert agreed(shown, {0: 0.7} | dict(shown), frozenset({1, 2}), labels) == [(0, 0.7)]
