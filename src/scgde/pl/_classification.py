from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scgde import _keys
from scgde._checks import check_one_of, check_set_table
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.pl._draw import COLORS, GREY, INK, LEGEND_STYLE, check_kinds, draw_panels, panel_titles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes

KINDS = ("roc", "confusion", "calibration")
_N_BINS = 8
_GRID = np.linspace(0, 1, 201)


@checked_keywords
@shared_docs
def classification(
    adata: AnnData,
    label_key: str,
    *,
    kinds: str | Sequence[str] | None = None,
    representation: str = "embedding",
    key: str = "gde",
    title: str | Sequence[str] | None = None,
    legend: bool = True,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> list[Axes] | None:
    """How well labels of sets were predicted, by sets that were not trained on.

    Parameters
    ----------
    adata
        With :func:`scgde.tl.classify` run.
    label_key
        Label that was predicted.
    kinds
        ``"roc"``: true against false positive rate. Of two classes, the last one, by every representation; of more,
        each class against the others. ``"confusion"``: shares of the sets of each true class, and their mean number
        over repeats. ``"calibration"``: observed frequency in bins of predicted probability; bars are standard errors.
        For labels that are numbers there is one figure, of predicted against true ones.
    representation
        From which labels were predicted: ``"embedding"``, or one of the baselines.
    key
        %(key)s
    title
        %(titles)s
    legend
        %(legend)s
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
        If the label was not predicted.
    ValueError
        If a kind or the representation is unknown.

    Examples
    --------
    >>> import scgde
    >>> scores = scgde.tl.classify(adata, "composition", n_splits=2, n_repeats=1, baselines=False)
    >>> axes = scgde.pl.classification(adata, "composition", show=False)
    """
    result = _result(adata, label_key, representation, key)
    draw = {"roc": _draw_roc, "confusion": _draw_confusion, "calibration": _draw_calibration}
    names = check_kinds(kinds or KINDS, KINDS)
    if not result.classes:
        names, draw = ["numbers"], {"numbers": _draw_numbers}
    titles = panel_titles(title, [_default_title(result, kind) for kind in names])
    drawings = [partial(draw[kind], result=result, legend=legend) for kind in names]
    return draw_panels(drawings, titles, size=(3.4, 3.4), max_columns=3, ax=ax, show=show, save=save)


class _Result(NamedTuple):
    """What was predicted.

    Attributes
    ----------
    label
        Name of the label.
    truth
        Codes of classes, or numbers, shape ``(n,)``.
    classes
        Names; none of numbers.
    outputs
        By representation, shape ``(n_repeats, n, C)``.
    chosen
        The representation to draw.
    scores
        Mean score by representation and name.
    """

    label: str
    truth: np.ndarray
    classes: list[str]
    outputs: Mapping[str, np.ndarray]
    chosen: str
    scores: pd.Series

    @property
    def probability(self) -> np.ndarray:
        return self.outputs[self.chosen]


def _result(adata: AnnData, label_key: str, representation: str, key: str) -> _Result:
    check_set_table(adata.uns, key, entry=_keys.CLASSIFICATION, made_by="scgde.tl.classify")
    stored = adata.uns[key][_keys.CLASSIFICATION]
    if label_key not in stored:
        msg = f"`label_key` must be a label that `scgde.tl.classify` predicted, got {label_key!r}: {list(stored)}."
        raise KeyError(msg)
    content = stored[label_key]
    check_one_of(representation, "representation", list(content["outputs"]))
    classes = [str(name) for name in content["classes"]]
    truth = np.asarray(content["truth"])
    codes = np.array([classes.index(str(name)) for name in truth]) if classes else truth.astype(float)
    scores = content["report"].set_index(["representation", "score"])["value"]
    return _Result(label_key, codes, classes, content["outputs"], representation, scores)


def _default_title(result: _Result, kind: str) -> str:
    shown = {"roc": "roc_auc", "confusion": "balanced_accuracy", "calibration": "calibration_error", "numbers": "r2"}
    names = {
        "roc": "AUROC",
        "confusion": "balanced accuracy",
        "calibration": "calibration error",
        "numbers": "R²",
    }
    score = result.scores[result.chosen, shown[kind]]
    return f"{result.label}, {len(result.truth):,} sets\n{names[kind]} {score:.2f}"


def _draw_roc(ax: Axes, result: _Result, *, legend: bool) -> None:
    ax.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, label="chance")
    if len(result.classes) == 2:
        others = [name for name in result.outputs if name not in {result.chosen, "majority"}]
        for name, color in zip([*others, result.chosen], [*COLORS[1:], COLORS[0]][-len(others) - 1 :], strict=True):
            label = f"{name.replace('_sd', ' + sd').replace('_', ' ')} {result.scores[name, 'roc_auc']:.2f}"
            width = 2.0 if name == result.chosen else 1.0
            ax.plot(
                _GRID, _roc(result.truth == 1, result.outputs[name][..., 1]), color=color, linewidth=width, label=label
            )
    else:
        for code, name in enumerate(result.classes):
            curve = _roc(result.truth == code, result.probability[..., code])
            ax.plot(_GRID, curve, color=COLORS[code % len(COLORS)], linewidth=1.6, label=name)
    of = f" of {result.classes[1]}" if len(result.classes) == 2 else ""
    ax.set(xlabel="false positive rate", ylabel=f"true positive rate{of}")
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    if legend:
        ax.legend(labelcolor=INK, loc="lower right", **LEGEND_STYLE)


def _roc(truth: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """True positive rate at each false positive rate, mean over the repeats ``(R, n)``."""
    curves = []
    for scores in probability:
        order = np.argsort(-scores, kind="stable")
        # Sets of equal probability are taken together.
        last = np.append(np.diff(scores[order]) != 0, True)
        true, false = (np.append(0, np.cumsum(part[order])[last] / max(part.sum(), 1)) for part in (truth, ~truth))
        curves.append(np.interp(_GRID, false, true))
    return np.mean(curves, axis=0)


def _draw_confusion(ax: Axes, result: _Result, *, legend: bool) -> None:
    n = len(result.classes)
    counts = np.zeros((n, n))
    for repeat in result.probability:
        np.add.at(counts, (result.truth, repeat.argmax(axis=1)), 1 / len(result.probability))
    shares = counts / counts.sum(axis=1, keepdims=True)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if legend:
        for i, j in np.ndindex(n, n):
            color = "white" if shares[i, j] > 0.6 else INK
            text = f"{shares[i, j]:.0%}\n({counts[i, j]:.3g})"
            ax.text(j, i, text, ha="center", va="center", color=color, fontsize="small")
    names = [f"{name} ({total:.0f})" for name, total in zip(result.classes, counts.sum(axis=1), strict=True)]
    ax.set_xticks(range(n), result.classes, rotation=45 if n > 2 else 0, ha="right" if n > 2 else "center")
    ax.set_yticks(range(n), names, rotation=0)
    ax.set(xlabel=f"predicted {result.label}", ylabel=f"true {result.label} (sets)")


def _draw_calibration(ax: Axes, result: _Result, *, legend: bool) -> None:
    ax.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, label="ideal")
    columns = [1] if len(result.classes) == 2 else range(len(result.classes))
    p = np.concatenate([result.probability[..., code].mean(axis=0) for code in columns])
    true = np.concatenate([result.truth == code for code in columns])
    bins = np.array_split(np.argsort(p, kind="stable"), min(_N_BINS, max(len(p) // 5, 1)))
    x, y = (np.array([values[part].mean() for part in bins]) for values in (p, true))
    errors = np.sqrt(y * (1 - y) / [len(part) for part in bins])
    label = "bins (s.e.)"
    ax.errorbar(x, y, errors, color=COLORS[0], marker="o", markersize=5, linewidth=1.6, elinewidth=0.8, label=label)
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    what = result.classes[1] if len(result.classes) == 2 else "a class"
    ax.set(xlabel=f"predicted probability of {what}", ylabel="observed frequency")
    if legend:
        ax.plot(p, np.full(len(p), -0.01), "|", color=COLORS[0], markersize=4, alpha=0.4, label="sets")
        ax.legend(labelcolor=INK, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=3, **LEGEND_STYLE)


def _draw_numbers(ax: Axes, result: _Result, *, legend: bool) -> None:
    predicted = result.probability[..., 0].mean(axis=0)
    low, high = min(result.truth.min(), predicted.min()), max(result.truth.max(), predicted.max())
    ax.plot([low, high], [low, high], color=GREY, linewidth=0.8, label="predicted = true")
    ax.scatter(
        result.truth,
        predicted,
        s=np.clip(5000 / len(predicted), 8, 40),
        c=COLORS[0],
        edgecolors="white",
        linewidths=0.4,
    )
    ax.set(xlabel=f"true {result.label}", ylabel=f"predicted {result.label}", aspect="equal")
    if legend:
        ax.legend(labelcolor=INK, **LEGEND_STYLE)
