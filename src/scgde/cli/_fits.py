"""What the fits of a file are, without their models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from scgde import _keys

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData


def fits_of(adata: AnnData) -> list[str]:
    """Names of the fits in ``adata.uns``.

    Raises
    ------
    KeyError
        If there is none.
    """
    needed = {_keys.SETS, _keys.EMBEDDING, _keys.MODEL}
    found = [key for key, entry in adata.uns.items() if isinstance(entry, Mapping) and needed <= set(entry)]
    if not found:
        msg = "FILE must hold a fit, but has none. Run `scgde fit` first."
        raise KeyError(msg)
    return found


def fit_key(adata: AnnData, key: str | None) -> str:
    """The fit of that name or, without one, the only one.

    Raises
    ------
    KeyError
        If there is no such fit, or several to choose from.
    """
    found = fits_of(adata)
    if key is None and len(found) > 1:
        msg = f"`--key` must name one of the {len(found)} fits in FILE: {found}."
        raise KeyError(msg)
    if key is not None and key not in found:
        msg = f"`--key` must name a fit in FILE, got {key!r}. Fits: {found}."
        raise KeyError(msg)
    return found[0] if key is None else key


def stored_config(adata: AnnData, key: str) -> dict[str, Any]:
    """What a stored model says of itself."""
    return json.loads(adata.uns[key][_keys.MODEL][_keys.CONFIG])


def describe(adata: AnnData, key: str) -> dict[str, str]:
    """A fit in a few lines of name and value."""
    fit = adata.uns[key]
    config, params = stored_config(adata, key), fit.get(_keys.PARAMS, {})
    network = config["init"].get("generator") or config["init"].get("transport")
    groupby = params.get("groupby", config["fitted_on"]["groupby"])
    columns = ", ".join([groupby] if isinstance(groupby, str) else groupby)
    return {
        "model": f"{config['class']}: {config['init']['encoder']}, {network} (scgde {config['version']})",
        "sets": f"{_sets_line(fit[_keys.SETS])}, by {columns}",
        "features": _features_line(config["init"]["cells"]["cells"], params),
        "embedding": f"{np.shape(fit[_keys.EMBEDDING])[1]} dimensions",
        "training": training_line(fit[_keys.HISTORY])
        if _keys.HISTORY in fit
        else "embedded with a model from elsewhere",
        "uncertainty": "computed" if _keys.COVARIANCE in fit else "not computed",
    }


def _sets_line(table: pd.DataFrame) -> str:
    sizes = table[_keys.N_CELLS]
    text = f"{len(table):,} of {sizes.sum():,} cells ({sizes.min():,} to {sizes.max():,} each)"
    if _keys.SPLIT not in table:
        return text
    counts = table[_keys.SPLIT].value_counts()
    return f"{text}, {', '.join(f'{counts.get(name, 0):,} {name}' for name in _keys.SPLITS)}"


def _features_line(spec: dict[str, Any], params: Mapping[str, Any]) -> str:
    shape = " x ".join(map(str, spec["shape"]))
    entry = f" in {params['use_rep']}" if "use_rep" in params else ""
    return f"{shape}{entry}, {spec['kind']}"


def best_step(history: pd.DataFrame) -> tuple[int, float] | None:
    """Step and value of the lowest validation loss; None where no set validated."""
    loss = history["validation_loss"].to_numpy(dtype=float)
    if not np.isfinite(loss).any():
        return None
    best = int(np.nanargmin(loss))
    return int(history["step"].iloc[best]), float(loss[best])


def training_line(history: pd.DataFrame) -> str:
    """How long a fit trained, and when it was best."""
    steps, best = f"{history['step'].max():,} steps", best_step(history)
    if best is None:
        return f"{steps}, no validation sets"
    return f"{steps}, best validation loss {best[1]:.4g} at step {best[0]:,}"
