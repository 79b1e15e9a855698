"""Audits side by side."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Iterator, Mapping, Optional

from ._audit import Audit
from ._call import Call
from ._errors import UsageError
from ._library import ffi, lib

if TYPE_CHECKING:
    import pandas


def _measures_of(part: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, entry in part.items():
        if "differences" in entry and "values" in entry:
            yield path + name, entry
        else:
            yield from _measures_of(entry, f"{path}{name}.")


class Comparison:
    """The result of `compare`; `print(c)` is the table."""

    def __init__(self, audits: dict[str, Audit], independent: bool, in_one: bool, sort: Optional[str]) -> None:
        self._audits, self._independent, self._in_one, self._sort = audits, independent, in_one, sort

    def _text(self, form: int) -> str:
        call = Call()
        names = [ffi.new("char[]", name.encode()) for name in self._audits]
        audits = ffi.new("cgap_audit *[]", [audit._value for audit in self._audits.values()])
        out = ffi.new("char **")
        lines = ffi.new("char *[]", names)
        sort = ffi.NULL if self._sort is None else ffi.new("char[]", self._sort.encode())
        given = (out, audits, lines, len(names), self._independent)

        def work() -> None:
            if self._in_one:
                call.check(lib.cgap_overview_text(*given, sort, form, call.error))
            else:
                call.check(lib.cgap_compare_text(*given, form, call.error))

        call.run(work, False)
        try:
            return ffi.string(out[0]).decode("utf-8", "replace")
        finally:
            lib.cgap_text_free(out[0])

    def to_dict(self) -> dict[str, Any]:
        """The content of compare.json, of two audits or of more, as the command has it."""
        return json.loads(self._text(lib.CGAP_REPORT_JSON))

    def to_frame(self) -> pandas.DataFrame:
        """A row for each measure and each audit but the first: value, difference, low, high (95 %), verdict.

        Of three audits or more, where each is compared with the best: a row for each measure and each audit: value,
        low, high (95 %), best, whether it is marked.
        """
        import pandas

        if self._in_one:
            return self._frame_of_all()
        rows = []
        for key, measure in _measures_of(self.to_dict()["measures"]):
            for name, d in measure["differences"].items():
                value = measure["values"][name]
                value = value["value"] if isinstance(value, dict) else value
                rows.append((key, name, value, d["value"], *(d["ci95"] or (None, None)), d["verdict"]))
        columns = ["key", "name", "value", "difference", "low", "high", "verdict"]
        frame = pandas.DataFrame(rows, columns=columns).set_index(["key", "name"])
        return frame.astype({"value": float, "difference": float, "low": float, "high": float})

    def _frame_of_all(self) -> pandas.DataFrame:
        import pandas

        rows = []
        for m in self.to_dict()["measures"]:
            for v in m["values"]:
                best = m["best"] == v["input"]
                ci95 = v.get("ci95") or (None, None)
                rows.append((m["key"], v["input"], v["value"], *ci95, best, best and bool(m["significant"])))
        columns = ["key", "name", "value", "low", "high", "best", "marked"]
        frame = pandas.DataFrame(rows, columns=columns).set_index(["key", "name"])
        return frame.astype({"value": float, "low": float, "high": float})

    def __repr__(self) -> str:
        return self._text(lib.CGAP_REPORT_TABLE)


def compare(
    audits: Mapping[str, Audit], independent: bool = False, sort: Optional[str] = None, pairwise: bool = False
) -> Comparison:
    """Compares audits.

        contragap.compare({"B/32": r1, "L/14": r2})
        contragap.compare({"B/32": r1, "L/14": r2, "H/14": r3}, sort="retrieval.image_to_text.recall_at_1")

    Two: the second with the first, each difference with its 95 % interval, better or worse. Three or more: one table of
    audits and measures, sorted by the first measure or by the key `sort`; the best value is marked where it is better
    than each other by more than chance. pairwise=True: of three or more too, each with the first.

    Where the rows show that audits are of the same pairs, seen through two models or before and after a head, intervals
    are paired; independent=True: never.
    """
    if not isinstance(audits, Mapping) or len(audits) < 2:
        raise UsageError("compare: give two audits or more by name, as {'A': r1, 'B': r2}")
    for name, audit in audits.items():
        if not isinstance(name, str) or not isinstance(audit, Audit):
            raise UsageError(f"compare: {name!r}: {type(audit).__name__}; give results of audit by name")
    if sort is not None:
        known = isinstance(sort, str) and any(sort in audit for audit in audits.values())
        if pairwise or not known:
            raise UsageError(f"compare: sort={sort!r}: {'pairwise shows the order given' if known else 'no such measure'}")
    in_one = not pairwise and (len(audits) > 2 or sort is not None)
    out = Comparison(dict(audits), bool(independent), in_one, sort)
    repr(out)  # what cannot be compared raises here
    return out
