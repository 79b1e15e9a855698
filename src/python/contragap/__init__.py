"""contragap: audits the contrastive gap between two modalities of an embedding space, and closes it.

    import contragap as cg

    r = cg.audit(img, txt)                     # (rows, dim) arrays: NumPy, torch, h5py …; or files
    print(r)                                   # the table; in a notebook r shows the page's first screen
    r["gap.corrected_distance"].value          # every measure by its key, with .ci95, .n, .method, .why
    r.verdict, r.advice                        # in words
    r.to_frame(); r.to_dict(); r.save("report")

    m = cg.audit(image=a, text=b, audio=c)     # every pair of more than two
    m.pairs["image-text"], m.matrix["corrected_distance"]

    cg.compare({"B/32": r1, "L/14": r2})       # audits side by side

    f = cg.train(img, txt)                     # what to do about the gap, by held-out pairs
    f.recommendation, f.before, f.after
    z = f.transform(image=img)
    f.save("closed"); cg.load("closed").transform(text=txt)
    h = cg.train(img, txt, loss="clip", temperature=0.05, epochs=50)   # one head as asked; h.before, h.after

The definitions of all measures: `contragap info --keys`, and MEASURES.md of the documents.
"""

from . import _load  # noqa: F401  # isort: skip  (before all others)
from ._audit import Advice, Audit, Measure, Verdict, audit
from ._compare import Comparison, compare
from ._data import bfloat16
from ._errors import DataError, Error, FileError, Interrupted, ResourceError, UsageError
from ._library import ffi as _ffi
from ._library import lib as _lib
from ._many import ManyAudit
from ._train import Closing, Epoch, Head, Recommendation, Training, load, train

__version__: str = _ffi.string(_lib.cgap_version()).decode()

__all__ = [
    "Advice",
    "Audit",
    "Closing",
    "Comparison",
    "DataError",
    "Epoch",
    "Error",
    "FileError",
    "Head",
    "Interrupted",
    "ManyAudit",
    "Measure",
    "Recommendation",
    "ResourceError",
    "Training",
    "UsageError",
    "Verdict",
    "audit",
    "bfloat16",
    "compare",
    "load",
    "train",
]
