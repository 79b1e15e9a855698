"""Loads the library.

libgomp reads when it is loaded how its threads wait for each other. By default they spin for long, which on a machine
that others use as well makes a training several times slower; the program sets the same two variables for itself. Here
they are set for the moment of loading alone, and only where neither the user nor a package that was imported before has
decided it.
"""

import os

_WAITING = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "10000"}


def _load() -> None:
    own = not any(name in os.environ for name in _WAITING)
    if own:
        os.environ.update(_WAITING)
    try:
        from . import _library  # noqa: F401
    finally:
        for name in _WAITING if own else ():
            del os.environ[name]


_load()
