"""Calls of the library, each on a thread of its own.

The thread blocks all signals. The library needs that (no signal handler may run inside its matrix products), and so the
caller's thread is free to hear Ctrl-C, to draw the progress bar and to run a progress callback: it only waits.
"""

import signal
import sys
import threading
from typing import Any, Callable, Optional, Union

from ._errors import check
from ._library import ffi, lib

Progress = Union[None, bool, Callable[[str, float], Any]]

REFRESH_SECONDS = 0.1
GRACE_SECONDS = 0.7  # after Ctrl-C, for the block that is at work; a longer one ends behind the caller's back

# a fault of the process itself is not to be blocked
_FAULTS = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT}

_threads = threading.local()


class Call:
    """One piece of work: what the library calls back, what it raises, and whether it is to stop."""

    def __init__(self) -> None:
        self.stop = False
        self.phase = ""
        self.fraction = 0.0
        self.raised: Optional[BaseException] = None  # by a callback: surfaces in place of the library's error
        self.warnings: list[str] = []
        self.handle = ffi.new_handle(self)
        self.error = ffi.new("cgap_error *")
        self._done = threading.Event()
        self._result: Any = None
        self._failure: Optional[BaseException] = None

    def check(self, status: int) -> None:
        """Raises what a callback has raised, else the library's error."""
        if status != lib.CGAP_OK and self.raised is not None:
            raise self.raised
        check(status, self.error[0])

    def set_progress(self, progress) -> None:
        """Fills a cgap_progress."""
        progress.tick = lib.contragap_tick
        progress.context = self.handle

    def _work(self, function: Callable[[], Any]) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - _FAULTS)
        _threads.call = self
        try:
            self._result = function()
        except BaseException as failure:  # raised again on the caller's thread
            self._failure = failure
        finally:
            self._done.set()

    def run(self, function: Callable[[], Any], progress: Progress = None) -> Any:
        """The result of function(), which calls the library, while this thread waits and shows how far it is.

        Progress is shown once before the work begins: a callback hears of the shortest call too, and can stop it.
        """
        show = _display(progress)
        try:
            if show:
                self.stop = bool(show(self.phase, self.fraction))
            self._run_and_show(function, show)
        finally:
            if show and hasattr(show, "close"):
                show.close()
        if self._failure is not None:
            raise self._failure
        return self._result

    def _run_and_show(self, function: Callable[[], Any], show: Optional[Callable[[str, float], Any]]) -> None:
        try:
            threading.Thread(target=self._work, args=(function,), name="contragap").start()
            while not self._done.wait(REFRESH_SECONDS if show else None):
                self.stop = bool(show(self.phase, self.fraction)) or self.stop
        except BaseException:
            self.stop = True
            self._done.wait(GRACE_SECONDS)
            raise


@ffi.def_extern(error=True)
def contragap_tick(context, phase, fraction):
    call = ffi.from_handle(context)
    call.phase = ffi.string(phase).decode()
    call.fraction = fraction
    return call.stop


@ffi.def_extern()
def contragap_warn(line):
    _threads.call.warnings.append(ffi.string(line).decode("utf-8", "replace"))


class _Bar:
    """A bar of tqdm."""

    def __init__(self, tqdm) -> None:
        self._bar = tqdm(total=100, unit="%", leave=False, bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}")

    def __call__(self, phase: str, fraction: float) -> bool:
        self._bar.set_description_str(phase or "reading", refresh=False)
        self._bar.n = round(100 * fraction)
        self._bar.refresh()
        return False

    def close(self) -> None:
        self._bar.close()


def _display(progress: Progress) -> Optional[Callable[[str, float], Any]]:
    """What shows the progress: None for nothing. A bar is the default where a person types, not in scripts."""
    if callable(progress):
        return progress
    if progress is None:
        progress = hasattr(sys, "ps1") or "ipykernel" in sys.modules
    if not progress:
        return None
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    return _Bar(tqdm)
