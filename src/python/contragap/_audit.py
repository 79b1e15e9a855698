"""The audit and its result."""

from __future__ import annotations

import html
import json
import os
import shlex
import time
from typing import TYPE_CHECKING, Any, Iterator, NamedTuple, Optional, Union

from ._arguments import choice, count, named_modalities, open_data
from ._call import Call, Progress
from ._data import is_path
from ._errors import UsageError
from ._library import ffi, lib
from ._report import About, Report

if TYPE_CHECKING:
    import pandas

    from ._many import ManyAudit

_PAIRS = {"exact": lib.CGAP_PAIRS_EXACT, "sampled": lib.CGAP_PAIRS_SAMPLED, "auto": lib.CGAP_PAIRS_AUTO}
_PRECISIONS = {"fp32": lib.CGAP_PRECISION_FP32, "bf16": lib.CGAP_PRECISION_BF16}


class Measure(NamedTuple):
    """A number of the report."""

    key: str
    value: Optional[float]  #: None where it is not defined; `why` says for what reason
    ci95: Optional[tuple[float, float]]  #: 95 % interval, where one is stated
    n: int  #: what it was computed from: rows, queries or pairs
    method: str  #: "exact", "sampled" or "bf16"
    why: Optional[str]  #: why there is no value

    def __float__(self) -> float:
        return float("nan") if self.value is None else self.value


class Verdict(NamedTuple):
    """The verdict: one word for the gap, one for the pairs, and sentences."""

    gap: Optional[str]  #: "none", "low", "moderate", "severe", "apart", "collapsed"; None: the distance is not known
    pairing: Optional[str]  #: "matched", "shuffled", "unclear"; None without pairs
    sentences: list[str]
    notes: list[str]  #: what the checks found, the worst first

    def __str__(self) -> str:
        return "\n".join(self.sentences)


class Advice(NamedTuple):
    """What to do about the gap."""

    word: str  #: "subtract the means", "train", …
    reason: str
    command: Optional[str]  #: of the program; in Python: `contragap.train`
    center: Optional[dict]  #: the trial that it rests on

    def __str__(self) -> str:
        return f"{self.word}: {self.reason}"


def measures_of(report: dict, path: str = "") -> Iterator[Measure]:
    """All scalars of a report, in its order."""
    for name, entry in report.items():
        key = f"{path}{name}"
        if not isinstance(entry, dict):
            continue
        if {"value", "ci95", "n", "method"} <= entry.keys():
            ci95 = entry["ci95"]
            yield Measure(key, entry["value"], tuple(ci95) if ci95 else None, entry["n"], entry["method"], entry.get("why"))
        elif name != "advice":
            yield from measures_of(entry, key + ".")


class Measured(Report):
    """What results of `audit` have in common: a mapping from the key of each measure to a `Measure`."""

    _write: Any  # the function that writes its text

    def __init__(self, value, about: About) -> None:
        super().__init__(value, about)
        self._report: Optional[dict] = None
        self._measures: Optional[dict[str, Measure]] = None
        self._html: Optional[str] = None

    # ---- numbers

    def to_dict(self) -> dict[str, Any]:
        """The report as `contragap audit --json` prints it, as a new dictionary."""
        return json.loads(self.to_json())

    def to_json(self) -> str:
        """The text of report.json."""
        return self._text(lib.CGAP_REPORT_JSON)

    def _parsed(self) -> dict[str, Any]:
        if self._report is None:
            self._report = self.to_dict()
            self._measures = {m.key: m for m in measures_of(self._report)}
        return self._report

    def measures(self) -> dict[str, Measure]:
        """Every measure by its key, in the order of the report."""
        self._parsed()
        assert self._measures is not None
        return dict(self._measures)

    def __getitem__(self, key: str) -> Any:
        """The `Measure` of a key such as "gap.corrected_distance"; of another part of the report, that part."""
        part: Any = self._parsed()
        assert self._measures is not None
        if key in self._measures:
            return self._measures[key]
        for name in str(key).split("."):
            if not isinstance(part, dict) or name not in part:
                import difflib

                near = difflib.get_close_matches(str(key), self._measures, 1)
                raise KeyError(f"{key}{f'; did you mean {near[0]}?' if near else ''}")
            part = part[name]
        return part

    def __contains__(self, key: object) -> bool:
        return key in self.measures()

    def __iter__(self) -> Iterator[str]:
        return iter(self.measures())

    def __len__(self) -> int:
        return len(self.measures())

    def keys(self):
        """The keys of all measures."""
        return self.measures().keys()

    def to_frame(self) -> pandas.DataFrame:
        """A row for each measure: value, low, high (the 95 % interval), n, method, why; the index is its key."""
        import pandas

        rows = [(m.value, *(m.ci95 or (None, None)), m.n, m.method, m.why) for m in self.measures().values()]
        frame = pandas.DataFrame(rows, columns=["value", "low", "high", "n", "method", "why"], index=list(self.keys()))
        frame.index.name = "key"
        return frame.astype({"value": float, "low": float, "high": float})

    # ---- words

    def to_table(self, columns: int = 80) -> str:
        """Verdict, advice and every measure, as `audit --all` prints them in so many columns (at least 50)."""
        return self._text(lib.CGAP_REPORT_TABLE, columns)

    def to_markdown(self) -> str:
        """The table in Markdown."""
        return self._text(lib.CGAP_REPORT_MARKDOWN)

    def to_latex(self) -> str:
        """The table in LaTeX."""
        return self._text(lib.CGAP_REPORT_LATEX)

    def to_html(self) -> str:
        """One page without other files: verdict, advice, the main numbers, and the figures (by gnuplot)."""
        if self._html is None:
            self._html = self._text(lib.CGAP_REPORT_HTML)
        return self._html

    def __repr__(self) -> str:
        return self.to_table()

    def _repr_html_(self) -> str:
        return (
            '<iframe style="width:100%;height:900px;border:0" onload="this.style.height='
            "this.contentDocument.documentElement.scrollHeight+20+'px'\" "
            f'srcdoc="{html.escape(self.to_html())}"></iframe>'
        )

    def _text(self, form: int, columns: int = 0) -> str:
        return self._text_of(type(self)._write, form, columns)


class Audit(Measured):
    """The result of `audit`: a mapping from the key of each measure to a `Measure`.

    >>> r["gap.corrected_distance"].value, r["gap.corrected_distance"].ci95   # doctest: +SKIP

    `print(r)` is the table; in a notebook `r` shows the first screen of the page, with its figures. `r.verdict` and
    `r.advice` are the words above the table. `r.save("report")` writes the folder that `contragap audit -o` writes.
    """

    _command, _save, _write = b"contragap audit (Python)", lib.cgap_audit_save, lib.cgap_audit_text

    @property
    def verdict(self) -> Verdict:
        """What a reader wants to know first."""
        v = self._parsed()["verdict"]
        return Verdict(v["gap"], v["pairing"], list(v["sentences"]), list(v["notes"]))

    @property
    def advice(self) -> Optional[Advice]:
        """What to do about the gap; None where `audit` was called with advice=False."""
        a = self._parsed().get("advice")
        return a and Advice(a["word"], a["reason"], a["command"], a["center"])


def audit(
    *arrays: Any,
    text_image: Any = None,
    labels: Any = None,
    class_text: Any = None,
    prompts: int = 1,
    unpaired: bool = False,
    drop_bad: bool = False,
    merge_images: bool = False,
    pairs: str = "auto",
    precision: str = "fp32",
    temperature: float = 0.01,
    sample_rows: int = 32768,
    csls: bool = False,
    advice: bool = True,
    seed: int = 0,
    threads: int = 0,
    memory: int = 0,
    progress: Progress = None,
    **modalities: Any,
) -> Union[Audit, ManyAudit]:
    """Measures the contrastive gap between the embeddings of two modalities, or of more.

        r = contragap.audit(img, txt)              # row i of img with row i of txt
        r = contragap.audit(image=img, text=txt)   # the same by name
        r = contragap.audit("pairs.h5")            # files, as the command `contragap audit` reads them
        r = contragap.audit(image=a, text=b, audio=c)   # every pair, up to eight modalities: a ManyAudit
        r = contragap.audit(image="a.npy", text="b.npy", audio="c.h5:/audio")   # the same of files; rows by their ids
        r = contragap.audit(img)                   # one modality by itself
        r = contragap.audit(old=a, new=b, unpaired=True)   # two sets of one modality: has it drifted?

    Arrays are (rows, dim) of float16, bfloat16, float32 or float64: NumPy, torch on the CPU, anything with __array__ or
    DLPack, memory maps, datasets of h5py. Rows need no norm of 1. Nothing is copied but into the float32 unit rows that
    the library keeps; another order or byte order, a slice or a dataset is read block by block. While it works, the GIL
    is released; Ctrl-C ends it within a second.

    text_image    (texts,) the image row of each text. Without it text i belongs to image i; where there are k texts for
                  each image the rows themselves show in which order.
    labels        (images,) the class of each image, a row of class_text, for zero-shot
    class_text    (classes × prompts, dim) embeddings of the classes' names
    prompts       prompts per class
    unpaired      two sets without pairs
    drop_bad      drop rows with NaN, infinity or of zeros, instead of refusing them
    merge_images  images with equal rows become one image with several texts
    pairs         "exact": all pairs; "sampled": those of a random sample; "auto": all if that takes less than a minute
    precision     of the matrix of cosines: "fp32", or "bf16" where the processor has it
    temperature   of the losses
    sample_rows   maximum rows per modality in a sample
    csls          also retrieval by CSLS
    advice        also try what subtracting the means does (of more than two modalities: always)
    seed          of random samples
    threads       0: as many as the machine has
    memory        limit in bytes; 0: half of what is free
    progress      True: a bar of tqdm, if that is there; False: none; None: a bar where a person types, not in scripts;
                  or a function of phase and fraction (0 to 1), by whose true result the call ends with Interrupted

    Raises UsageError, DataError, FileError or ResourceError, all below contragap.Error, with one line that says what to
    do; and what reading an array raises, as it is.
    """
    call = Call()
    options = ffi.new("cgap_audit_options *", lib.cgap_audit_options_default())
    options.pairs = choice("pairs", pairs, _PAIRS)
    options.precision = choice("precision", precision, _PRECISIONS)
    options.threads = count("threads", threads, high=1 << 20)
    options.memory_bytes = count("memory", memory)
    options.seed = count("seed", seed)
    options.sample_rows = count("sample_rows", sample_rows)
    try:
        options.temperature = float(temperature)
    except (TypeError, ValueError):
        raise UsageError(f"temperature: {temperature!r}; give a number") from None
    options.csls = bool(csls)
    options.contributions = True  # for paired differences in compare()
    call.set_progress(options.progress)
    prompts = count("prompts", prompts, 1)
    if len(arrays) + len(modalities) > 2 and not (arrays and all(is_path(x) for x in arrays)):
        from ._many import audit_many

        return audit_many(
            call, named_modalities(arrays, modalities), options, progress, unpaired=unpaired, drop_bad=drop_bad,
            text_image=text_image is not None, labels=labels is not None, class_text=class_text is not None,
            prompts=prompts > 1, merge_images=merge_images, csls=csls,
        )  # fmt: skip
    data = open_data(
        call, arrays, modalities, options.threads, options.memory_bytes, True, text_image=text_image, labels=labels,
        class_text=class_text, prompts=prompts, unpaired=unpaired, drop_bad=drop_bad, merge_images=merge_images,
    )  # fmt: skip
    out = ffi.gc(ffi.new("cgap_audit *"), lib.cgap_audit_clear)
    line = ffi.new("char[]", os.fsencode(shlex.join(data.files))) if data.files else ffi.NULL  # for the advice's command

    def work() -> None:
        call.check(lib.cgap_audit_run(out, data.value, options, call.error))
        if advice:
            call.check(lib.cgap_advice_run(out, data.value, line, options, call.error))

    start = time.monotonic()
    call.run(work, progress)
    data.release()
    return Audit(out, About(data, Audit._command, options, time.monotonic() - start))
