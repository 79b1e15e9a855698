"""What is handed to the library: arrays as sources of rows without a copy, or files.

A matrix that is C-contiguous and in native byte order is read in place; anything else with rows (another order or byte
order, a slice, an h5py dataset) is read block by block, straight into the library's buffer.
"""

import os
from typing import TYPE_CHECKING, Any, Optional, Sequence

from ._call import Call
from ._errors import DataError, FileError, UsageError, check
from ._library import ffi, lib

if TYPE_CHECKING:
    import numpy

_TYPES = {
    "float16": (lib.CGAP_FLOAT16, "float16"),
    "bfloat16": (lib.CGAP_BFLOAT16, "uint16"),
    "float32": (lib.CGAP_FLOAT32, "float32"),
    "float64": (lib.CGAP_FLOAT64, "float64"),
}


class BFloat16:
    """bfloat16 values that are stored as uint16."""

    def __init__(self, bits: Any) -> None:
        if getattr(bits, "dtype", None) not in ("uint16", "int16"):
            raise DataError(f"bfloat16: {getattr(bits, 'dtype', type(bits).__name__)}; give an array of uint16")
        self.bits = bits


def bfloat16(bits: Any) -> BFloat16:
    """Marks a (rows, dim) array of uint16 as bfloat16 values, for `audit`, `train` and `transform`.

    Tensors of torch and arrays of ml_dtypes say themselves that they are bfloat16.
    """
    return BFloat16(bits)


def is_path(value: Any) -> bool:
    return isinstance(value, (str, bytes, os.PathLike))


def _rows_of(x: Any, name: str) -> tuple[Any, str]:
    """Something with shape, and rows by slices, and the name of its type."""
    import numpy as np

    if isinstance(x, BFloat16):
        return np.asarray(x.bits).view("uint16") if isinstance(x.bits, np.ndarray) else x.bits, "bfloat16"
    module = type(x).__module__.partition(".")[0]
    if module == "torch":
        x = x.detach()
        if x.device.type != "cpu":
            raise DataError(f"{name}: a tensor on {x.device}; give it as {name}.cpu()")
        if str(x.dtype) == "torch.bfloat16":
            return x.view(__import__("torch").int16).numpy().view("uint16"), "bfloat16"
        x = x.numpy()
    elif not isinstance(x, np.ndarray):
        if x is None or is_path(x) or isinstance(x, (bool, int, float, complex, dict, set)):
            raise DataError(f"{name}: {type(x).__name__}; give an array of shape (rows, dim)")
        if not hasattr(x, "shape") or not hasattr(x, "dtype") or not hasattr(x, "__getitem__") or hasattr(x, "iloc"):
            x = np.asarray(x)
        elif hasattr(x, "__dlpack__"):
            x = np.from_dlpack(x)
    if isinstance(x, np.ma.MaskedArray) and np.ma.is_masked(x):
        raise DataError(f"{name}: masked values; drop those rows, or fill them with NaN and give drop_bad=True")
    if str(x.dtype) == "bfloat16":
        return (x.view("uint16") if isinstance(x, np.ndarray) else x), "bfloat16"
    return x, np.dtype(x.dtype).newbyteorder("=").name


def _check_shape(x: Any, kind: str, name: str) -> None:
    shape = tuple(x.shape)
    if len(shape) != 2:
        raise DataError(f"{name}: shape {shape}; give two dimensions, (rows, dim)")
    if shape[0] == 0:
        raise DataError(f"{name}: shape {shape}: no rows")
    if kind not in _TYPES:
        hint = f", or contragap.bfloat16({name}) if these are its bits" if kind == "uint16" else ""
        raise DataError(f"{name}: type {kind}; give float16, bfloat16, float32 or float64{hint}")


class Source:
    """A cgap_source over rows of Python, which live as long as this."""

    def __init__(self, x: Any, name: str, call: Call) -> None:
        import numpy as np

        try:
            rows, kind = _rows_of(x, name)
        except (TypeError, ValueError, BufferError) as why:
            if isinstance(why, DataError):
                raise
            raise DataError(f"{name}: no array of numbers: {str(why).splitlines()[0] if str(why) else why!r}") from why
        _check_shape(rows, kind, name)
        self.type, self._dtype = _TYPES[kind][0], np.dtype(_TYPES[kind][1])
        self.shape = tuple(map(int, rows.shape))
        self._rows, self._call = rows, call
        self.name = ffi.new("char[]", name.encode())
        in_place = isinstance(rows, np.ndarray) and rows.dtype == self._dtype and rows.flags.c_contiguous and rows.flags.aligned
        if in_place:
            self._memory = ffi.from_buffer(rows)
            self.value = lib.cgap_source_view(self._memory, *self.shape, self.type, self.name)
            return
        self._handle = ffi.new_handle(self)
        self.value = ffi.new("cgap_source *")[0]
        self.value.rows, self.value.dim = self.shape
        self.value.type, self.value.name = self.type, self.name
        self.value.read, self.value.context = lib.contragap_read, self._handle

    def read(self, first: int, count: int, out) -> None:
        """Copies rows [first, first + count) to out, as this source's type in native byte order."""
        import numpy as np

        size = count * self.shape[1] * self._dtype.itemsize
        block = np.frombuffer(ffi.buffer(out, size), self._dtype).reshape(count, self.shape[1])
        rows = self._rows[first : first + count]
        if self._dtype == "uint16":
            rows = np.asarray(rows).view("uint16")
        np.copyto(block, rows, casting="equiv")

    def release(self) -> None:
        """Lets the rows go; shape, type and name stay."""
        self._rows = self._memory = None

    def failed(self, why: BaseException) -> str:
        if self._call.raised is None:
            self._call.raised = why
        return str(why)


@ffi.def_extern(error=lib.CGAP_FILE)
def contragap_read(source, first, count, out, error):
    own = ffi.from_handle(source.context)
    try:
        own.read(first, count, out)
    except BaseException as why:  # surfaces from the call that reads
        return lib.cgap_fail(error, lib.CGAP_FILE, b"%s: %s", own.name, ffi.new("char[]", own.failed(why).encode()[:900]))
    return lib.CGAP_OK


def integers(x: Any, name: str, dtype: str) -> "numpy.ndarray":
    """A one-dimensional array of int64 or uint64."""
    import numpy as np

    try:
        values = np.asarray(x.detach().cpu() if type(x).__module__.partition(".")[0] == "torch" else x)
    except (TypeError, ValueError) as why:
        raise DataError(f"{name}: no array of integers: {str(why).splitlines()[0]}") from why
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise DataError(f"{name}: shape {values.shape} of {values.dtype}; give one integer for each row")
    if dtype == "uint64" and values.size and values.min() < 0:
        raise DataError(f"{name}: {values.min()} at {values.argmin()}; rows count from 0")
    return np.ascontiguousarray(values, dtype=dtype)


class Data:
    """A cgap_data with all that it points to: of arrays, or of a dataset opened from files."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.dataset = ffi.NULL
        self.value = ffi.new("cgap_data *")
        self.label = "embeddings"  # as the program names its input
        self.files: list[str] = []
        self._keep: list[Any] = []
        self._keep_names: list[Any] = []

    def keep(self, value: Any) -> None:
        """Holds what the data point to."""
        self._keep_names.append(value)

    def release(self) -> None:
        """Lets the caller's arrays go; shapes, types and names stay."""
        for keep in self._keep:
            if isinstance(keep, Source):
                keep.release()
        self._keep = [keep for keep in self._keep if isinstance(keep, Source)]
        self.value.text_image = self.value.labels = ffi.NULL


def _pairing(data, text_image: Optional[Any], unpaired: bool) -> int:
    images, texts = data.image.rows, data.text.rows
    if texts == data.class_text.rows == 0:
        return lib.CGAP_UNPAIRED
    if unpaired:
        if text_image is not None:
            raise UsageError("unpaired: text_image gives pairs; leave one of them out")
        return lib.CGAP_UNPAIRED
    if text_image is not None:
        return lib.CGAP_BY_INDEX
    if texts == 0 or texts == images:
        return lib.CGAP_BY_ROW
    if texts % images == 0:
        return lib.CGAP_PAIRING_OPEN
    raise DataError(
        f"{images} images and {texts} texts: give text_image, the image row of each text, or unpaired=True"
    )


def from_arrays(
    call: Call,
    image: Any,
    text: Any,
    names: Sequence[str],
    *,
    text_image: Any,
    labels: Any,
    class_text: Any,
    prompts: int,
    unpaired: bool,
    drop_bad: bool,
    merge_images: bool,
) -> Data:
    """Data in memory."""
    out = Data(call)
    d = out.value
    for field, x, name in (("image", image, names[0]), ("text", text, names[1]), ("class_text", class_text, "class_text")):
        if x is None and field != "image":
            continue
        source = Source(x, name, call)
        out._keep.append(source)
        setattr(d, field, source.value)
    for field, x, dtype, rows in (
        ("text_image", text_image, "uint64", d.text.rows),
        ("labels", labels, "int64", d.image.rows),
    ):
        if x is None:
            continue
        values = integers(x, field, dtype)
        if len(values) != rows:
            raise DataError(f"{field}: {len(values)} numbers for {rows} {'texts' if field == 'text_image' else 'images'}")
        out._keep.append(values)
        setattr(d, field, ffi.cast(f"{dtype}_t *", ffi.from_buffer(values)))
    for k, name in enumerate(names):
        out._keep_names.append(ffi.new("char[]", name.encode()))
        d.names[k] = out._keep_names[-1]
    d.drift = d.text.rows > 0 and bool(unpaired) and not any(lib.cgap_is_modality_name(d.names[k]) for k in range(2))
    d.pairing = _pairing(d, text_image, unpaired)
    d.drop_bad, d.merge_images, d.prompts = bool(drop_bad), bool(merge_images), prompts
    return out


def from_files(
    call: Call,
    files: Sequence[Any],
    options: dict[str, Any],
    threads: int,
    memory_bytes: int,
    for_audit: bool,
    names: Optional[Sequence[str]] = None,
) -> Data:
    """Data of files, found as the command finds it; names: what to call image and text, where the files do not say."""
    out = Data(call)
    o = ffi.new("cgap_input_options *")
    paths = [ffi.new("char[]", os.fsencode(f)) for f in files]
    keep: list[Any] = [paths, ffi.new("char *[]", paths)]
    o.files, o.file_count = keep[1], len(paths)
    for name in ("image", "text", "text_image", "labels", "class_text"):
        given = options.get(name)
        if given is None:
            continue
        if not is_path(given):
            raise UsageError(f"{name}: {type(given).__name__} together with a file; give a dataset's name or a path")
        keep.append(ffi.new("char[]", os.fsencode(given)))
        setattr(o, name, keep[-1])
    for name in ("unpaired", "drop_bad", "merge_images"):
        setattr(o, name, bool(options[name]))
    for k, name in enumerate(names or ()):
        keep.append(ffi.new("char[]", name.encode()))
        o.names[k] = keep[-1]
    o.threads, o.memory_bytes = threads, memory_bytes
    o.for_audit = o.one_modality = for_audit
    dataset = ffi.new("cgap_dataset **")
    check(lib.cgap_dataset_open(dataset, o, call.error), call.error[0])
    out.dataset = ffi.gc(dataset[0], lib.cgap_dataset_close)
    out.value[0] = lib.cgap_dataset_data(dataset[0])[0]
    out.files = [os.fsdecode(f) for f in files or [options[k] for k in ("image", "text") if options.get(k)]]
    if names and len(names) == len(out.files):
        out.files = [f"{name}={file}" for name, file in zip(names, out.files)]
    shown = [os.path.basename(f.rstrip("/")) or f for f in out.files]
    out.label = f"{shown[0]} and {len(shown) - 1} more" if len(shown) > 2 else ", ".join(shown)
    return out
