"""What a picture looks like, in 128 bits, for finding near-identical photos."""

from sqlite_utils import Database


def m0006_perceptual_hash(db: Database) -> None:
    """Add perceptual hashes; contents indexed before have none until somebody asks for duplicates."""
    db.execute(
        """
        alter table contents add column perceptual_hash blob
          check (length(perceptual_hash) = 16)
        """
    )
    # Filled only where something is missing, so that asking whether anything is costs nothing.
    db.execute("create index contents_unhashed on contents (id) where perceptual_hash is null")
