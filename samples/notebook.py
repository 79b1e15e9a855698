# %% [markdown]
# The contrastive gap of embeddings in memory: audit, close, compare. Each `# %%` begins a cell (Jupyter, VS Code, Spyder);
# as a script: `python3 notebook.py`.

# %%
import contragap as cg
import numpy as np

# %% Embeddings: here made up, one cloud of meanings seen by two encoders with an offset between them
random = np.random.default_rng(0)
meaning = random.standard_normal((1000, 64))
offset = 0.6 * random.standard_normal(64)
image = (meaning + 0.5 * random.standard_normal((1000, 64)) + offset).astype("float32")
text = (meaning + 0.5 * random.standard_normal((1000, 64)) - offset).astype("float32")

# %% The audit: in a notebook `before` on a line of its own shows the figures
before = cg.audit(image, text)
print(before.verdict)
print(before.advice.word)

# %% One number, with its interval
gap = before["gap.corrected_distance"]
print(f"corrected distance {gap.value:.3f}, 95 % interval {gap.ci95[0]:.3f} to {gap.ci95[1]:.3f}, {gap.method}")

# %% What the means alone do
centered = cg.audit(image - image.mean(0), text - text.mean(0))
print(cg.compare({"as it is": before, "centered": centered}))

# %% What is recommended, and the embeddings through it
closing = cg.train(image, text)
print(closing)
closed = closing.transform(image=image, text=text)
print(closed[0].shape, closed[1].shape)

# %% Kept for later
closing.save("closed", replace=True)
head = cg.load("closed")
assert (head.transform(image=image) == closed[0]).all()
