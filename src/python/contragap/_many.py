"""More than two modalities: every pair audited, and all of them in one pool."""

from __future__ import annotations

import os
import time
from typing import Any, Optional

from ._audit import Audit, Measured, Verdict
from ._call import Call, Progress
from ._data import Data, Source, is_path
from ._errors import DataError, UsageError
from ._library import ffi, lib
from ._report import About


class ManyAudit(Measured):
    """The result of `audit` of more than two modalities.

    `print(r)` is the table, `r.pairs["image-text"]` the `Audit` of two of them, `r.matrix["corrected_distance"]` a list
    of lists over the modalities in the order of `r.modalities`, with None on its diagonal. The keys of the measures are
    those of the report: "pairs.image-text.gap.corrected_distance", "mixed.image". `r.save("gaps")` writes the folder
    that `contragap audit -o` writes.
    """

    _command, _save, _write = b"contragap audit (Python)", lib.cgap_many_save, lib.cgap_many_text

    def __init__(self, many, data: ManyData, about: About) -> None:
        super().__init__(many, about)
        self._data = data
        self.modalities: list[str] = list(data.names)  #: their names
        #: the audit of each pair, by "image-text"
        self.pairs: dict[str, Audit] = {
            f"{a}-{b}": self._pair(i, j)
            for i, a in enumerate(data.names)
            for j, b in enumerate(data.names)
            if i < j
        }

    def _arguments(self) -> tuple:
        return self._value, self._data.many

    def _pair(self, a: int, b: int) -> Audit:
        many = self._value
        audit = ffi.addressof(many.pair, lib.cgap_many_pair(many.count, a, b))
        return Audit(ffi.gc(audit, lambda _: many), self._about.of(self._data.pair(a, b)))

    @property
    def matrix(self) -> dict[str, list[list[Optional[float]]]]:
        """Of each measure of pairs a row for each modality: [a][b] of a and b, of searches by a among b."""
        return self.to_dict()["matrix"]

    @property
    def verdict(self) -> Verdict:
        """A sentence on each pair, and what the checks found; the words of a pair are in its own verdict."""
        v = self._parsed()["verdict"]
        return Verdict(None, None, list(v["sentences"]), list(v["notes"]))


class ManyData:
    """A cgap_many_data with all that it points to."""

    def __init__(self, call: Call, modalities: dict[str, Any], options, unpaired: bool, drop_bad: bool) -> None:
        self.names = tuple(modalities)
        self.label = ", ".join(self.names)
        self.dataset, self.value = ffi.NULL, ffi.NULL
        self._sources: list[Source] = []
        if all(is_path(x) for x in modalities.values()):
            self.many = self._open(call, modalities, options, unpaired, drop_bad)
            return
        for name, x in modalities.items():
            if is_path(x):
                raise UsageError(f"{name}: a path, where others are arrays; give paths or arrays for all of {self.label}")
        self.many = ffi.new("cgap_many_data *")
        self._sources = [Source(x, name, call) for name, x in modalities.items()]
        self.many.count = len(modalities)
        self.many.unpaired, self.many.drop_bad = unpaired, drop_bad
        for m, source in enumerate(self._sources):
            self.many.name[m] = source.name
            self.many.source[m] = source.value

    def _open(self, call: Call, modalities: dict[str, Any], options, unpaired: bool, drop_bad: bool):
        """The rows of files, as the command opens them."""
        o = ffi.new("cgap_input_options *")
        o.unpaired, o.drop_bad = unpaired, drop_bad
        o.threads, o.memory_bytes = options.threads, options.memory_bytes
        names = [ffi.new("char[]", name.encode()) for name in modalities]
        paths = [ffi.new("char[]", os.fsencode(x)) for x in modalities.values()]
        out = ffi.new("cgap_many_dataset **")
        call.check(
            lib.cgap_many_dataset_open(
                out, ffi.new("char *[]", names), ffi.new("char *[]", paths), len(names), o, call.error
            )
        )
        self._files = ffi.gc(out[0], lib.cgap_many_dataset_close)
        return lib.cgap_many_dataset_data(self._files)

    def release(self) -> None:
        """Lets the caller's arrays go; shapes, types and names stay."""
        for source in self._sources:
            source.release()

    def pair(self, a: int, b: int) -> Data:
        """Two of them, as data of a report."""
        out = Data(Call())
        out.keep(self)
        out.value.image, out.value.text = self.many.source[a], self.many.source[b]
        out.value.names = [self.many.name[a], self.many.name[b]]
        out.value.pairing = lib.CGAP_UNPAIRED if self.many.unpaired else lib.CGAP_BY_ROW
        return out


def audit_many(call: Call, modalities: dict[str, Any], options, progress: Progress, *, unpaired: Any, drop_bad: Any,
               **of_two: Any) -> ManyAudit:  # fmt: skip
    """The audit of three modalities or more; of_two: arguments that only two modalities can have."""
    names = ", ".join(modalities)
    if len(modalities) > lib.CGAP_MODALITIES_MAX:
        raise UsageError(f"{len(modalities)} modalities ({names}); give at most {lib.CGAP_MODALITIES_MAX}")
    for name, value in of_two.items():
        if value:
            raise UsageError(f"{name} is for two modalities; {names} are {len(modalities)}; leave it out, or audit two")
    for name, x in modalities.items():
        if x is None:
            raise DataError(f"{name}: None; give an array of shape (rows, dim)")
        if name in ("unbiased", "same_modality_share"):
            raise UsageError(f"a modality cannot be named {name}, which is a key of the report; rename it")
    options.contributions = False
    data = ManyData(call, modalities, options, bool(unpaired), bool(drop_bad))
    out = ffi.gc(ffi.new("cgap_many *"), lib.cgap_many_clear)
    start = time.monotonic()
    call.run(lambda: call.check(lib.cgap_many_run(out, data.many, options, call.error)), progress)
    data.release()
    return ManyAudit(out, data, About(data, ManyAudit._command, options, time.monotonic() - start))
