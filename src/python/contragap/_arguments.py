"""Arguments of the public calls, checked and made into data."""

import difflib
import os
from typing import Any, Optional

from ._call import Call
from ._data import Data, from_arrays, from_files, is_path
from ._errors import DataError, UsageError


def choice(name: str, value: str, choices: dict[str, int]) -> int:
    """The number of a named choice."""
    if value not in choices:
        raise UsageError(f"{name}: {value!r}; give one of {', '.join(choices)}")
    return choices[value]


def count(name: str, value: Any, low: int = 0, high: int = (1 << 62) - 1) -> int:
    """A whole number that the library can take."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or not low <= value.__index__() <= high:
        raise UsageError(f"{name}: {value!r}; give a whole number from {low} to {high}")
    return value.__index__()


def fraction(name: str, value: Any) -> float:
    """A number from 0 to 1."""
    if isinstance(value, bool) or not hasattr(value, "__float__") or not 0 <= float(value) <= 1:
        raise UsageError(f"{name}: {value!r}; give a number from 0 to 1")
    return float(value)


_OPTIONS = (
    "text_image", "labels", "class_text", "prompts", "unpaired", "drop_bad", "merge_images", "pairs", "precision",
    "temperature", "sample_rows", "csls", "advice", "goal", "validation", "test", "seed", "threads", "memory", "progress",
    "select", "loss", "epochs", "batch",
)  # fmt: skip


def training_options(modalities: dict[str, Any]) -> dict[str, Any]:
    """Takes out of the named arguments those that are options of a training; the loss first, which sets all weights."""
    from ._library import ffi, lib

    names, k = [], 0
    while lib.cgap_train_option_name(k):
        names.append(ffi.string(lib.cgap_train_option_name(k)).decode().replace("-", "_"))
        k += 1
    own = {"val": "validation", "test": "test", "seed": "seed"}  # which `train` has by these names
    for name in modalities:
        if name in own and name not in own.values():
            raise UsageError(f"{name}: no option of this call; did you mean {own[name]}?")
    out = {name: modalities.pop(name) for name in names if name in modalities}
    return {**({"loss": out.pop("loss")} if "loss" in out else {}), **out}


def option_text(name: str, value: Any) -> str:
    """The value of an option as the command line has it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) or hasattr(value, "__index__"):
        return str(value)
    if not hasattr(value, "__float__"):
        raise UsageError(f"{name}: {type(value).__name__}; give a number or a name")
    return repr(float(value))


def _check_name(name: str, value: Any) -> None:
    """Refuses what is no matrix and nearly has the name of an option."""
    if len(getattr(value, "shape", ())) == 2 or (is_path(value) and os.path.exists(value)):
        return
    near = difflib.get_close_matches(name, _OPTIONS, 1, 0.8)
    if near:
        raise UsageError(f"{name}: no option of this call; did you mean {near[0]}?")


def named_modalities(arrays: tuple, modalities: dict[str, Any]) -> dict[str, Any]:
    """Modalities by name, those without one as image and text."""
    names = ["image", "text"]
    if len(arrays) > 2:
        raise UsageError(f"{len(arrays)} arrays without names; give names where there are more than two: image=…, audio=…")
    out = dict(zip(names, arrays))
    for name, x in modalities.items():
        if name in out:
            raise UsageError(f"{name} is given twice, by place and by name")
        _check_name(name, x)
        out[name] = x
    return out


def open_data(
    call: Call, arrays: tuple, modalities: dict[str, Any], threads: int, memory: int, for_audit: bool, **options
) -> Data:
    """The data of a call: arrays, or files where the modalities are paths. for_audit: one modality alone will do."""
    if arrays and all(is_path(x) for x in arrays):
        for name, x in modalities.items():
            _check_name(name, x)
        roles, names = _roles(modalities, for_audit)
        return from_files(call, arrays, {**options, **roles}, threads, memory, for_audit, names)
    given = named_modalities(arrays, modalities)
    if len(given) > 2:
        raise UsageError(f"{', '.join(given)}: {len(given)} modalities; give two (audit takes more)")
    roles, names = _roles(given, for_audit)
    if roles and all(is_path(x) for x in roles.values()):
        if len(given) == 1:
            return from_files(call, list(given.values()), options, threads, memory, for_audit, list(given))
        return from_files(call, (), {**options, **roles}, threads, memory, for_audit, names)
    if not roles and for_audit:
        raise UsageError("give embeddings: an array of shape (rows, dim) for each modality, as in (image, text), or files")
    if not roles or (len(roles) < 2 and options["class_text"] is None and not for_audit):
        raise UsageError("give two modalities, as in (image, text), or one with class_text and labels")
    for name, x in given.items():
        if x is None:
            raise DataError(f"{name}: None; give an array of shape (rows, dim)")
    if list(roles) == ["text"]:
        roles, names = {"image": roles["text"]}, ("text", "image")
    return from_arrays(call, roles["image"], roles.get("text"), names or ("image", "text"), **options)


def _roles(modalities: dict[str, Any], in_order: bool) -> tuple[dict[str, Any], Optional[tuple[str, str]]]:
    """The two modalities as the library's image and text, and their names where those are others. in_order: as the
    command has it, the first as its image; else a modality that is called image or text is what it is called."""
    if set(modalities) <= {"image", "text"}:
        return modalities, None
    if len(modalities) != 2:
        return {"image": x for x in modalities.values()}, (*modalities, "text")[:2]
    swapped = not in_order and ("image" in list(modalities)[1:] or "text" in list(modalities)[:1])
    first, second = ("text", "image") if swapped else ("image", "text")
    names = dict(zip((first, second), modalities))
    return dict(zip((first, second), modalities.values())), (names["image"], names["text"])
