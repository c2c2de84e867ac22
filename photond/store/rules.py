"""What is always true of an index's rows, as queries for what is not, and how that is mended."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from photond.store.database import Connection
from photond.store.embeddings import embedded_contents, vectors_table

# As photond.store.clock writes it.
_NOW = "strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now')"


@dataclass(frozen=True, slots=True)
class Rule:
    """Something that is always true.

    Attributes:
        broken: What is wrong where it is not; `{count}` stands for how many rows are.
        query: Has a row for each row that breaks it.
        remedy: What mending does with them, as in "removes them".
        mend: The statements that do it.
    """

    broken: str
    query: str
    remedy: str
    mend: str


def rules(connection: Connection, pack_ids: Sequence[int]) -> Iterator[Rule]:
    """The rules that hold for an index, in the order in which they are mended.

    Args:
        connection: The index.
        pack_ids: Its packs, each of which has all its tables.
    """
    yield from _references(connection)
    for pack_id in pack_ids:
        orphans = (
            f"select rowid from {embedded_contents(pack_id)} "
            "where rowid not in (select id from contents)"
        )
        yield Rule(
            "{count} embeddings belong to no photo",
            orphans,
            "removes them",
            f"delete from {vectors_table(pack_id)} where content_id in ({orphans})",
        )
    yield from _packs(pack_ids)
    yield from _tags(pack_ids)
    yield from _files(pack_ids)


def count_broken(connection: Connection, rule: Rule) -> int:
    """How many rows break a rule."""
    (count,) = connection.execute(f"select count(*) from ({rule.query})").fetchone()
    return int(count)


def _references(connection: Connection) -> Iterator[Rule]:
    """A row that refers to another finds it there."""
    references = connection.execute(
        """
        select tables.name, keys."table", keys."from", keys."to", columns."notnull" or columns.pk
        from sqlite_master as tables
        join pragma_foreign_key_list(tables.name) as keys
        join pragma_table_info(tables.name) as columns on columns.name = keys."from"
        where tables.type = 'table'
        """
    ).fetchall()
    for table, parent, column, parent_column, is_needed in references:
        condition = (
            f"{column} is not null and {column} not in (select {parent_column} from {parent})"
        )
        yield Rule(
            f"{{count}} rows of {table} refer to rows of {parent} that are not there",
            f"select 1 from {table} where {condition}",
            "removes them" if is_needed else "forgets what they refer to",
            f"delete from {table} where {condition}"
            if is_needed
            else f"update {table} set {column} = null where {condition}",
        )


def _packs(pack_ids: Sequence[int]) -> Iterator[Rule]:
    if pack_ids:
        sizes = " union all ".join(
            f"select {id_:d} as id, (select count(*) from {embedded_contents(id_)}) as photos"
            for id_ in pack_ids
        )
        yield Rule(
            "no model pack answers searches",
            "select 1 where not exists (select 1 from packs where state = 'serving')",
            "lets the one answer that has the most photos",
            f"""
            update packs set state = 'serving'
            where id = (select id from ({sizes}) order by photos desc, id desc limit 1)
            """,
        )
    misfits = """
        select label_embeddings.pack_id, prompt from label_embeddings
        join packs on packs.id = label_embeddings.pack_id
        where length(label_embeddings.embedding) != 4 * packs.embedding_dimension
    """
    yield Rule(
        "{count} embeddings of labels have another dimension than their pack's",
        misfits,
        "removes them; the next pass makes them anew",
        f"delete from label_embeddings where (pack_id, prompt) in ({misfits})",
    )


def _tags(pack_ids: Sequence[int]) -> Iterator[Rule]:
    removed = """
        select contents.id, user_tags.label_id from user_tags
        join contents on contents.sha256 = user_tags.sha256
        where verdict = 'removed'
    """
    yield Rule(
        "{count} tags were given that the user had removed",
        f"select 1 from tags where (content_id, label_id) in ({removed})",
        "takes them away",
        f"delete from tags where (content_id, label_id) in ({removed})",
    )
    for pack_id in pack_ids:
        baseless = f"""
            pack_id = {pack_id:d}
            and exists (select 1 from packs where id = pack_id and state = 'serving')
            and content_id not in (select rowid from {embedded_contents(pack_id)})
        """
        yield Rule(
            "{count} tags are of photos without an embedding",
            f"select 1 from tags where {baseless}",
            "takes them away",
            f"delete from tags where {baseless}",
        )


def _files(pack_ids: Sequence[int]) -> Iterator[Rule]:
    undated = "(state = 'missing') != (missing_since is not null)"
    yield Rule(
        "{count} files do not say rightly since when they are missing",
        f"select 1 from files where {undated}",
        "says from now on",
        f"""
        update files set missing_since = case
          when state = 'missing' then {_NOW}
        end where {undated}
        """,
    )
    yield from _companions()
    embedded = " union all ".join(f"select rowid from {embedded_contents(id_)}" for id_ in pack_ids)
    # A companion is read only if its photo cannot be.
    left = f"""
        select files.id, files.mtime_ns from files
        left join jobs on jobs.file_id = files.id
        left join files as photo on photo.id = files.companion_of
        left join jobs as photo_jobs on photo_jobs.file_id = photo.id
        where files.state = 'present' and jobs.file_id is null
          and (files.content_id is null
            or files.content_id not in ({embedded or "select null where 0"}))
          and not (photo.id is not null and (photo.content_id is not null
            or photo_jobs.state in ('queued', 'running', 'suspect')))
    """
    yield Rule(
        "{count} photos are neither indexed nor waiting",
        left,
        "has them read again by the daemon or the next `photond index`",
        f"""
        insert into jobs (file_id, state, modified_ns, queued_at)
        select id, 'queued', mtime_ns, {_NOW} from ({left})
        """,
    )


def _companions() -> Iterator[Rule]:
    """A RAW and the photo beside it that is read for both; the next scan pairs anew what is parted."""
    pairs = """
        select files.id from files
        join files as photo on photo.id = files.companion_of
        left join jobs on jobs.file_id = files.id
        where files.state = 'present'
    """
    strayed = f"""
        {pairs} and (photo.folder_id != files.folder_id or photo.state != 'present'
          or photo.companion_of is not null)
    """
    doubled = f"""
        {pairs} and photo.content_id is not null
          and (files.content_id is not null or jobs.file_id is not null)
    """
    for broken, query in (
        ("{count} RAW files are paired with a photo that is not beside them", strayed),
        ("{count} RAW files are indexed beside the photo that is read in their place", doubled),
    ):
        mend = f"update files set companion_of = null where id in ({query})"
        yield Rule(broken, query, "parts them, and the next scan pairs them anew", mend)
