from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_count, check_interval
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.model._base_gde import BaseGDE
from scgde.results import read_model
from scgde.sets._entries import read_entries
from scgde.sets._own_columns import own_column
from scgde.sets._set_groups import members, set_groups
from scgde.stats import in_support
from scgde.tl._generate import check_decodable, generated_cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

    from scgde._types import Config, SetLike


@checked_keywords
@shared_docs
def interpolate(
    adata: AnnData,
    source: SetLike,
    target: SetLike,
    *,
    via: SetLike | Sequence[SetLike] = (),
    n_steps: int = 11,
    n_cells: int = 500,
    interval: tuple[float, float] = (0.0, 1.0),
    library_size: float | str | np.ndarray | None = None,
    decode: bool = False,
    clip: bool = False,
    key: str = "gde",
    seed: int = 0,
) -> AnnData:
    """Generate cells along the straight line between the embeddings of two sets, or along one through several.

    Cell i of every step comes from the same noise, so that ``X`` of the cells with one ``obs["cell"]`` is a path. Of
    counts, only what they are drawn around is: counting noise is drawn anew. Of sequences, a
    token here and there is changed.

    Parameters
    ----------
    adata
        A fitted AnnData, or one with embedded sets.
    source, target
        Sets at t = 0 and t = 1, by name or by value: ``{"status": "Covid"}`` is the mean embedding of all sets with
        this value in the set table, each counting the same.
    via
        Set or sets that the line passes through, at equal times.
    n_steps
        Steps, the ends included.
    n_cells
        Cells a step.
    interval
        First and last t; beyond [0, 1] the line is prolonged.
    library_size
        %(library_size)s
    decode
        %(decode)s
    clip
        %(clip)s
    key
        %(key)s
    seed
        %(seed)s

    Returns
    -------
    Cells, step by step: ``obs["t"]``, ``obs["cell"]``, and ``obs["in_support"]``, False where the embedding is farther
    from every training set than training sets are from their nearest one (95 % of them): such cells are extrapolated.
    Without a fit in this AnnData, the embedded sets themselves are taken for training sets. ``uns["path"]`` holds
    the ``key``, the names of the ``sets`` passed, and their ``members``, one row per set.

    Raises
    ------
    KeyError
        If there is no fit, or no set of that name.
    ValueError
        If no set has the values, ``n_steps`` is below 2, or ``interval`` is not increasing.

    Examples
    --------
    >>> import scgde
    >>> path = scgde.tl.interpolate(adata, "donor_00", "donor_01", n_steps=3, n_cells=50)
    >>> path.obs["t"].unique().tolist()
    [0.0, 0.5, 1.0]
    >>> path = scgde.tl.interpolate(adata, {"shift": "control"}, {"shift": "shifted"}, n_steps=3)
    >>> path.uns["path"]["sets"].tolist()
    ['shift=control', 'shift=shifted']
    """
    n_steps, n_cells = check_count(n_steps, "n_steps", minimum=2), check_count(n_cells, "n_cells")
    check_interval(*interval, "`interval`")
    model = read_model(adata, key, BaseGDE)
    check_decodable(model, decode=decode, clip=clip)
    content = read_entries(adata, key)
    between = [via] if isinstance(via, str | Mapping) else via
    passed = set_groups(adata, [source, *between, target], "`source`, `target` and `via`", key)
    embedding = np.asarray(content[_keys.EMBEDDING])
    knots = np.stack([group.embedding(embedding) for group in passed])
    t = np.linspace(*interval, n_steps)
    path = interpolate_linearly(knots, t)
    inside = in_support(path, _training_embedding(content, key))
    sizes = None if decode and model.decoder is not None else library_size
    cells = (model.generate(step[None], n_cells, library_size=sizes, seed=seed) for step in path)
    obs = pd.DataFrame(
        {
            "t": np.repeat(t, n_cells),
            "cell": np.tile(np.arange(n_cells), n_steps),
            "in_support": np.repeat(inside, n_cells),
        }
    )
    options = {"library_size": library_size, "shape": (n_steps, n_cells), "seed": seed}
    generated = generated_cells(model, cells, obs, decode=decode, clip=clip, **options)
    names = np.array([group.name for group in passed], dtype=object)
    generated.uns[_keys.PATH] = {"key": key, "sets": names, "members": members(passed, content[_keys.SETS].index)}
    return generated


def interpolate_linearly(knots: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Points at times ``t`` of the line through ``knots`` ``(K, E)``, met equally spaced in [0, 1]; ends prolonged."""
    n_parts = len(knots) - 1
    part = np.clip(np.floor(t * n_parts).astype(int), 0, n_parts - 1)
    local = (t * n_parts - part)[:, None]
    return ((1 - local) * knots[part] + local * knots[part + 1]).astype(np.float32)


def _training_embedding(content: Config, key: str) -> np.ndarray:
    split, embedding = own_column(content, key, _keys.SPLIT), np.asarray(content[_keys.EMBEDDING])
    trained = np.ones(len(embedding), dtype=bool) if split is None else (split == "train").to_numpy()
    return embedding[trained] if trained.any() else embedding
