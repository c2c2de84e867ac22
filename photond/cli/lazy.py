"""Commands that are imported when they are used: each pays for itself, and `--help` for none of them."""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group


class LazyCommand(TyperCommand):
    """Stands for a command in lists and in completion; where it is used, the real one takes over.

    Args:
        name: What the user types.
        module: The module that adds the command, and maybe more, to an app that its `register` is given.
        summary: What lists say of it: the first paragraph of its help.
        group: The group that it is in, whose style of help it takes.
    """

    def __init__(self, name: str, module: str, summary: str, group: TyperGroup) -> None:
        super().__init__(
            name, help=summary, short_help=summary, rich_markup_mode=group.rich_markup_mode
        )
        self._name = name
        self._module = module

    def load(self) -> TyperCommand | TyperGroup:
        """The real command, with all its options, or the real group."""
        # One that completes nothing and has no callback: only what is registered counts.
        app = typer.Typer(rich_markup_mode=self.rich_markup_mode)
        import_module(self._module).register(app)
        command = get_group(app).commands[self._name]
        assert isinstance(command, TyperCommand | TyperGroup)
        return command

    def make_context(self, *arguments: Any, **extra: Any) -> Any:  # noqa: ANN401 - typer's types are private
        """Parse as the real command does; what follows goes by the context, which is that command's."""
        return self.load().make_context(*arguments, **extra)
