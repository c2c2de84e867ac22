"""Proving that an index is whole."""

from photond.store.database import Connection
from photond.store.embeddings import embedded_contents


def problems(connection: Connection) -> list[str]:
    """What is wrong with an index: damage to the file, and rows that contradict each other."""
    found = [
        f"damaged: {message}"
        for (message,) in connection.execute("pragma integrity_check(10)")
        if message != "ok"
    ]
    found += [
        f"a row of {table} refers to a row of {parent} that is not there"
        for table, _rowid, parent, _constraint in connection.execute("pragma foreign_key_check")
    ]
    for pack_id, name in connection.execute("select id, name from packs").fetchall():
        (orphans,) = connection.execute(
            f"""
            select count(*) from {embedded_contents(pack_id)}
            where rowid not in (select id from contents)
            """
        ).fetchone()
        if orphans:
            found.append(f"{orphans} embeddings of the pack {name!r} belong to no photo")
    states = [state for (state,) in connection.execute("select state from packs")]
    if states and "serving" not in states:
        found.append("no model pack answers searches")
    (unread,) = connection.execute(
        """
        select count(*) from files
        left join jobs on jobs.file_id = files.id
        left join files as photo on photo.id = files.companion_of
        left join jobs as photo_jobs on photo_jobs.file_id = photo.id
        where files.content_id is null and files.state = 'present' and jobs.file_id is null
          -- A companion is read if its photo cannot be.
          and not (photo.id is not null
            and (photo.content_id is not null or photo_jobs.state in ('queued', 'running', 'suspect')))
        """
    ).fetchone()
    if unread:
        found.append(f"{unread} photos are neither indexed nor waiting")
    return found + _problems_of_companions(connection)


def _problems_of_companions(connection: Connection) -> list[str]:
    strayed, doubled = connection.execute(
        """
        select
          count(*) filter (where photo.folder_id != files.folder_id or photo.state != 'present'
            or photo.companion_of is not null),
          count(*) filter (where photo.content_id is not null
            and (files.content_id is not null or jobs.file_id is not null))
        from files
        join files as photo on photo.id = files.companion_of
        left join jobs on jobs.file_id = files.id
        where files.state = 'present'
        """
    ).fetchone()
    found = []
    if strayed:
        found.append(f"{strayed} RAW files are paired with a photo that is not beside them")
    if doubled:
        found.append(
            f"{doubled} RAW files are indexed beside the photo that is read in their place"
        )
    return found
