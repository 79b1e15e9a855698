"""The Python lines of the README and the sample notebook, as they stand."""

import os
import re
import runpy

import contragap  # noqa: F401  # before NumPy: see contragap/_load.py
import numpy as np
from helpers import command, main, rows

SOURCE = os.environ["CONTRAGAP_SOURCE"]


def test_notebook():
    runpy.run_path(os.path.join(SOURCE, "samples", "notebook.py"))
    assert os.path.exists("closed/head.h5")


def test_lines_of_the_readme():
    with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as file:
        blocks = [b for b in re.findall(r"```python\n(.*?)```", file.read(), re.S) if "import contragap" in b]
    assert blocks
    image, text = rows(400, 16)
    np.save("img_emb.npy", image)
    np.save("text_emb.npy", text)
    command("simulate", "-o", "pairs.h5", "--n", "400", "--d", "16", "--quiet")
    for block in blocks:
        exec(block, {})


if __name__ == "__main__":
    main(globals())
