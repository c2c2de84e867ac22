"""RAW files that lie beside the JPEG or HEIC of the same exposure, which stands for both."""

from sqlite_utils import Database

STATEMENTS = (
    # The photo that is read in place of this file. It has neither content nor job then, unless the
    # photo cannot be read.
    "alter table files add column companion_of integer references files (id) on delete set null",
    "create index files_by_photo on files (companion_of) where companion_of is not null",
    "drop view photos",
    """
    create view photos as
    select
      case when typeof(folders.path) = 'text' and typeof(files.name) = 'text'
        then rtrim(folders.path, '/') || '/' || files.name
        else cast(rtrim(folders.path, '/') || '/' || files.name as blob)
      end as path,
      files.state, files.size, contents.sha256, contents.format, contents.width, contents.height,
      contents.taken_at, contents.camera, contents.lens, contents.latitude, contents.longitude,
      (
        select min(raw.name) from files as raw
        where raw.companion_of = files.id and raw.state = 'present'
      ) as raw
    from files
    join folders on folders.id = files.folder_id
    join contents on contents.id = files.content_id
    """,
)


def m0003_pairs(db: Database) -> None:
    """Add what a file is the companion of; the next scan finds the pairs."""
    for statement in STATEMENTS:
        db.execute(statement)
