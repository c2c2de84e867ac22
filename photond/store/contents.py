"""Contents: the bytes of photos, by hash, with what they say about themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from photond.store.clock import now
from photond.store.database import Connection
from photond.store.embeddings import delete_embeddings, embedded_contents


@dataclass(frozen=True, slots=True)
class Content:
    """The facts of one content.

    Attributes:
        sha256: Of the file's bytes, hexadecimal: what `sha256sum` prints.
        size: In bytes.
        format: Such as "JPEG" or "HEIF".
        width: In pixels, as displayed.
        height: In pixels, as displayed.
        taken_at: Local wall time, ISO 8601 to the second, where known.
        utc_offset_minutes: Of that wall time, where known.
        camera: Make and model.
        lens: Its name.
        latitude: In degrees, WGS 84.
        longitude: In degrees, WGS 84.
    """

    sha256: str
    size: int
    format: str
    width: int
    height: int
    taken_at: str | None
    utc_offset_minutes: int | None
    camera: str | None
    lens: str | None
    latitude: float | None
    longitude: float | None


_COLUMNS = (
    "sha256, size, format, width, height, taken_at, utc_offset_minutes, "
    "camera, lens, latitude, longitude"
)


def find_embedded(connection: Connection, sha256: str, pack_id: int) -> int | None:
    """The id of the content with a hash, if it has an embedding of a pack."""
    row = connection.execute(
        f"""
        select contents.id from contents
        join {embedded_contents(pack_id)} as embeddings on embeddings.rowid = contents.id
        where sha256 = ?
        """,
        (sha256,),
    ).fetchone()
    return None if row is None else int(row[0])


def put(connection: Connection, content: Content) -> int:
    """Keep a content, or take over its facts anew; returns its id."""
    row = connection.execute(
        f"""
        insert into contents ({_COLUMNS}, indexed_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        on conflict (sha256) do update set
          format = excluded.format, width = excluded.width, height = excluded.height,
          taken_at = excluded.taken_at, utc_offset_minutes = excluded.utc_offset_minutes,
          camera = excluded.camera, lens = excluded.lens,
          latitude = excluded.latitude, longitude = excluded.longitude
        returning id
        """,
        (
            content.sha256,
            content.size,
            content.format,
            content.width,
            content.height,
            content.taken_at,
            content.utc_offset_minutes,
            content.camera,
            content.lens,
            content.latitude,
            content.longitude,
            now(),
        ),
    ).fetchone()
    return int(row[0])


def facts_of(connection: Connection, content_ids: Sequence[int]) -> dict[int, Content]:
    """The facts of contents, by id."""
    marks = ",".join("?" * len(content_ids))
    rows = connection.execute(
        f"select id, {_COLUMNS} from contents where id in ({marks})", content_ids
    )
    return {row[0]: Content(*row[1:]) for row in rows}


def names_of(connection: Connection, column: Literal["camera", "lens"]) -> list[str]:
    """The cameras, or the lenses, that photos were taken with, those of most photos first."""
    rows = connection.execute(
        f"select {column} from contents where {column} is not null "
        f"group by {column} order by count(*) desc, {column}"
    )
    return [name for (name,) in rows]


def delete_unused(connection: Connection) -> list[str]:
    """Remove the contents that no file has any more, with their embeddings and tags.

    Returns:
        Their hashes.
    """
    unused = connection.execute(
        """
        select id, sha256 from contents
        where not exists (select 1 from files where content_id = contents.id)
        """
    ).fetchall()
    delete_embeddings(connection, (id_ for id_, _ in unused))
    connection.executemany("delete from contents where id = ?", [(id_,) for id_, _ in unused])
    return [sha256 for _, sha256 in unused]
