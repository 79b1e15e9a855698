"""Audits side by side."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Iterator, Mapping

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

    def __init__(self, audits: dict[str, Audit], independent: bool) -> None:
        self._audits, self._independent = audits, independent

    def _text(self, form: int) -> str:
        call = Call()
        names = [ffi.new("char[]", name.encode()) for name in self._audits]
        audits = ffi.new("cgap_audit *[]", [audit._value for audit in self._audits.values()])
        out = ffi.new("char **")
        lines = ffi.new("char *[]", names)
        call.run(
            lambda: call.check(
                lib.cgap_compare_text(out, audits, lines, len(names), self._independent, form, call.error)
            ),
            False,
        )
        try:
            return ffi.string(out[0]).decode("utf-8", "replace")
        finally:
            lib.cgap_text_free(out[0])

    def to_dict(self) -> dict[str, Any]:
        """The content of compare.json: baseline, inputs, measures with values and differences."""
        return json.loads(self._text(lib.CGAP_REPORT_JSON))

    def to_frame(self) -> pandas.DataFrame:
        """A row for each measure and each audit but the first: value, difference, low, high (95 %), verdict."""
        import pandas

        rows = []
        for key, measure in _measures_of(self.to_dict()["measures"]):
            for name, d in measure["differences"].items():
                value = measure["values"][name]
                value = value["value"] if isinstance(value, dict) else value
                rows.append((key, name, value, d["value"], *(d["ci95"] or (None, None)), d["verdict"]))
        columns = ["key", "name", "value", "difference", "low", "high", "verdict"]
        frame = pandas.DataFrame(rows, columns=columns).set_index(["key", "name"])
        return frame.astype({"value": float, "difference": float, "low": float, "high": float})

    def __repr__(self) -> str:
        return self._text(lib.CGAP_REPORT_TABLE)


def compare(audits: Mapping[str, Audit], independent: bool = False) -> Comparison:
    """Compares audits with the first of them: each difference, its 95 % interval, better or worse.

        contragap.compare({"B/32": r1, "L/14": r2})

    Where the rows show that both are of the same pairs, seen through two models or before and after a head, intervals
    are paired; independent=True: never.
    """
    if not isinstance(audits, Mapping) or len(audits) < 2:
        raise UsageError("compare: give two audits or more by name, as {'A': r1, 'B': r2}")
    for name, audit in audits.items():
        if not isinstance(name, str) or not isinstance(audit, Audit):
            raise UsageError(f"compare: {name!r}: {type(audit).__name__}; give results of audit by name")
    out = Comparison(dict(audits), bool(independent))
    repr(out)  # what cannot be compared raises here
    return out
