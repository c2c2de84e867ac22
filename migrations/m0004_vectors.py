"""A log of which embeddings came and went, so that a copy of them can follow."""

from sqlite_utils import Database


def m0004_vectors(db: Database) -> None:
    """Add the log; what there is already counts as there from the start."""
    db.execute(
        """
        create table embedding_changes (
          pack_id integer not null references packs (id) on delete cascade,
          -- Grows with every change, by a random step: two histories of an index, such as that of a
          -- backup that was put back, have no number in common after they part.
          sequence integer not null,
          -- None in the first row of a pack, which is about all that was there before.
          content_id integer,
          -- 1: it has an embedding since then; 0: it has none any more.
          is_there integer not null check (is_there in (0, 1)),
          primary key (pack_id, sequence)
        ) strict, without rowid
        """
    )
    db.execute(
        """
        insert into embedding_changes (pack_id, sequence, content_id, is_there)
        select id, 1 + (random() & 16777215), null, 1 from packs
        """
    )
