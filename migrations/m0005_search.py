"""Names to search in, the embeddings of queries that were asked before, and indices for filters."""

from sqlite_utils import Database

# Contentless: only the words are kept, the names themselves stand in their own tables. A path that is
# no UTF-8 is a blob, of which what can be read as text can be found.
_NAMES = {
    "file_names": ("files", "name"),
    "folder_names": ("folders", "path"),
    "label_names": ("labels", "name"),
}


def _names(index: str, table: str, column: str) -> tuple[str, ...]:
    return (
        f"""
        create virtual table {index} using fts5 (
          name, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
        )
        """,
        f"insert into {index} (rowid, name) select id, cast({column} as text) from {table}",
        f"""
        create trigger {table}_named after insert on {table} begin
          insert into {index} (rowid, name) values (new.id, cast(new.{column} as text));
        end
        """,
        f"""
        create trigger {table}_renamed after update of {column} on {table} begin
          delete from {index} where rowid = old.id;
          insert into {index} (rowid, name) values (new.id, cast(new.{column} as text));
        end
        """,
        f"""
        create trigger {table}_unnamed after delete on {table} begin
          delete from {index} where rowid = old.id;
        end
        """,
    )


STATEMENTS = (
    *(one for index, (table, column) in _NAMES.items() for one in _names(index, table, column)),
    # By hash: what somebody has looked for is nobody else's business.
    """
    create table query_embeddings (
      pack_id integer not null references packs (id) on delete cascade,
      sha256 text not null,
      embedding blob not null, -- float32, little-endian, unit length
      asked_at text not null,
      primary key (pack_id, sha256)
    ) strict, without rowid
    """,
    "create index contents_by_camera on contents (camera)",
    "create index contents_by_lens on contents (lens)",
    "create index contents_by_latitude on contents (latitude) where latitude is not null",
)


def m0005_search(db: Database) -> None:
    """Add what searches by names, by filters, and by the same words again go by."""
    for statement in STATEMENTS:
        db.execute(statement)
