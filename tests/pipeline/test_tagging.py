"""Which tags a photo gets, decided without a photo."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from photond.models.pack import ScoreSpec
from photond.models.score import confidence
from photond.pipeline.tagging import TagRules, choose, everyday_vocabulary

SCORE = ScoreSpec(logit_scale=10.0, logit_bias=-5.0, min_confidence=0.2)
scored = st.dictionaries(st.text("abc", min_size=1, max_size=3), st.floats(-1, 1, width=32))


@given(scored, st.floats(0, 1), st.integers(0, 5))
def test_tags_are_the_surest_that_pass(
    cosines: dict[str, float], min_confidence: float, max_tags: int
) -> None:
    labels = list(cosines)
    values = np.array(list(cosines.values()), np.float32)
    chosen = choose(values, labels, SCORE, TagRules(min_confidence, max_tags))
    expected = dict(zip(labels, confidence(values, SCORE).tolist(), strict=True))

    assert len(chosen) <= max_tags
    assert all(tag.confidence >= min_confidence for tag in chosen)
    assert all(tag.confidence == expected[tag.label] for tag in chosen)
    assert [tag.confidence for tag in chosen] == sorted(
        (tag.confidence for tag in chosen), reverse=True
    )
    left_out = set(labels) - {tag.label for tag in chosen}
    if len(chosen) < max_tags:
        assert all(expected[label] < min_confidence for label in left_out)
    elif chosen:
        assert all(expected[label] <= chosen[-1].confidence for label in left_out)


def test_the_vocabulary_has_some_hundred_plain_labels() -> None:
    labels = everyday_vocabulary()
    assert 300 < len(labels) < 1000
    assert len(set(labels)) == len(labels)
    assert all(label == label.strip().lower() and "#" not in label for label in labels)
