"""Searches as they are asked for in the protocol; `photond query` does them itself without a daemon."""

from pathlib import Path

from photond.config import locations
from photond.config.settings import Settings
from photond.daemon.protocol import Found, FoundPhoto, FoundTag, QueryRequest, SearchRequest
from photond.errors import UsageError
from photond.search.search import Hit
from photond.search.searcher import Among, Searcher


def searcher_for(settings: Settings, database: Path) -> Searcher:
    """A searcher that looks for packs and vocabulary where the user has them."""
    return Searcher(
        database,
        settings,
        models_dir=locations.models_dir(),
        vocabulary_file=locations.vocabulary_file(),
    )


def find(searcher: Searcher, request: SearchRequest) -> Found:
    """What a search finds.

    Raises:
        PhotondError: The question is wrong, or there is nothing to ask it of.
    """
    among = Among(
        folders=request.folders,
        since=request.since,
        until=request.until,
        tags=request.tags,
        min_score=request.min_score,
        limit=request.limit,
    )
    if isinstance(request, QueryRequest):
        answer = searcher.by_text(request.text, among)
    else:
        answer = searcher.by_example(request.photo, among)
    return Found(photos=tuple(map(_found, answer.hits)), notes=tuple(answer.notes))


def check_is_meant(request: SearchRequest, settings: Settings, database: Path) -> None:
    """Refuse a question that is about another index than the daemon's, or another pack.

    Whoever sets `PHOTOND_DATABASE` for one query gets that query answered, by their own process.

    Raises:
        UsageError: It is.
    """
    if (request.database, request.pack) != (str(database), settings.model.pack):
        raise UsageError(
            f"the daemon keeps {database} with the pack {settings.model.pack!r}, and not "
            f"{request.database} with {request.pack!r}",
            "Ask without the daemon, or have it read the configuration again.",
        )


def _found(hit: Hit) -> FoundPhoto:
    return FoundPhoto(
        path=hit.path,
        score=round(hit.score, 6),
        probability=None if hit.probability is None else round(hit.probability, 6),
        tags=tuple(
            FoundTag(tag=tag.label, confidence=round(tag.confidence, 6)) for tag in hit.tags
        ),
        taken_at=hit.taken_at,
        width=hit.width,
        height=hit.height,
    )
