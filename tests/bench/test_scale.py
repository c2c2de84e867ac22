"""The bench of a library's size: what it takes, and what a larger one is to be expected to take."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bench.scale import Size, expected, size_of

COUNTS = (10_000, 100_000, 1_000_000)


@given(
    fixed=st.integers(0, 10**6),
    each=st.integers(1, 10**4),
    start=st.floats(0, 10),
    slope=st.floats(1e-6, 1e-2),
)
def test_what_grows_by_so_much_a_photo_is_expected_to_go_on_so(
    fixed: int, each: int, start: float, slope: float
) -> None:
    def size(count: int) -> Size:
        used = fixed + each * count
        return Size(count, {"tags": used}, 2 * used, start + slope * count)

    larger = expected([size(count) for count in COUNTS[:2]], COUNTS[2])
    assert abs(larger.index / size(COUNTS[2]).index - 1) < 1e-6
    assert abs(larger.copy / size(COUNTS[2]).copy - 1) < 1e-6
    assert abs(larger.search / size(COUNTS[2]).search - 1) < 1e-6


def test_the_parts_of_an_index_add_up_to_its_file(tmp_path: Path) -> None:
    database = tmp_path / "index.db"
    size = size_of(database, 3_000)
    assert 0.99 < size.index / database.stat().st_size <= 1
    assert all(size.parts.values())
    assert size.copy > 3_000 * 5 * 768
