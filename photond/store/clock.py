"""The time as the database keeps it."""

from datetime import UTC, datetime, timedelta


def now() -> str:
    """The present moment in UTC, ISO 8601 with seconds; such texts sort by time."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def days_ago(days: int) -> str:
    """The moment so many days before now."""
    return (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")
