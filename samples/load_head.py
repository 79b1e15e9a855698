"""A head without contragap: `contragap train FILE -o closed --export`, then

    python3 load_head.py closed/head.safetensors IN.npy image OUT.npy

passes the image rows of IN.npy through the head with NumPy alone, and through a torch module where torch is there.
With the package safetensors, `safetensors.torch.load_file(path)` gives the same dictionary as `load`.
"""
import json
import sys

import numpy as np


def load(path):
    """The tensors of a .safetensors file by name, and what the file says of itself."""
    types = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "I64": "<i8"}
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    about = header.pop("__metadata__", {})
    tensors = {
        name: np.frombuffer(data[t["data_offsets"][0] : t["data_offsets"][1]], types[t["dtype"]]).reshape(t["shape"])
        for name, t in header.items()
    }
    return tensors, about


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def apply(tensors, kind, modality, rows):
    """Rows (N, dim_in) of any norm as the unit rows (N, dim) that the head makes of them."""
    if f"{modality}/weight" not in tensors:  # --shared: one set of weights for both
        modality = "image"
    z = unit(np.float64(rows))
    y = z @ np.float64(tensors[f"{modality}/weight"]).T + tensors.get(f"{modality}/bias", 0.0)
    if kind == "mlp":
        from math import erf

        y = 0.5 * y * (1 + np.vectorize(erf)(y / np.sqrt(2)))  # GELU
        y = y @ np.float64(tensors[f"{modality}/weight2"]).T + tensors[f"{modality}/bias2"]
    if kind != "linear" and y.shape == z.shape:
        y = z + y
    return unit(y)


def torch_module(tensors, kind, modality):
    """The same as a torch.nn.Module with trainable weights."""
    import torch

    class Head(torch.nn.Module):
        def __init__(self):
            super().__init__()
            side = modality if f"{modality}/weight" in tensors else "image"
            self.weights = torch.nn.ParameterDict(
                {n.split("/")[1]: torch.nn.Parameter(torch.tensor(t)) for n, t in tensors.items() if n.startswith(side + "/")}
            )

        def forward(self, rows):
            z = torch.nn.functional.normalize(rows, dim=-1)
            bias = self.weights["bias"] if "bias" in self.weights else None
            y = torch.nn.functional.linear(z, self.weights["weight"], bias)
            if kind == "mlp":
                y = torch.nn.functional.linear(torch.nn.functional.gelu(y), self.weights["weight2"], self.weights["bias2"])
            if kind != "linear" and y.shape == z.shape:
                y = z + y
            return torch.nn.functional.normalize(y, dim=-1)

    return Head()


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    head, about = load(sys.argv[1])
    rows = np.load(sys.argv[2])
    out = apply(head, about["kind"], sys.argv[3], rows)
    np.save(sys.argv[4], np.float32(out))
    print(f"{about['kind']} head: {rows.shape} -> {out.shape}")
    try:
        import torch
    except ImportError:
        sys.exit(0)
    with torch.no_grad():
        same = torch_module(head, about["kind"], sys.argv[3])(torch.tensor(np.float32(rows))).numpy()
    print(f"torch: at most {np.abs(same - out).max():.1g} off")
