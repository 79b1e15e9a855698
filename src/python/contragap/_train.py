"""Closing a gap: the choice among methods and heads, and what it recommends."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Union

from ._arguments import choice, count, fraction, open_data, option_text, training_options
from ._audit import Audit
from ._call import Call, Progress
from ._data import Source, is_path
from ._errors import UsageError
from ._library import ffi, lib
from ._report import About, Report

if TYPE_CHECKING:
    import numpy

_GOALS = {
    "auto": lib.CGAP_GOAL_AUTO,
    "mixed": lib.CGAP_GOAL_MIXED,
    "retrieval": lib.CGAP_GOAL_RETRIEVAL,
    "zero-shot": lib.CGAP_GOAL_ZERO_SHOT,
}


class Recommendation(NamedTuple):
    """What to do about the gap, by held-out pairs."""

    method: str  #: "center", "whiten, shrinkage 8", "residual from whiten, …", or "original": nothing
    goal: str  #: "mixed", "retrieval" or "zero-shot"
    reason: str
    test: dict[str, Any]  #: before, after and by center, with differences and their intervals, on the test part
    candidates: list[dict[str, Any]]  #: all that was tried, with its score
    text: str  #: all of it in sentences, with a table

    def __str__(self) -> str:
        return self.text


class Head:
    """A fitted head or method: passes rows of either modality through it."""

    def __init__(self, head, owner: Any = None) -> None:
        self._head, self._owner = head, owner
        shape = lib.cgap_head_shape_of(head)
        self.dim_in: int = shape.dim_in  #: of the rows that go in
        self.dim: int = shape.dim  #: of the rows that come out
        self._names: dict[str, str] = {}  # what the training called images and texts

    def transform(
        self, *, image: Any = None, text: Any = None, threads: int = 0, progress: Progress = None, **named: Any
    ) -> numpy.ndarray:
        """The rows of one modality through the head: (rows, dim) float32, unit rows.

        Give image=… or text=…, (rows, dim_in) of any type that `audit` takes, or both, which gives a pair of arrays. What
        `train` was given by other names has them here too: train(audio=a, caption=b).transform(audio=a).
        """
        for name, x in named.items():
            role = self._names.get(name)
            if role is None:
                raise UsageError(f"transform: {name}: the head knows {' and '.join(self._names) or 'image and text'}")
            image, text = (x, text) if role == "image" else (image, x)
        if image is None and text is None:
            raise UsageError("transform: give image=… or text=…")
        if image is not None and text is not None:
            return (
                self.transform(image=image, threads=threads, progress=progress),
                self.transform(text=text, threads=threads, progress=progress),
            )
        import numpy as np

        call = Call()
        kind, name, x = (
            (lib.CGAP_IMAGE_ROWS, "image", image) if image is not None else (lib.CGAP_TEXT_ROWS, "text", text)
        )
        source = Source(x, name, call)
        value = ffi.new("cgap_source *", source.value)
        out = np.empty((source.shape[0], self.dim), np.float32)
        show = ffi.new("cgap_progress *")
        call.set_progress(show)
        threads = count("threads", threads, high=1 << 20)
        memory = ffi.cast("float *", ffi.from_buffer(out))
        call.run(
            lambda: call.check(
                lib.cgap_head_apply_source(self._head, kind, value, memory, threads, show[0], call.error)
            ),
            progress,
        )
        return out

    def __repr__(self) -> str:
        return f"<contragap head, {self.dim_in} to {self.dim} dimensions>"


class Epoch(NamedTuple):
    """One epoch of a training."""

    epoch: int  #: from 1
    seconds: float  #: since the training began
    loss: float  #: weighted, a mean over the steps
    validation_loss: float  #: of the validation part as one batch; NaN without one
    validation_gap: float  #: distance of the centroids
    learning_rate: float
    temperature: float


class _Evaluated(Head, Report):
    """A head with audits of the test part before and after it."""

    _save = lib.cgap_closing_save

    def __init__(self, closing, about: About) -> None:
        Head.__init__(self, lib.cgap_closing_head(closing), closing)
        Report.__init__(self, closing, about)
        names = [ffi.string(name).decode() if name else "" for name in about.value.data.names]
        self._names = {name: role for name, role in zip(names, ("image", "text")) if name}

    def audit_of(self, name: str) -> Optional[Audit]:
        """The audit of the test part "before", "after", through the "start" of a trained head, or through a method that
        needs no training: "center", "shift", "whiten", "procrustes", "cca". None: there is none of this name."""
        found = lib.cgap_closing_audit(self._value, ffi.new("char[]", str(name).encode()))
        if not found:
            return None
        closing = self._value
        return Audit(ffi.gc(found, lambda _: closing), self._about)

    @property
    def before(self) -> Audit:
        """The test part as it is."""
        return self.audit_of("before")  # type: ignore[return-value]

    @property
    def after(self) -> Audit:
        """The test part through the head."""
        return self.audit_of("after")  # type: ignore[return-value]

    def __str__(self) -> str:
        return self._text_of(lib.cgap_closing_text, lib.CGAP_REPORT_TABLE)

    __repr__ = __str__


class Training(_Evaluated):
    """The result of `train` with options of one training: a head trained as they say, without a recommendation.

    `print(f)` says what it gains on the test part, images that it has not seen (`f.test_images`); `f.before` and
    `f.after` are audits of that part, `f.history` has its epochs. `f.transform(image=img)` passes rows through it.
    `f.save("trained")` writes the folder of `contragap train -o`, `f.save("head.h5")` the head alone; `contragap.load`
    reads both.
    """

    def __init__(self, closing, about: About, history: list[Epoch]) -> None:
        super().__init__(closing, about)
        self.history = history

    def _part(self, part: int) -> numpy.ndarray:
        import numpy as np

        rows = ffi.new("size_t *")
        split = lib.cgap_head_split(self._head, rows)
        return np.flatnonzero(np.frombuffer(ffi.buffer(split, 8 * rows[0]), np.int64) == part)

    @property
    def training_images(self) -> numpy.ndarray:
        """The image rows that the head was fitted on."""
        return self._part(lib.CGAP_TRAINING)

    @property
    def validation_images(self) -> numpy.ndarray:
        """The image rows that its epoch was chosen by."""
        return self._part(lib.CGAP_VALIDATION)

    @property
    def test_images(self) -> numpy.ndarray:
        """The image rows that it has not seen."""
        return self._part(lib.CGAP_TEST)

    def save(self, folder, replace: bool = False) -> None:
        """Writes the folder of `contragap train -o`; where the name ends with .h5 or .safetensors, that file alone."""
        name = os.fsencode(folder)
        if not name.endswith((b".h5", b".safetensors")):
            super().save(folder, replace)
            return
        call = Call()
        call.run(lambda: call.check(lib.cgap_head_write(self._head, ffi.new("char[]", name), call.error)), False)


@ffi.def_extern()
def contragap_epoch(context, record, options):
    e = record[0]
    ffi.from_handle(context).append(
        Epoch(e.epoch, e.seconds, e.training.total, e.validation.total, e.validation_gap, e.learning_rate, e.temperature)
    )


class Closing(_Evaluated):
    """The result of `train`: a recommendation, and the head that it recommends.

    `print(f)` says what is recommended and what it gains on pairs that neither the fits nor the choice have seen.
    `f.transform(image=img)` passes rows through it; `f.before` and `f.after` are audits of the test part.
    `f.save("closed")` writes the folder of `contragap train -o`, which `contragap.load("closed")` reads.
    """

    def to_dict(self) -> dict[str, Any]:
        """The content of recommendation.json."""
        return json.loads(self._text_of(lib.cgap_closing_text, lib.CGAP_REPORT_JSON))

    @property
    def recommendation(self) -> Recommendation:
        """What is recommended, why, and what it does to the test part."""
        r = self.to_dict()
        return Recommendation(r["method"], r["goal"], r["reason"], r["test"], r["candidates"], str(self))

_OBEYED = {"patience", "hold_out_classes"}  # options that a choice has too


def _set_options(call: Call, options, asked: dict[str, Any], single: bool) -> None:
    """Sets options of a training by their names; the library checks them."""
    if single and "epochs" in asked and "steps" in asked:
        raise UsageError(f"steps {asked['steps']} and epochs {asked['epochs']}: both say how long; give one of them")
    for name, value in asked.items():
        key, text = name.replace("_", "-").encode(), option_text(name, value).encode()
        call.check(lib.cgap_train_set(options, ffi.new("char[]", key), ffi.new("char[]", text), call.error))
    if "dim" in asked and "head" not in asked:
        options.head = lib.CGAP_HEAD_LINEAR  # as the command has it: a residual head keeps the dimensions


def _observe(history: list[Epoch]):
    """An observer that adds to the history; the handle has to live as long."""
    handle = ffi.new_handle(history)
    return ffi.new("cgap_observer *", {"epoch": lib.contragap_epoch, "context": handle}), handle


def train(
    *arrays: Any,
    text_image: Any = None,
    labels: Any = None,
    class_text: Any = None,
    prompts: int = 1,
    drop_bad: bool = False,
    merge_images: bool = False,
    select: str = "auto",
    goal: str = "auto",
    validation: float = 0.1,
    test: float = 0.2,
    seed: int = 0,
    threads: int = 0,
    memory: int = 0,
    progress: Progress = None,
    **modalities: Any,
) -> Union[Closing, Training]:
    """Finds out what to do about the gap, as the command `contragap train` does.

        f = contragap.train(img, txt)
        print(f)                                   # what is recommended, and what it gains on the test part
        z = f.transform(image=img)                 # (rows, f.dim) float32 unit rows

    Tries the embeddings as they are, five methods that need no training and a small grid of heads, takes the simplest
    that held-out pairs support, and measures it on pairs that neither the fits nor the choice have seen.

    The arrays, and text_image, labels, class_text, prompts, drop_bad, merge_images, seed, threads, memory and progress,
    are those of `audit`. Without texts, images are paired with the prompts of their class.

    goal          "mixed": search in one index of both modalities and in the other one; "retrieval": in the other one
                  alone; "zero-shot": the class of an image; "auto": mixed, or zero-shot where there are no texts
    validation    fraction of the images that the choice is made by
    test          fraction of the images that the result is measured on
    select        "auto": choose among candidates; "none": train one head, as the options below say. So does any of them:

        f = contragap.train(img, txt, loss="clip", temperature=0.05, epochs=50, batch=256)    # a Training

    head, start, shared, dim, hidden, loss, weight_clip …, temperature, learn_temperature, lr, decay, clip_norm, schedule,
    batch (a number or "full"), epochs, steps, patience, hold_out_classes, keep_duplicates, noise, train_images: names
    and values are those of `contragap train --help`, with _ for -; flags are True or False.
    """
    call = Call()
    options = ffi.new("cgap_train_options *", lib.cgap_train_options_default())
    options.threads = count("threads", threads, high=1 << 20)
    options.memory_bytes = count("memory", memory)
    options.seed = count("seed", seed)
    options.validation = fraction("validation", validation)
    options.test = fraction("test", test)
    call.set_progress(options.progress)
    number = choice("goal", goal, _GOALS)
    asked = training_options(modalities)
    single = choice("select", select, {"auto": 0, "none": 1}) or bool(asked.keys() - _OBEYED)
    if single and goal != "auto":
        raise UsageError(f"goal {goal}: a choice has one, a single training has none; leave it out")
    _set_options(call, options, asked, single)
    data = open_data(
        call, arrays, modalities, options.threads, options.memory_bytes, False, text_image=text_image, labels=labels,
        class_text=class_text, prompts=count("prompts", prompts, 1), unpaired=False, drop_bad=drop_bad,
        merge_images=merge_images,
    )  # fmt: skip
    out = ffi.new("cgap_closing **")
    closings = []
    history: list[Epoch] = []
    observer, _handle = _observe(history)

    def work() -> None:
        if single:
            call.check(lib.cgap_closing_train(out, data.value, options, observer, call.error))
        else:
            call.check(lib.cgap_closing_run(out, data.value, options, number, call.error))
        closings.append(ffi.gc(out[0], lib.cgap_closing_close))

    start = time.monotonic()
    call.run(work, progress)
    data.release()
    about = About(data, b"contragap train (Python)", options, time.monotonic() - start)
    return Training(closings[0], about, history) if single else Closing(closings[0], about)


def load(path: Any) -> Head:
    """The head of a folder that `save` or `contragap train -o` wrote, or of a head.h5."""
    if not is_path(path):
        raise UsageError(f"load: {type(path).__name__}; give the folder of a training, or a head.h5")
    name = os.fsdecode(path)
    if os.path.isdir(name):
        name = os.path.join(name, "head.h5")
    call = Call()
    out = ffi.new("cgap_head **")
    call.run(lambda: call.check(lib.cgap_head_read(out, ffi.new("char[]", os.fsencode(name)), call.error)), False)
    return Head(ffi.gc(out[0], lib.cgap_head_close))
