"""contragap: audits the contrastive gap between two modalities of an embedding space, and closes it.

    import contragap as cg

    r = cg.audit(img, txt)                     # (rows, dim) arrays: NumPy, torch, h5py …; or files
    print(r)                                   # the table; in a notebook r shows the page's first screen
    r["gap.corrected_distance"].value          # every measure by its key, with .ci95, .n, .method, .why
    r.verdict, r.advice                        # in words
    r.to_frame(); r.to_dict(); r.save("report")

The definitions of all measures: `contragap info --keys`, and MEASURES.md of the documents.
"""

from ._audit import Advice, Audit, Measure, Verdict, audit
from ._data import bfloat16
from ._errors import DataError, Error, FileError, Interrupted, ResourceError, UsageError
from ._library import ffi as _ffi
from ._library import lib as _lib

__version__: str = _ffi.string(_lib.cgap_version()).decode()

__all__ = [
    "Advice",
    "Audit",
    "DataError",
    "Error",
    "FileError",
    "Interrupted",
    "Measure",
    "ResourceError",
    "UsageError",
    "Verdict",
    "audit",
    "bfloat16",
]
