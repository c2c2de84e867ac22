"""Trying a quantised pack, and the photos that it is tried on."""

from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pytest

from photond.config.settings import Settings
from photond.errors import ModelError
from photond.models.pack import Pack, Reference
from photond.pipeline.alignment import try_out
from photond.pipeline.sample import indexed_photos, known_photos, photos_below, take
from photond.pipeline.trial import compare, examiner
from photond.store.database import open_index
from tests.conftest import SAMPLES, Command

SETTINGS = Settings()


def test_a_pack_beside_itself_is_the_same(mini: Pack) -> None:
    sample = take("given", photos_below([str(SAMPLES)], SETTINGS), 8, mini.image, SETTINGS)
    assert sample is not None
    trial = compare(mini, mini, sample, ["a cat", "a boat"])
    assert (trial.photos.least, trial.texts.least) == (pytest.approx(1), pytest.approx(1))
    assert (trial.photos.count, trial.texts.count) == (8, 2)
    assert trial.searches.first == trial.searches.few == 1
    assert trial.bytes.old == trial.bytes.new > 20_000_000
    for pair in (trial.load_seconds, trial.photos_per_second, trial.texts_per_second):
        assert pair.old > 0
        assert pair.new > 0


def test_known_pictures_are_there_without_an_index_and_as_the_pack_wants_them(mini: Pack) -> None:
    sample = known_photos(mini.image)
    assert sample.names == ("cat.jpg", "coffee.jpg", "sunflowers.jpg")
    assert sample.pixels.shape == (3, 3, mini.image.size, mini.image.size)
    darker = msgspec.structs.replace(mini.image, mean=(0.6, 0.6, 0.6))
    assert (known_photos(darker).pixels < sample.pixels).all()
    trial = compare(mini, mini, sample, ["a cat"])
    assert trial.worst_photo in sample.names
    assert trial.searches.few is None


def test_the_sample_of_the_index_is_the_same_each_time_and_has_no_photo_twice(
    photond: Command, photos: Path, sample, mini: Pack
) -> None:
    for number, name in enumerate(("cat", "coffee", "rocket", "moon", "balloon", "cat")):
        sample(name, photos / f"{number}.jpg")
    photond("index", photos)
    with closing(open_index(photond.database)) as connection:
        paths = list(indexed_photos(connection))
        assert paths == list(indexed_photos(connection))
        assert len(paths) == 5
        assert paths != sorted(paths)
        some = take("index", indexed_photos(connection), 3, mini.image, SETTINGS)
        assert some is not None
        assert some.names == tuple(paths[:3])
        # One that is not there any more, or no photo any more, is passed over.
        Path(paths[0]).unlink()
        Path(paths[1]).write_bytes(b"no photo")
        some = take("index", indexed_photos(connection), 3, mini.image, SETTINGS)
        assert some is not None
        assert some.names == tuple(paths[2:])
        assert some.pixels.shape == (3, 3, mini.image.size, mini.image.size)
        for path in paths[2:]:
            Path(path).unlink()
        assert take("index", indexed_photos(connection), 3, mini.image, SETTINGS) is None


def test_the_reference_of_the_new_pack_is_what_it_computes(mini: Pack) -> None:
    without = msgspec.structs.replace(mini, reference=None)
    assert examiner(without)(without) is None
    prompt = msgspec.structs.replace(mini.text, query_prompt="{query}")
    new = msgspec.structs.replace(without, text=prompt)
    found = examiner(mini)(new)
    assert found is not None
    assert mini.reference is not None
    assert np.allclose(found.cosines, try_out(new).cosines, atol=1e-5)
    assert not np.allclose(found.cosines, mini.reference.cosines, atol=1e-3)


@pytest.mark.parametrize(("stated", "kept"), [(0.002, 0.01), (0.05, 0.05)])
def test_the_reference_of_integers_is_not_narrower_than_they_are(
    mini: Pack, stated: float, kept: float
) -> None:
    assert mini.reference is not None
    cosines = mini.reference.cosines
    old = msgspec.structs.replace(mini, reference=Reference(cosines=cosines, tolerance=stated))
    found = examiner(old)(msgspec.structs.replace(mini, reference=None))
    assert found is not None
    assert found.tolerance == kept


def test_a_new_pack_whose_towers_do_not_agree_is_refused(mini: Pack) -> None:
    image = msgspec.structs.replace(mini.image, mean=(60.0, 60.0, 60.0))
    broken = msgspec.structs.replace(mini, image=image)
    with pytest.raises(ModelError, match=r"does not pass.*Nothing of it was kept"):
        examiner(mini)(broken)
    with pytest.raises(ModelError, match="do not agree"):
        examiner(broken)
    # Of random weights nothing can be asked.
    untrained = msgspec.structs.replace(broken, untrained=True, reference=None)
    assert examiner(untrained)(untrained) is None
