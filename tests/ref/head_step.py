#!/usr/bin/python3
"""One training step of each head, by an independent program: numpy, double, no code of contragap.

    ./head_step.py > head_step.json

Small fixed batches (several positives, an image of two texts, a text of two images), fixed weights; the loss terms,
the gradients of all parameters and of log(temperature), and the parameters after one AdamW step. Gradients here come
from automatic differentiation written out backwards on matrices (each formula in one line), not from tiles.
"""
import json
import numpy as np


def clip_direction(s, mask, tau):
    """mean over queries with a positive of mean over positives of log(e^{p} + sum of negatives) - p; and d/ds."""
    z = s / tau
    grad = np.zeros_like(z)
    asked = mask.any(1)
    total = 0.0
    for q in np.flatnonzero(asked):
        pos, neg = np.flatnonzero(mask[q]), np.flatnonzero(~mask[q])
        for p in pos:
            both = np.append(z[q, neg], z[q, p])
            top = both.max()
            e = np.exp(both - top)
            total += (top + np.log(e.sum()) - z[q, p]) / len(pos) / asked.sum()
            share = e / e.sum() / len(pos) / asked.sum()
            grad[q, neg] += share[:-1]
            grad[q, p] += share[-1] - 1 / len(pos) / asked.sum()
    return total, grad / tau


def uniform(z):
    n = len(z)
    d2 = ((z[:, None] - z[None]) ** 2).sum(-1)
    k = np.exp(-2 * d2)
    np.fill_diagonal(k, 0)
    g = -4 / (k.sum() / 2) * (k[:, :, None] * (z[:, None] - z[None])).sum(1)
    return np.log(k.sum() / (n * (n - 1))), g


def losses(x, y, mask, w, tau):
    s = x @ y.T
    i2t, gi = clip_direction(s, mask, tau)
    t2i, gt = clip_direction(s.T, mask.T, tau)
    gs = w[0] * (gi + gt.T) / 2
    glog = -(gs * s).sum()
    ux, gx = uniform(x)
    uy, gy = uniform(y)
    gs = gs - 2 * w[2] * mask / mask.sum()
    k = np.exp(4 * s - 4) * ~mask
    gs = gs + w[3] * 4 * k / k.sum()
    terms = dict(clip=(i2t + t2i) / 2, image_to_text=i2t, text_to_image=t2i, uniform=(ux + uy) / 2,
                 align=(2 - 2 * s)[mask].mean(), xuniform=np.log(k.sum() / (~mask).sum()))
    terms["total"] = w[0] * terms["clip"] + w[1] * terms["uniform"] + w[2] * terms["align"] + w[3] * terms["xuniform"]
    return terms, gs @ y + w[1] / 2 * gx, gs.T @ x + w[1] / 2 * gy, glog


def erf(x):
    return np.vectorize(__import__("math").erf)(x)


def head(kind, p, z):
    """rows, and what maps d(rows) to the parameters' gradients"""
    if kind == "linear":
        a = z @ p[0].T
    elif kind == "residual":
        a = z + z @ p[0].T + p[1]
    else:
        u = z @ p[0].T + p[1]
        phi = (1 + erf(u / np.sqrt(2))) / 2
        h = u * phi
        a = z + h @ p[2].T + p[3]
    norm = np.linalg.norm(a, axis=1, keepdims=True)
    out = a / norm

    def back(d):
        da = (d - out * (d * out).sum(1, keepdims=True)) / norm
        if kind == "linear":
            return [da.T @ z]
        if kind == "residual":
            return [da.T @ z, da.sum(0)]
        du = (da @ p[2]) * (phi + u * np.exp(-u * u / 2) / np.sqrt(2 * np.pi))
        return [du.T @ z, du.sum(0), da.T @ h, da.sum(0)]
    return out, back


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def adamw(p, g, lr=1e-2, decay=0.1, b1=0.9, b2=0.99, eps=1e-8):
    m, v = (1 - b1) * g, (1 - b2) * g * g
    return p * (1 - lr * decay) - lr * (m / (1 - b1)) / (np.sqrt(v / (1 - b2)) + eps)


def case(kind, seed, tau, w, dim_in=6, dim=4, hidden=5):
    r = np.random.default_rng(seed)
    n, m = 5, 7
    f32 = lambda a: np.asarray(a, dtype=np.float32).astype(np.float64)
    x, y = f32(unit(r.normal(size=(n, dim_in)))), f32(unit(r.normal(size=(m, dim_in))))
    mask = np.zeros((n, m), bool)
    mask[[0, 1, 2, 3, 4, 0, 2], np.arange(m)] = True
    mask[3, 6] = True
    d = dim if kind == "linear" else dim_in
    shapes = {"linear": [(d, dim_in)], "residual": [(d, dim_in), (d,)],
              "mlp": [(hidden, dim_in), (hidden,), (d, hidden), (d,)]}[kind]
    params = [[f32(0.4 * r.normal(size=s)) for s in shapes] for _ in range(2)]
    zx, bx = head(kind, params[0], x)
    zy, by = head(kind, params[1], y)
    terms, gx, gy, glog = losses(zx, zy, mask, w, tau)
    grads = [bx(gx), by(gy)]
    flat = lambda sides: np.concatenate([a.ravel() for side in sides for a in side])
    decays = np.concatenate([np.full(a.size, 0.1 if a.ndim == 2 else 0.0) for side in params for a in side])
    after = adamw(flat(params), flat(grads), decay=decays)
    return dict(kind=kind, temperature=tau, weights=w, dim_in=dim_in, dim=d, hidden=hidden if kind == "mlp" else 0,
                image=x.ravel().tolist(), text=y.ravel().tolist(), couple=mask.astype(int).ravel().tolist(),
                parameters=flat(params).tolist(), terms=terms, gradient=flat(grads).tolist(), log_temperature=glog,
                after=after.tolist())


print(json.dumps([case("linear", 1, 0.1, [1, 1, 1, 1]), case("residual", 2, 0.05, [1, 1, 1, 0]),
                  case("mlp", 3, 0.2, [0.5, 2, 1, 0.7])], indent=0))
