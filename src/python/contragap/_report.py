"""What results have in common: their texts, and their folder."""

import os
import warnings
from typing import Any

from ._call import Call
from ._data import Data
from ._library import ffi, lib


class About:
    """A cgap_report_about, with all that it points to."""

    def __init__(self, data: Any, command: bytes, options, seconds: float) -> None:
        self._data, self._given = data, (command, options, seconds)
        self._source = ffi.new("char[]", data.label.encode("utf-8", "surrogateescape"))
        self._line = ffi.new("char[]", command)
        self.value = ffi.new("cgap_report_about *")
        self.value.source, self.value.command_line = self._source, self._line
        self.value.dataset, self.value.data = data.dataset, data.value
        self.value.seed, self.value.threads, self.value.seconds = options.seed, options.threads, seconds

    def of(self, data: Data) -> "About":
        """The same of other data."""
        return About(data, *self._given)


class Report:
    """A result of the library that writes itself."""

    _save: Any  # the function that writes its folder

    def __init__(self, value, about: About) -> None:
        self._value, self._about = value, about

    def _arguments(self) -> tuple:
        """What functions of the library take first."""
        return (self._value,)

    def _text_of(self, function, form: int, columns: int = 0) -> str:
        call = Call()
        out = ffi.new("char **")
        call.run(lambda: call.check(function(out, *self._arguments(), form, columns, self._about.value, call.error)), False)
        try:
            return ffi.string(out[0]).decode("utf-8", "replace")
        finally:
            lib.cgap_text_free(out[0])

    def save(self, folder, replace: bool = False) -> None:
        """Writes the folder that the command writes with -o: reports, tables, figures and report.html, all at once.

        Results of the same kind that are there already are replaced where the command would replace them; anything else
        only with replace=True. Without gnuplot there are no pictures, and a warning says so.
        """
        call = Call()
        path = ffi.new("char[]", os.fsencode(folder))
        save = type(self)._save
        call.run(
            lambda: call.check(
                save(*self._arguments(), path, bool(replace), self._about.value, lib.contragap_warn, call.error)
            ),
            False,
        )
        for line in call.warnings:
            warnings.warn(line, stacklevel=2)
