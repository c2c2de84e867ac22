import os

import sqlean.dbapi2
from hypothesis import given
from hypothesis import strategies as st

from photond.store.paths import below, from_column, joined, to_column

names = st.binary(min_size=1, max_size=12).filter(
    lambda name: b"/" not in name and b"\0" not in name
)
folders = st.lists(names, min_size=1, max_size=4).map(
    lambda parts: os.fsdecode(b"/" + b"/".join(parts))
)


@given(names)
def test_every_name_that_linux_allows_survives(name: bytes) -> None:
    path = os.fsdecode(name)
    stored = to_column(path)
    connection = sqlean.dbapi2.connect(":memory:")
    ((back,),) = connection.execute("select ?", (stored,)).fetchall()
    connection.close()
    assert os.fsencode(from_column(back)) == name


@given(folders, st.lists(folders, max_size=8))
def test_below_finds_a_folder_and_what_lies_in_it_and_nothing_beside_it(
    folder: str, others: list[str]
) -> None:
    inside = [folder + other for other in others]
    beside = [*others, folder + "x", folder + " x", folder[:-1]]
    connection = sqlean.dbapi2.connect(":memory:")
    connection.execute("create table t (path any)")
    paths = {folder, *inside, *beside} - {""}
    connection.executemany("insert into t values (?)", [(to_column(path),) for path in paths])
    condition, values = below("path", folder)
    found = {
        from_column(path)
        for (path,) in connection.execute(f"select path from t where {condition}", values)
    }
    connection.close()
    assert found == {path for path in paths if path == folder or path.startswith(folder + "/")}


def test_everything_is_below_the_root() -> None:
    assert below("path", "/") == ("1", ())


def test_a_file_in_the_root_folder_has_one_slash() -> None:
    assert joined("/", "photo.jpg") == "/photo.jpg"
    assert joined("/home", b"\xff.jpg") == os.fsdecode(b"/home/\xff.jpg")
