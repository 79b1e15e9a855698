"""Arguments of the public calls, checked and made into data."""

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


def named_modalities(arrays: tuple, modalities: dict[str, Any]) -> dict[str, Any]:
    """Modalities by name, those without one as image and text."""
    names = ["image", "text"]
    if len(arrays) > 2:
        raise UsageError(f"{len(arrays)} arrays without names; give names where there are more than two: image=…, audio=…")
    out = dict(zip(names, arrays))
    for name, x in modalities.items():
        if name in out:
            raise UsageError(f"{name} is given twice, by place and by name")
        out[name] = x
    return out


def open_data(call: Call, arrays: tuple, modalities: dict[str, Any], threads: int, memory: int, **options) -> Data:
    """The data of a call: arrays, or files where the modalities are paths."""
    if arrays and all(is_path(x) for x in arrays):
        roles, names = _roles(modalities)
        return from_files(call, arrays, {**options, **roles}, threads, memory, names)
    given = {name: x for name, x in named_modalities(arrays, modalities).items()}
    if len(given) > 2:
        raise UsageError(f"{', '.join(given)}: {len(given)} modalities; this version audits two at a time")
    roles, names = _roles(given)
    if roles and all(is_path(x) for x in roles.values()):
        return from_files(call, (), {**options, **roles}, threads, memory, names)
    if not roles or (len(roles) < 2 and options["class_text"] is None):
        raise UsageError("give two modalities, as in (image, text), or one with class_text and labels")
    for name, x in given.items():
        if x is None:
            raise DataError(f"{name}: None; give an array of shape (rows, dim)")
    return from_arrays(call, roles["image"], roles.get("text"), names or ("image", "text"), **options)


def _roles(modalities: dict[str, Any]) -> tuple[dict[str, Any], Optional[tuple[str, str]]]:
    """The two modalities as the library's image and text, and their names where those are others."""
    if set(modalities) <= {"image", "text"}:
        return modalities, None
    if len(modalities) != 2:
        return {"image": x for x in modalities.values()}, (*modalities, "text")[:2]
    first, second = ("text", "image") if "image" in list(modalities)[1:] or "text" in list(modalities)[:1] else ("image", "text")
    names = dict(zip((first, second), modalities))
    return dict(zip((first, second), modalities.values())), (names["image"], names["text"])
