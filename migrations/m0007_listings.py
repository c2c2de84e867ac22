"""Folders that have nothing new to say, so that looking at them again costs no row a photo."""

from sqlite_utils import Database

# Whatever makes a file one that the next scan may have to note something about ends what is known of its
# folder as a whole. Triggers see to it, so that no statement can forget to.
STATEMENTS = (
    """
    create table listings (
      folder_id integer primary key references folders (id) on delete cascade,
      -- The pack that every photo in the folder has an embedding of, unless it cannot be read.
      pack_id integer not null references packs (id) on delete cascade,
      -- Of all that the folder's entries and the rules said when a scan found nothing to note.
      digest blob not null,
      -- How many of its photos are indexed.
      indexed integer not null
    ) strict
    """,
    # So few that counting them should not cost a look at all the others.
    "create index files_offline on files (folder_id) where state = 'offline'",
    """
    create trigger listings_end_with_new_files after insert on files begin
      delete from listings where folder_id = new.folder_id;
    end
    """,
    """
    create trigger listings_end_with_changed_files after update on files begin
      delete from listings where folder_id in (old.folder_id, new.folder_id);
    end
    """,
    """
    create trigger listings_end_with_removed_files after delete on files begin
      delete from listings where folder_id = old.folder_id;
    end
    """,
    """
    create trigger listings_end_with_new_jobs after insert on jobs begin
      delete from listings where folder_id = (select folder_id from files where id = new.file_id);
    end
    """,
    """
    create trigger listings_end_with_changed_jobs after update of state, failure on jobs begin
      delete from listings where folder_id = (select folder_id from files where id = new.file_id);
    end
    """,
    """
    create trigger listings_end_with_ended_jobs after delete on jobs begin
      delete from listings where folder_id = (select folder_id from files where id = old.file_id);
    end
    """,
)


def m0007_listings(db: Database) -> None:
    """Add the digests of folders; the next scan finds them."""
    for statement in STATEMENTS:
        db.execute(statement)
