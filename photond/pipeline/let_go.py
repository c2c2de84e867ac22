"""Folders that are not kept any more: what becomes of their photos."""

from collections.abc import Collection

from photond.pipeline.reconcile import is_below_any
from photond.store import files, scans
from photond.store.database import Connection, transaction


def let_go(
    connection: Connection, pack_id: int, folders: Collection[str], kept: Collection[str]
) -> list[str]:
    """Count the photos of folders as missing, but for those that lie in a folder that is kept.

    They are not offered any more, and forgotten in the end; until then, having them back costs a scan.

    Args:
        connection: The index.
        pack_id: The pack in use.
        folders: Absolute paths of folders, or of photos, that were kept.
        kept: Those that still are.

    Returns:
        The folders that are let go.
    """
    gone = [folder for folder in folders if not is_below_any(folder, kept)]
    with transaction(connection):
        for path in gone:
            for known in files.folders_below(connection, path):
                if not is_below_any(known.path, kept):
                    files.mark_folder_absent(connection, known.id, "missing")
            parent, _, name = path.rpartition("/")
            around = files.folder(connection, parent or "/")
            if around is not None:
                photo = files.files_in(connection, around.id, pack_id, {name}).values()
                files.mark_absent(connection, [one.id for one in photo], "missing")
            scans.forget(connection, path)
    return gone
