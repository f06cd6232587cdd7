"""Wrong versions of the package, one expression changed in each, and the tests that should notice."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """An expression in ``src/scgde``, what stands in its place, and the tests that should notice."""

    name: str
    file: str
    old: str
    new: str
    tests: str


def mutated(content: str, mutant: Mutant) -> str:
    """The content of a file with one expression changed, which must be there once."""
    if content.count(mutant.old) != 1 or mutant.old == mutant.new:
        msg = f"{mutant.name!r}: {mutant.old!r} must be in {mutant.file} once, and be changed."
        raise ValueError(msg)
    return content.replace(mutant.old, mutant.new)


MUTANTS = [
    # What is held out
    Mutant(
        "leak: validation sets are trained on",
        "sets/_splits.py",
        "SetSplit(np.sort(order[n_validation:]), np.sort(order[:n_validation]))",
        "SetSplit(np.sort(order), np.sort(order[:n_validation]))",
        "tests/sets/test_splits.py",
    ),
    Mutant(
        "leak: tested sets are in the training of classify",
        "tl/_classify.py",
        "fit(task.rows[train], task.labels.at(train), task.rows[test])",
        "fit(task.rows, task.labels, task.rows[test])",
        "tests/tl/test_classify.py",
    ),
    Mutant(
        "leak: units of cells are those of all sets",
        "model/_training.py",
        "        chosen[sets] = True",
        "        chosen[:] = True",
        "tests/model/test_gde.py",
    ),
    Mutant(
        "leak: one group on both sides of a fold",
        "stats/_cross_validation.py",
        "fold = fold_of_group[groups]",
        "fold = np.arange(len(groups)) % n_splits",
        "tests/stats/test_cross_validation.py",
    ),
    Mutant(
        "leak: pairs of one clone on both sides of a fold",
        "predictors/_choose.py",
        "(rng.permutation(n_groups) % n_folds)[groups]",
        "rng.permutation(len(groups)) % n_folds",
        "tests/predictors/test_choose.py",
    ),
    Mutant(
        "leak: encoder and generator see the same cells",
        "data/_sampling.py",
        "_tile(index, rows, last - n_target, n_target, target_size)",
        "_tile(index, rows, np.zeros_like(size), n_target, target_size)",
        "tests/data/test_sampling.py",
    ),
    # Training
    Mutant(
        "average: validation on the last weights, not the averaged ones",
        "train/_plan.py",
        "output = self.averaged.module(batch)[-1]",
        "output = self.module(batch)[-1]",
        "tests/train/test_plan.py",
    ),
    Mutant(
        "average: no faster in the first steps",
        "train/_average.py",
        "1 - min(self._decay, (1 + n) / (10 + n)) if n",
        "1 - self._decay if n",
        "tests/train/test_plan.py",
    ),
    Mutant(
        "best: the worst weights are kept",
        "train/_callbacks.py",
        "if loss < self._best:\n            self._best, self._n_since, self._state",
        "if loss > self._best:\n            self._best, self._n_since, self._state",
        "tests/train",
    ),
    Mutant(
        "isometry: sliced W2 without the root of the number of features",
        "nn/isometry.py",
        "(torch.stack(squares) * x.shape[-1]).sqrt()",
        "torch.stack(squares).sqrt()",
        "tests/nn/test_isometry.py",
    ),
    Mutant(
        "flow: velocity with the wrong sign",
        "nn/paths.py",
        "(end - start), end - start)",
        "(end - start), start - end)",
        "tests/nn/test_paths.py",
    ),
    Mutant(
        "batch: independence of a biased estimate",
        "nn/hsic.py",
        "return (joint + product - shared) / (n * (n - 3))",
        "return (joint + product) / (n * (n - 3))",
        "tests/nn/test_hsic.py",
    ),
    # Sets as weighted points
    Mutant(
        "weights: a mean over cells that ignores them",
        "nn/layers.py",
        "return (x * weights[:, :, None]).sum(1)",
        "return x.mean(1)",
        "tests/nn/test_encoders.py",
    ),
    Mutant(
        "weights: copies of a cell are not divided",
        "data/_sampling.py",
        "index.normalised(drawn, 1.0 / copies)",
        "index.normalised(drawn, np.ones_like(1.0 / copies))",
        "tests/data/test_sampling.py",
    ),
    Mutant(
        "sets: one as large as the minimum is dropped",
        "sets/_grouping.py",
        "keep = n_cells >= min_cells",
        "keep = n_cells > min_cells",
        "tests/sets/test_grouping.py",
    ),
    Mutant(
        "features: matched by place, not by name",
        "data/representations/_vectors.py",
        "return self._entry(adata[:, names])",
        "return self._entry(adata)",
        "tests/data/representations/test_vectors.py",
    ),
    Mutant(
        "genes: decoded without their mean",
        "data/representations/_pca.py",
        "return x @ self.components.T + self.mean",
        "return x @ self.components.T",
        "tests/data/representations",
    ),
    # Statistics
    Mutant(
        "influence: not centred",
        "nn/influence.py",
        'return slope - torch.einsum("sm,sme->se", weights.detach(), slope)[:, None, :]',
        "return slope",
        "tests/nn/test_influence.py",
    ),
    Mutant(
        "covariance: without the correction for an estimated mean",
        "nn/influence.py",
        "spread / (n_cells - 1).clamp_min(1)",
        "spread / n_cells",
        "tests/nn/test_influence.py",
    ),
    Mutant(
        "permutation: a p-value that can be zero",
        "stats/_permutation.py",
        "(n_larger + 1) / (len(null) + 1)",
        "n_larger / len(null)",
        "tests/stats/test_permutation.py",
    ),
    Mutant(
        "permutation: labels leave their stratum",
        "stats/_permutation.py",
        "np.argsort(strata + rng.random((n, len(strata))), axis=1)",
        "np.argsort(rng.random((n, len(strata))), axis=1)",
        "tests/stats/test_permutation.py",
    ),
    Mutant(
        "hotelling: degrees of freedom off by one",
        "stats/_hotelling.py",
        "    df = nu - k + 1",
        "    df = nu - k",
        "tests/stats/test_hotelling.py",
    ),
    Mutant(
        "fdr: p-values in place of q-values",
        "stats/_multiple_testing.py",
        "stats.false_discovery_control(p_values[tested])",
        "p_values[tested]",
        "tests/tl/test_associate.py",
    ),
    Mutant(
        "energy: distances within are not subtracted",
        "metrics/_energy.py",
        "return 2 * mean_between(first, second, _identity) - within",
        "return 2 * mean_between(first, second, _identity)",
        "tests/metrics/test_energy.py",
    ),
    # Files
    Mutant(
        "files: a file of another writer is replaced",
        "_files.py",
        "path.hardlink_to(partial)",
        "partial.replace(path)",
        "tests/test_files.py",
    ),
    Mutant(
        "files: two writers share a temporary name",
        "_files.py",
        ".{uuid.uuid4().hex[:12]}{_ENDING}",
        "{_ENDING}",
        "tests/test_files.py",
    ),
    Mutant(
        "files: a damaged training state is resumed",
        "train/_state_file.py",
        "if hashlib.sha256(state).digest() != digest:",
        "if False:",
        "tests/tl/test_fit_gde_interrupted.py",
    ),
    Mutant(
        "files: the state of the older model is gone too early",
        "model/_io.py",
        "if (folder / STATE_FILE).exists() and not previous.exists():",
        "if False:",
        "tests/model/test_base.py",
    ),
    Mutant(
        "stored models: a changed config is read",
        "model/_io.py",
        "if not given.items() <= _digests(values, content).items():",
        "if False:",
        "tests/model/test_base.py",
    ),
    Mutant(
        "stored models: memory is taken for a claimed size",
        "nn/stored_weights.py",
        'with torch.device("meta"):',
        "if True:",
        "tests/model/test_base.py",
    ),
    Mutant(
        "stored models: weights that are not finite are read",
        "nn/stored_weights.py",
        "not np.isfinite(value).all()]",
        "False]",
        "tests/model/test_base.py",
    ),
    # The process
    Mutant(
        "surroundings: the default type of the user is kept",
        "train/_surroundings.py",
        "torch.set_default_dtype(torch.float32)",
        "pass",
        "tests/train/test_surroundings.py",
    ),
    Mutant(
        "surroundings: several threads at once",
        "train/_surroundings.py",
        "with _LOCK, ExitStack() as stack:",
        "with ExitStack() as stack:",
        "tests/train/test_surroundings.py",
    ),
]
