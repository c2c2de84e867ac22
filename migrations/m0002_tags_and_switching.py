"""The user's own tags, learnt thresholds, and which pack answers while another is being built."""

from sqlite_utils import Database

STATEMENTS = (
    # By hash and not by content: a photo that is forgotten and comes back has its tags again.
    """
    create table user_tags (
      sha256 text not null,
      label_id integer not null references labels (id),
      -- A removed tag is one that the model gave and the user does not want on this photo.
      verdict text not null check (verdict in ('added', 'removed')),
      decided_at text not null,
      primary key (sha256, label_id)
    ) strict, without rowid
    """,
    "create index user_tags_by_label on user_tags (label_id, sha256)",
    """
    create table label_thresholds (
      pack_id integer not null references packs (id) on delete cascade,
      label_id integer not null references labels (id),
      -- A cosine similarity; the label is given to photos that are at least so near to it.
      min_cosine real not null,
      primary key (pack_id, label_id)
    ) strict, without rowid
    """,
    # How many photos the thresholds were learnt from.
    "alter table packs add column learnt_from integer",
    # building: being filled, or left half-way; serving: answers queries; retired: replaced, and goes
    # photo by photo as the serving one has them; kept: replaced, and kept because the user said so.
    """
    alter table packs add column state text not null default 'building'
      check (state in ('building', 'serving', 'retired', 'kept'))
    """,
    "create unique index packs_one_serves on packs (state) where state = 'serving'",
)


def m0002_tags_and_switching(db: Database) -> None:
    """Add user tags and thresholds; the pack with the most embeddings serves."""
    for statement in STATEMENTS:
        db.execute(statement)
    sizes = {
        pack_id: db.execute(f"select count(*) from embeddings_{pack_id:d}_rowids").fetchone()[0]
        for (pack_id,) in db.execute("select id from packs").fetchall()
    }
    if sizes:
        fullest = max(sizes, key=lambda pack_id: (sizes[pack_id], pack_id))
        db.execute("update packs set state = 'serving' where id = ?", (fullest,))
