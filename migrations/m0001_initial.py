"""The first schema: files, contents, jobs, embeddings' packs, labels and tags."""

from sqlite_utils import Database

# `ANY` columns hold a path as TEXT where it is UTF-8 and as BLOB where it is not, so that every name a
# Linux file system allows is kept exactly, and the usual ones can be read with any SQLite tool.
STATEMENTS = (
    """
    create table folders (
      id integer primary key,
      path any not null unique,
      -- Where a disk was mounted here: its file system's id. An unplugged disk leaves an empty folder
      -- behind, or another disk comes in its place, and neither must be read as "all was deleted".
      volume text
    ) strict
    """,
    """
    create table contents (
      id integer primary key,
      sha256 text not null unique,
      size integer not null,
      format text not null,
      width integer not null,
      height integer not null,
      -- Local wall time, ISO 8601; the offset from UTC stands beside it where the camera wrote one.
      taken_at text,
      utc_offset_minutes integer,
      camera text,
      lens text,
      latitude real,
      longitude real,
      indexed_at text not null
    ) strict
    """,
    "create index contents_by_taken_at on contents (taken_at)",
    """
    create table files (
      id integer primary key,
      folder_id integer not null references folders (id),
      name any not null,
      size integer not null,
      mtime_ns integer not null,
      inode integer not null,
      -- Null until the file was read for the first time.
      content_id integer references contents (id),
      state text not null default 'present' check (state in ('present', 'missing', 'offline')),
      missing_since text,
      unique (folder_id, name)
    ) strict
    """,
    "create index files_by_content on files (content_id)",
    "create index files_missing on files (missing_since) where state = 'missing'",
    # A row stands here from before a file is read until its embedding and tags are committed; a photo
    # that could not be read keeps its row, with the reason.
    """
    create table jobs (
      file_id integer primary key references files (id) on delete cascade,
      state text not null check (state in ('queued', 'running', 'suspect', 'failed', 'quarantined')),
      failure text check (failure in ('unreadable', 'undecodable', 'crashed')),
      reason text,
      attempts integer not null default 0,
      -- The file's mtime: the newest photos are worked on first.
      modified_ns integer not null,
      queued_at text not null
    ) strict
    """,
    "create index jobs_by_state on jobs (state, modified_ns)",
    # Each pack has a vec0 table embeddings_<id> whose rowid is the content's id.
    """
    create table packs (
      id integer primary key,
      name text not null,
      fingerprint text not null unique,
      embedding_dimension integer not null,
      -- What the stored tags were made with: vocabulary, prompts, scale and thresholds.
      tagging_fingerprint text,
      added_at text not null
    ) strict
    """,
    """
    create table labels (
      id integer primary key,
      name text not null unique
    ) strict
    """,
    """
    create table label_embeddings (
      pack_id integer not null references packs (id) on delete cascade,
      prompt text not null,
      -- float32, little-endian, unit length
      embedding blob not null,
      primary key (pack_id, prompt)
    ) strict, without rowid
    """,
    """
    create table tags (
      pack_id integer not null references packs (id) on delete cascade,
      content_id integer not null references contents (id) on delete cascade,
      label_id integer not null references labels (id),
      confidence real not null,
      primary key (content_id, pack_id, label_id)
    ) strict, without rowid
    """,
    "create index tags_by_label on tags (pack_id, label_id, content_id)",
    """
    create table scans (
      -- The folder that was scanned; only its last scan is kept.
      path any primary key not null,
      started_at text not null,
      finished_at text
    ) strict
    """,
    """
    create view photos as
    select
      case when typeof(folders.path) = 'text' and typeof(files.name) = 'text'
        then rtrim(folders.path, '/') || '/' || files.name
        else cast(rtrim(folders.path, '/') || '/' || files.name as blob)
      end as path,
      files.state, files.size, contents.sha256, contents.format, contents.width, contents.height,
      contents.taken_at, contents.camera, contents.lens, contents.latitude, contents.longitude
    from files
    join folders on folders.id = files.folder_id
    join contents on contents.id = files.content_id
    """,
)


def m0001_initial(db: Database) -> None:
    """Create the tables of photond 0.1."""
    for statement in STATEMENTS:
        db.execute(statement)
