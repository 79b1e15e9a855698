"""Errors of contragap: one class for each kind of failure that the library knows, all below `Error`."""

from ._library import ffi, lib


class Error(Exception):
    """A call that failed. Its text is one line of the library: what, where, both numbers, what to do."""


class UsageError(Error, ValueError):
    """Options that make no sense, or a machine that cannot do what was asked."""


class FileError(Error, OSError):
    """A file that is missing, cannot be read or written, holds nothing to audit, or is ambiguous."""


class DataError(Error, ValueError):
    """Shapes, types, NaN, a pairing out of range, too few rows."""


class ResourceError(Error, MemoryError):
    """The memory limit, or a full disk."""


class Interrupted(Error):
    """The progress callback asked to stop. (Ctrl-C raises KeyboardInterrupt.)"""


_CLASSES = {
    lib.CGAP_USAGE: UsageError,
    lib.CGAP_FILE: FileError,
    lib.CGAP_DATA: DataError,
    lib.CGAP_RESOURCE: ResourceError,
    lib.CGAP_INTERRUPTED: Interrupted,
}


def error_of(error) -> Error:
    """The exception of a cgap_error."""
    return _CLASSES.get(error.status, Error)(ffi.string(error.message).decode("utf-8", "replace"))


def check(status: int, error) -> None:
    """Raises where status is not CGAP_OK."""
    if status != lib.CGAP_OK:
        raise error_of(error)
