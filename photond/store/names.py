"""Words in the names of files and folders, and in the user's own tags."""

from collections.abc import Sequence
from dataclasses import dataclass

from photond.store.database import Connection

# More never stand in the names of one photo, and SQLite has a limit, too.
_MOST_WORDS = 50


@dataclass(frozen=True, slots=True)
class Named:
    """A photo in whose names some words stand.

    Attributes:
        content_id: Its content.
        by_file: Whether all of them stand in the name of one of its files, without its folders.
    """

    content_id: int
    by_file: bool


def words_of(text: str, *, begun: bool = False) -> list[str]:
    """The words of a text as FTS5 looks for them; empty if it has none.

    Args:
        text: Any text; what stands between two spaces is one word, or a phrase as IMG_2041 is.
        begun: Whether a name's word may also only begin with it.
    """
    end = "*" if begun else ""
    words = (
        f'"{_speakable(word)}"{end}'
        for word in text.replace('"', " ").replace("\0", " ").split()
        if any(char.isalnum() for char in word)
    )
    return list(dict.fromkeys(words))


def named(connection: Connection, words: Sequence[str], most: int) -> list[Named] | None:
    """The photos whose names have all of some words, whether or not they are there.

    Args:
        connection: The index.
        words: At least one, see `words_of`.
        most: A word that more photos have in their names says nothing, as that of a folder which all
            others lie in.

    Returns:
        In the order of their ids; None if no word says anything.
    """
    if len(words) > _MOST_WORDS:
        return []
    telling = [ids for word in words if (ids := _with_word(connection, word, most)) is not None]
    if not telling:
        return None
    by_file = {
        content_id
        for (content_id,) in connection.execute(
            """
            select content_id from files
            where id in (select rowid from file_names where file_names match ?)
            """,
            (" ".join(words),),
        )
    }
    found = sorted(set.intersection(*telling))
    return [Named(content_id, content_id in by_file) for content_id in found]


def _with_word(connection: Connection, word: str, most: int) -> set[int] | None:
    """The contents in whose names one word stands; None if they are more than `most`."""
    rows = connection.execute(
        """
        select distinct content_id from (
          select content_id from files
          where id in (select rowid from file_names where file_names match ?1)
          union all
          select content_id from files
          where folder_id in (select rowid from folder_names where folder_names match ?1)
          union all
          select contents.id from user_tags join contents on contents.sha256 = user_tags.sha256
          where verdict = 'added'
            and label_id in (select rowid from label_names where label_names match ?1)
        ) where content_id is not null limit ?2 + 1
        """,
        (word, most),
    ).fetchall()
    return None if len(rows) > most else {content_id for (content_id,) in rows}


def _speakable(word: str) -> str:
    """A word without lone surrogates, which stand for bytes that are no text."""
    return word.encode("utf-8", "replace").decode("utf-8")
