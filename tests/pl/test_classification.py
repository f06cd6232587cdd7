from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_curve

from scgde import pl

N = 40


def predicted(n_classes, *, seed=0, n_repeats=2):
    """As `tl.classify` writes it."""
    rng = np.random.default_rng(seed)
    classes = np.array([f"class {i}" for i in range(n_classes)], dtype=object)
    truth = np.arange(N) % max(n_classes, 1)
    logits = rng.normal(size=(2, n_repeats, N, max(n_classes, 1)))
    if n_classes:
        logits[0, :, np.arange(N), truth] += 2
    outputs = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True) if n_classes else logits
    names = ["roc_auc", "balanced_accuracy", "calibration_error"] if n_classes else ["r2"]
    rows = [(name, score, 0.5) for name in ("embedding", "means") for score in names]
    return {
        "classes": classes,
        "truth": classes[truth] if n_classes else rng.normal(size=N),
        "outputs": dict(zip(["embedding", "means"], outputs.astype(np.float32), strict=True)),
        "report": pd.DataFrame(rows, columns=["representation", "score", "value"]),
    }


@pytest.fixture
def classified(adata):
    adata.uns["gde"]["classification"] = {"two": predicted(2), "four": predicted(4), "number": predicted(0)}
    return adata


def curve(ax, label):
    (line,) = [line for line in ax.lines if str(line.get_label()).startswith(label)]
    return line.get_xdata(), line.get_ydata()


def test_roc_curve_agrees_with_scikit_learn(classified):
    (ax,) = pl.classification(classified, "two", kinds="roc", show=False)
    stored = classified.uns["gde"]["classification"]["two"]
    x, y = curve(ax, "embedding")
    truth = stored["truth"] == "class 1"
    curves = [roc_curve(truth, p[:, 1]) for p in stored["outputs"]["embedding"]]
    # Where the curve of scikit-learn jumps, either end will do.
    inside = [abs(x[:, None] - fpr).min(axis=1) > 1e-9 for fpr, _, _ in curves]
    expected = np.mean([np.interp(x, fpr, tpr) for fpr, tpr, _ in curves], axis=0)
    both = np.logical_and.reduce(inside)
    np.testing.assert_allclose(y[both], expected[both], atol=1e-6)
    assert (np.diff(y) >= 0).all()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["chance", "means 0.50", "embedding 0.50"]


def test_roc_of_several_classes_has_a_curve_for_each(classified):
    (ax,) = pl.classification(classified, "four", kinds="roc", show=False)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["chance", *(f"class {i}" for i in range(4))]


def test_confusion_gives_shares_of_each_true_class(classified):
    (ax,) = pl.classification(classified, "four", kinds="confusion", show=False)
    shares = ax.images[0].get_array()
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert (np.diag(shares) > 0.4).all()
    stored = classified.uns["gde"]["classification"]["four"]
    hits = [(p.argmax(axis=1) == np.arange(N) % 4)[::4].mean() for p in stored["outputs"]["embedding"]]
    assert shares[0, 0] == pytest.approx(np.mean(hits))


def test_calibration_means_are_those_of_all_sets(classified):
    (ax,) = pl.classification(classified, "two", kinds="calibration", representation="means", show=False)
    (bars,) = ax.containers
    x, y = bars[0].get_data()
    stored = classified.uns["gde"]["classification"]["two"]
    assert x.mean() == pytest.approx(stored["outputs"]["means"][..., 1].mean(), abs=1e-6)
    assert y.mean() == pytest.approx(0.5)


def test_numbers_are_drawn_against_the_truth(classified):
    (ax,) = pl.classification(classified, "number", show=False)
    points = ax.collections[0].get_offsets()
    stored = classified.uns["gde"]["classification"]["number"]
    np.testing.assert_allclose(points[:, 0], stored["truth"])
    np.testing.assert_allclose(points[:, 1], stored["outputs"]["embedding"][..., 0].mean(axis=0), atol=1e-6)


def test_axes_have_the_standard_terms_and_the_name_of_the_label(classified):
    axes = pl.classification(classified, "two", show=False)
    assert [(ax.get_xlabel(), ax.get_ylabel()) for ax in axes] == [
        ("false positive rate", "true positive rate of class 1"),
        ("predicted two", "true two (sets)"),
        ("predicted probability of class 1", "observed frequency"),
    ]
    assert [ax.get_title("left") for ax in axes] == [
        "two, 40 sets\nAUROC 0.50",
        "two, 40 sets\nbalanced accuracy 0.50",
        "two, 40 sets\ncalibration error 0.50",
    ]
    (ax,) = pl.classification(classified, "number", show=False)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("true number", "predicted number")
    assert ax.get_title("left") == "number, 40 sets\nR² 0.50"


def test_cells_of_the_confusion_matrix_count_sets(classified):
    (ax,) = pl.classification(classified, "two", kinds="confusion", show=False)
    counts = [float(text.get_text().split("(")[1].rstrip(")")) for text in ax.texts]
    assert sum(counts) == N


def test_classification_draws_in_given_axes_and_saves(classified, tmp_path):
    _, ax = plt.subplots()
    assert pl.classification(classified, "two", kinds="roc", ax=ax, legend=False, show=False) == [ax]
    plt.close("all")
    pl.classification(classified, "four", save=tmp_path / "c.png")
    assert (tmp_path / "c.png").stat().st_size > 1000
    assert not plt.get_fignums()


def test_classification_says_what_is_wrong(classified):
    with pytest.raises(KeyError, match=r"`label_key` must be a label that `scgde.tl.classify` predicted, got 'x'"):
        pl.classification(classified, "x")
    with pytest.raises(ValueError, match=r"`kinds` must be one of"):
        pl.classification(classified, "two", kinds="null")
    with pytest.raises(ValueError, match=r"`representation` must be one of \['embedding', 'means'\]"):
        pl.classification(classified, "two", representation="x")
    del classified.uns["gde"]["classification"]
    with pytest.raises(KeyError, match=r"scgde\.tl\.classify"):
        pl.classification(classified, "two")
