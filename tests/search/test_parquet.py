"""What goes wrong while a Parquet file is written reaches the caller as what it is."""

import errno
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from photond.errors import IndexDatabaseError
from photond.search.library import Known
from photond.search.parquet import write_photos
from photond.store.contents import Content
from photond.store.files import FilePlace

FACTS = Content("0" * 64, 1, "JPEG", 1, 1, None, None, None, None, None, None)
PHOTO = Known(1, [FACTS], [[FilePlace("/a.jpg", offline=False)]], [[]], np.ones((1, 4), np.float32))


@pytest.mark.parametrize(
    "failure", [IndexDatabaseError("the index is damaged"), KeyboardInterrupt(), OSError(5, "I/O")]
)
def test_what_reading_the_photos_raises_is_raised(failure: BaseException) -> None:
    def photos() -> Iterator[Known]:
        yield PHOTO
        raise failure

    with pytest.raises(type(failure)) as raised:
        write_photos(photos(), io.BytesIO(), 4, {})
    assert raised.value is failure


def test_a_disk_that_is_full_ends_the_reading_without_a_panic(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with (
        Path("/dev/full").open("wb", buffering=0) as full,
        pytest.raises(OSError, match="space") as raised,
    ):
        write_photos([PHOTO] * 3, full, 4, {})
    assert raised.value.errno == errno.ENOSPC
    assert capfd.readouterr() == ("", "")
