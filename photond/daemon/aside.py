"""Something that takes long, done aside: on a thread of its own, while the daemon's loop goes on."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Aside(Generic[Result]):
    """A call that was begun and may be finished by now.

    Args:
        do: What is called.
        on_done: Called when it is finished, however it went; on the other thread.
    """

    def __init__(self, do: Callable[[], Result], on_done: Callable[[], None]) -> None:
        self._do = do
        self._on_done = on_done
        self._future: Future[Result] = Future()
        # By its name the process knows that it may be in a model, and ends without waiting for it.
        threading.Thread(target=self._work, name="photond-worker", daemon=True).start()

    @property
    def is_done(self) -> bool:
        """Whether there is a result."""
        return self._future.done()

    def result(self) -> Result:
        """What came of it.

        Raises:
            Exception: Whatever the call has raised.
        """
        return self._future.result()

    def _work(self) -> None:
        try:
            self._future.set_result(self._do())
        except Exception as error:  # noqa: BLE001 - it is raised where the result is asked for
            self._future.set_exception(error)
        finally:
            self._on_done()
