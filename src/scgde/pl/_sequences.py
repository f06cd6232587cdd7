from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scgde import _keys
from scgde._checks import check_count
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.pl._draw import COLORS, GREY, INK, LEGEND_STYLE, check_kinds, draw_panels, panel_titles
from scgde.pl._draw.cells import training_features
from scgde.sets._entries import read_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from anndata import AnnData
    from matplotlib.axes import Axes

    from scgde._types import Config

#: Kinds of panels, with their titles.
TITLES = {"lengths": "lengths", "positions": "letters by position", "words": "words"}
KINDS = tuple(TITLES)
#: Letters that have their name on the axis, at most.
_MAX_LABELS = 25


@checked_keywords
@shared_docs
def sequences(
    adata: AnnData,
    generated: AnnData,
    *,
    key: str = "gde",
    sets: Sequence[str] | None = None,
    kinds: str | Sequence[str] = KINDS,
    k: int = 3,
    title: str | Sequence[str] | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> list[Axes] | None:
    """Generated sequences next to observed ones: their lengths, letters by position, and words.

    Parameters
    ----------
    adata
        Observed sequences, with a fit, see :func:`scgde.tl.fit_gde`.
    generated
        Generated sequences of named sets, see :func:`scgde.tl.generate`.
    key
        %(key)s
    sets
        Names of the sets whose sequences are drawn together. None: those that were generated.
    kinds
        ``"lengths"``: shares of lengths. ``"positions"``: by how much the share of a letter at a position is larger
        among generated sequences. ``"words"``: shares of words of ``k`` letters, observed against generated.
    k
        Letters of a word.
    title
        %(titles)s
    ax
        %(ax)s
    show
        %(show)s
    save
        %(save)s

    Returns
    -------
    %(returns_axes_per_kind)s

    Raises
    ------
    KeyError
        If there is no such fit, or a set is missing among the observed or the generated cells.
    ValueError
        If the fit is not on sequences, these have changed since, or there is no such kind.

    Examples
    --------
    >>> import scgde
    >>> cells = scgde.tl.generate(repertoires, n_cells=20)
    >>> axes = scgde.pl.sequences(repertoires, cells, show=False)
    """
    chosen, k = check_kinds(kinds, KINDS), check_count(k, "k")
    name = _entry(adata, read_entries(adata, key, entry=_keys.PARAMS)[_keys.PARAMS], key)
    training_features(adata, key)  # refuses those that are not what was fitted
    wanted = list(dict.fromkeys(generated.obs["set"].astype(str))) if sets is None else list(sets)
    both = _Letters.of(adata, name, _keys.set_column(key), wanted), _Letters.of(generated, name, "set", wanted)
    draw: dict[str, Callable[..., None]] = {
        "lengths": _draw_lengths,
        "positions": _draw_positions,
        "words": partial(_draw_words, k=k),
    }
    drawings: list[Callable[[Axes], None]] = [partial(draw[kind], *both) for kind in chosen]
    titles = panel_titles(title, [TITLES[kind] for kind in chosen])
    return draw_panels(drawings, titles, size=(3.4, 3.0), max_columns=3, ax=ax, show=show, save=save)


class _Letters(NamedTuple):
    """Tokens of letters ``(n, L)``, 0 behind the end, and the alphabet."""

    tokens: np.ndarray
    alphabet: str

    @classmethod
    def of(cls, adata: AnnData, name: str, column: str, sets: list[str]) -> _Letters:
        """Sequences of some sets."""
        labels = adata.obs[column].astype(str)
        missing = [one for one in sets if one not in set(labels)]
        if missing:
            msg = (
                f"`sets` must be observed and generated, got {missing[:5]}. Some sets: {labels.unique()[:5].tolist()}."
            )
            raise KeyError(msg)
        entry: Any = adata.uns[name]
        front = len(entry.get("first", ())) > 0
        tokens = np.asarray(adata.obsm[name])[labels.isin(sets).to_numpy(), int(front) :]
        return cls(tokens, str(entry["alphabet"]))

    def lengths(self) -> np.ndarray:
        """Share of each length, shape ``(L + 1,)``."""
        counts = np.bincount((self.tokens > 0).sum(axis=1), minlength=self.tokens.shape[1] + 1)
        return counts / len(self.tokens)

    def positions(self) -> np.ndarray:
        """Share of each letter at each position, shape ``(letters, L)``."""
        return np.stack([(self.tokens == i + 1).mean(axis=0) for i in range(len(self.alphabet))])

    def words(self, k: int) -> np.ndarray:
        """Share of each word of k letters, shape ``(letters ** k,)``."""
        windows = np.lib.stride_tricks.sliding_window_view(self.tokens.astype(np.int64), k, axis=1).reshape(-1, k)
        windows = windows[(windows > 0).all(axis=1)] - 1
        code = windows @ len(self.alphabet) ** np.arange(k)[::-1]
        return np.bincount(code, minlength=len(self.alphabet) ** k) / max(len(code), 1)


def _entry(adata: AnnData, params: Config, key: str) -> str:
    name = str(params.get("generate", params.get("use_rep")))
    if not hasattr(adata.uns.get(name), "keys") or "alphabet" not in adata.uns[name]:
        msg = (
            f"The fit {key!r} must be on sequences, see `scgde.pp.tokenize`, got one on {name!r}. Draw `pl.generated`."
        )
        raise ValueError(msg)
    return name


def _draw_lengths(observed: _Letters, generated: _Letters, ax: Axes) -> None:
    n = max(observed.tokens.shape[1], generated.tokens.shape[1]) + 1
    shares = [np.pad(one.lengths(), (0, n - one.tokens.shape[1] - 1)) for one in (observed, generated)]
    shown = np.flatnonzero(shares[0] + shares[1] > 0)
    lengths = np.arange(shown.min(), shown.max() + 1)
    ax.bar(lengths, shares[0][lengths], color=GREY, width=0.9, label="observed")
    ax.plot(lengths, shares[1][lengths], color=COLORS[0], marker="o", markersize=3, label="generated")
    ax.set(xlabel="letters", ylabel="share")
    ax.legend(**LEGEND_STYLE)


def _draw_positions(observed: _Letters, generated: _Letters, ax: Axes) -> None:
    n = min(observed.tokens.shape[1], generated.tokens.shape[1])
    difference = generated.positions()[:, :n] - observed.positions()[:, :n]
    limit = max(float(np.abs(difference).max()), 1e-3)
    image = ax.imshow(difference, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
    ax.set(xlabel="position", ylabel="letter")
    if len(observed.alphabet) <= _MAX_LABELS:
        ax.set_yticks(range(len(observed.alphabet)), list(observed.alphabet))
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.8)
    bar.set_label("generated - observed", size="small")


def _draw_words(observed: _Letters, generated: _Letters, ax: Axes, *, k: int) -> None:
    shares = observed.words(k), generated.words(k)
    top = 1.05 * max(float(shares[0].max()), float(shares[1].max()), 1e-9)
    ax.plot([0, top], [0, top], color=INK, linewidth=0.8)
    ax.scatter(*shares, s=10, c=COLORS[0], linewidths=0, alpha=0.6)
    distance = 0.5 * np.abs(shares[0] - shares[1]).sum()
    ax.set(xlabel=f"share of words of {k}, observed", ylabel="generated", xlim=(0, top), ylim=(0, top))
    ax.text(0.04, 0.94, f"total variation {distance:.3f}", transform=ax.transAxes, va="top", size="small", color=INK)
