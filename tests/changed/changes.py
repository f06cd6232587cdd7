"""What may happen to an AnnData after a fit, and what each verb then owes: an answer, or a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import anndata as ad
import numpy as np
import scanpy as sc

if TYPE_CHECKING:
    from collections.abc import Callable

#: What is right: as before; as of sets that are embedded from what is there now; a refusal; that, or as before.
SAME, ANEW, REFUSED, EITHER = "same", "anew", "refused", "either"


class Change(NamedTuple):
    """A change, and what verbs owe that read embeddings alone, features of cells, their figure, or labels of sets."""

    make: Callable[[ad.AnnData], ad.AnnData | None]
    embeddings: str = SAME
    features: str = SAME
    labels: str = SAME
    drawn: str = SAME


def _on_features(make: Callable[[ad.AnnData], ad.AnnData | None], drawn: str = REFUSED) -> Change:
    return Change(make, features=REFUSED, drawn=drawn)


def _set_pca(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[ad.AnnData], None]:
    def make(adata: ad.AnnData) -> None:
        adata.obsm["X_pca"] = change(np.array(adata.obsm["X_pca"]))

    return make


def _own_pca(adata: ad.AnnData, *, keep_loadings: bool) -> None:
    del adata.obsm["X_pca"]
    adata.X = adata.X + np.random.default_rng(1).normal(size=adata.shape)
    sc.pp.pca(adata, n_comps=4)
    if not keep_loadings:
        del adata.varm["PCs"]


def _swapped(x: np.ndarray) -> np.ndarray:
    return np.concatenate([x[30:60], x[:30], x[60:]])


def _rotated(x: np.ndarray) -> np.ndarray:
    return x @ np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]


def _one_set(x: np.ndarray) -> np.ndarray:
    x[:30] += 1
    return x


def _without(where: str, name: str) -> Callable[[ad.AnnData], None]:
    def make(adata: ad.AnnData) -> None:
        del getattr(adata, where)[name]

    return make


def _scaled_genes(adata: ad.AnnData) -> None:
    adata.X = adata.X * 3


def _scaled_genes_without_loadings(adata: ad.AnnData) -> None:
    _scaled_genes(adata)
    del adata.varm["PCs"]


def _projected(adata: ad.AnnData) -> ad.AnnData:
    del adata.obsm["X_pca"], adata.varm["PCs"]
    return adata[:, ::-1].copy()


def _some(adata: ad.AnnData, names: tuple[str, ...]) -> np.ndarray:
    return adata.obs["gde_set"].isin(names).to_numpy()


HALF = ("d01", "d02", "d04", "d05", "d08", "d11")


def _renamed_cells(adata: ad.AnnData) -> None:
    adata.obs_names = [f"new_{name}" for name in adata.obs_names]


def _reordered(adata: ad.AnnData) -> ad.AnnData:
    return adata[np.random.default_rng(0).permutation(adata.n_obs)].copy()


def _renamed_and_reordered(adata: ad.AnnData) -> ad.AnnData:
    _renamed_cells(adata)
    return _reordered(adata)


def _with_itself(adata: ad.AnnData) -> ad.AnnData:
    return ad.concat([adata, adata], uns_merge="first", merge="first", index_unique="-")


def _with_more_cells(adata: ad.AnnData) -> ad.AnnData:
    other = ad.AnnData(adata.X[:7] + 5, obs=adata.obs.iloc[:7][["disease", "age"]], var=adata.var)
    other.obsm["X_pca"] = np.ones((7, 4), dtype=np.float32)
    return ad.concat([adata, other], join="outer", uns_merge="first", merge="first", index_unique="-")


def _with_other_sets(adata: ad.AnnData) -> ad.AnnData:
    other = adata[:30].copy()
    other.obs["gde_set"] = "elsewhere"
    return ad.concat([adata, other], uns_merge="first", merge="first", index_unique="-")


def _table(change: Callable) -> Callable[[ad.AnnData], None]:
    def make(adata: ad.AnnData) -> None:
        adata.uns["gde"]["sets"] = change(adata.uns["gde"]["sets"])

    return make


def _obs(name: str, change: Callable) -> Callable[[ad.AnnData], None]:
    def make(adata: ad.AnnData) -> None:
        adata.obs[name] = change(adata.obs)

    return make


def _renamed(name: str) -> Callable[[ad.AnnData], None]:
    return _obs(name, lambda obs: obs[name].cat.rename_categories(str.upper))


def _with_a_cell_elsewhere(obs) -> np.ndarray:
    return np.where(np.arange(len(obs)) == 3, "d07", obs["donor"].astype(str))


def _corrected(obs) -> np.ndarray:
    return np.where(obs["donor"].isin(["d03", "d06"]), "healthy", obs["disease"].astype(str))


def _half_corrected(obs) -> np.ndarray:
    values = obs["disease"].astype(str).to_numpy()
    values[:10] = "another"
    return values


def _old(adata: ad.AnnData) -> None:
    for name in ("fingerprint", "own_columns"):
        del adata.uns["gde"][name]


CHANGES = {
    # features
    "other components, with their loadings": _on_features(lambda a: _own_pca(a, keep_loadings=True)),
    "other components, without loadings": _on_features(lambda a: _own_pca(a, keep_loadings=False)),
    "components permuted": _on_features(_set_pca(lambda x: x[:, ::-1])),
    "a component with another sign": _on_features(_set_pca(lambda x: x * [-1, 1, 1, 1])),
    "components scaled": _on_features(_set_pca(lambda x: 2 * x)),
    "components moved": _on_features(_set_pca(lambda x: x + 1)),
    "components rotated": _on_features(_set_pca(_rotated)),
    "cells of two sets swapped": _on_features(_set_pca(_swapped)),
    "cells of one set moved": _on_features(_set_pca(_one_set)),
    "fewer components": _on_features(_set_pca(lambda x: x[:, :3])),
    "other loadings": _on_features(lambda a: a.varm.__setitem__("PCs", a.varm["PCs"][::-1].copy()), drawn=SAME),
    "components in double precision": Change(_set_pca(lambda x: x.astype(np.float64))),
    "components gone": Change(_without("obsm", "X_pca"), drawn=REFUSED),
    "components and loadings gone, genes in another order": Change(_projected, drawn=REFUSED),
    "loadings gone": Change(_without("varm", "PCs")),
    "genes scaled": Change(_scaled_genes),
    "genes scaled, loadings gone": _on_features(_scaled_genes_without_loadings, drawn=SAME),
    "genes in another order": Change(lambda a: a[:, ::-1].copy()),
    "fewer genes": _on_features(lambda a: a[:, :8].copy(), drawn=SAME),
    # cells
    "half of the sets": Change(lambda a: a[_some(a, HALF)].copy(), *[ANEW] * 4),
    "half of the sets, a view": Change(lambda a: a[_some(a, HALF)], *[ANEW] * 4),
    "one cell less": Change(lambda a: a[1:].copy(), *[REFUSED] * 4),
    "half of the cells": Change(lambda a: a[::2].copy(), *[REFUSED] * 4),
    "no cell in a set": Change(lambda a: a[:0].copy(), *[REFUSED] * 4),
    "cells in another order": Change(_reordered),
    "cells renamed": Change(_renamed_cells),
    "cells renamed and in another order": _on_features(_renamed_and_reordered),
    "all cells twice": Change(_with_itself, *[REFUSED] * 4),
    "cells of no set added": Change(_with_more_cells),
    "cells of another set added": Change(_with_other_sets, *[REFUSED] * 4),
    # sets
    "set table in another order": Change(_table(lambda t: t.iloc[::-1])),
    "set table sorted by a column": Change(_table(lambda t: t.sort_values("age"))),
    "sets of the table renamed": Change(_table(lambda t: t.rename(index={"d03": "x"})), *[REFUSED] * 4),
    "a set twice in the table": Change(_table(lambda t: t.rename(index={"d03": "d04"})), *[REFUSED] * 4),
    "sets of cells as text": Change(_obs("gde_set", lambda o: o["gde_set"].astype(str).to_numpy())),
    "sets of cells renamed": Change(
        _obs("gde_set", lambda o: o["gde_set"].cat.rename_categories(str.upper)), *[REFUSED] * 4
    ),
    "sets of cells gone": Change(_without("obs", "gde_set"), features=REFUSED, labels=EITHER, drawn=REFUSED),
    "groups renamed": Change(_renamed("donor")),
    "a cell in another group": Change(_obs("donor", _with_a_cell_elsewhere), *[REFUSED] * 4),
    "two groups as one": Change(_obs("donor", lambda o: o["donor"].astype(str).replace("d07", "d08")), *[REFUSED] * 4),
    # labels
    "labels corrected": Change(_obs("disease", _corrected), labels=ANEW),
    "a label corrected in some cells": Change(_obs("disease", _half_corrected), labels=REFUSED),
    "labels as text": Change(_obs("disease", lambda o: o["disease"].astype(str).to_numpy())),
    "labels gone from the cells": Change(_without("obs", "disease")),
    "columns called as those of a fit": Change(
        lambda a: a.obs.__setitem__(["split", "n_cells", "weight"], np.arange(a.n_obs)[:, None] % [[2, 3, 5]])
    ),
    # versions
    "fitted by an earlier version": Change(_old),
}
