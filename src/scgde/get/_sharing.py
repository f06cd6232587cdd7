"""AnnData that share their arrays with another object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anndata import AnnData

from scgde._hints import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd


def found(parts: Mapping[str, AnnData], name: str, required: str) -> AnnData:
    """The part of that name.

    Raises
    ------
    KeyError
        If there is none.
    """
    if name not in parts:
        msg = f"{required}, got {name!r}. There are {list(parts)}.{did_you_mean(name, parts)}"
        raise KeyError(msg)
    return parts[name]


def sharing(adata: AnnData, obs: pd.DataFrame) -> AnnData:
    """AnnData with the arrays of another, and its own ``obs`` and ``uns``."""
    aligned: dict[str, Any] = {part: dict(getattr(adata, part)) for part in ("layers", "obsm", "varm", "obsp", "varp")}
    return AnnData(adata.X, obs=obs, var=adata.var, uns=dict(adata.uns), **aligned)
