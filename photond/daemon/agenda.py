"""The agenda: what is to be scanned next, and nothing twice. Pure."""

from collections.abc import Iterable

from photond.pipeline.reconcile import is_below_any

# More parts of a root than this are not remembered one by one.
MAX_TREES = 300


class Agenda:
    """Folders that are waiting for a scan.

    What an event has pointed at goes first; it is small, and somebody may be waiting for it.

    Args:
        roots: The folders that are kept.
    """

    def __init__(self, roots: Iterable[str]) -> None:
        # The innermost first: a folder inside another one may be listed for its own sake.
        self._roots = sorted(roots, key=len, reverse=True)
        self._trees: dict[str, None] = {}
        self._whole: dict[str, None] = {}

    def root_of(self, path: str) -> str | None:
        """The root that a path belongs to."""
        return next((root for root in self._roots if is_below_any(path, [root])), None)

    def add_root(self, root: str) -> None:
        """Scan a root."""
        self._whole[root] = None

    def add_tree(self, path: str) -> None:
        """Scan what lies at and below a path."""
        root = self.root_of(path)
        if root is None or is_below_any(path, self._trees):
            return
        if path == root:
            self.add_root(root)
            return
        for inner in [tree for tree in self._trees if is_below_any(tree, [path])]:
            del self._trees[inner]
        self._trees[path] = None
        if len(self._trees) > MAX_TREES:
            for tree in self._trees:
                self.add_root(self.root_of(tree) or root)
            self._trees.clear()

    def take(self) -> str | None:
        """The path to be scanned now."""
        for waiting in (self._trees, self._whole):
            if waiting:
                path = next(iter(waiting))
                del waiting[path]
                return path
        return None

    def __bool__(self) -> bool:
        return bool(self._trees or self._whole)
