"""Shares of a mixture that are best for pairs that were left out."""

from __future__ import annotations

import numpy as np

from scgde.metrics._mixture_terms import MixtureTerms
from scgde.stats import best_shares

#: Standard errors that a gain is lessened by; steps from the default alone to the best mixture.
_CAUTION, _N_STEPS = 2.0, 101
#: Weight of the shares that are best for the distribution, beside those that are best for the cells.
_FOR_DISTRIBUTION = 0.75


def mean_terms(terms: list[MixtureTerms]) -> MixtureTerms:
    """Terms of the mean loss."""
    return MixtureTerms(*(np.mean(values, axis=0) for values in zip(*terms, strict=True)))


def best_mixture(terms: list[MixtureTerms]) -> np.ndarray:
    """The shares with the lowest mean loss, shape ``(A,)``."""
    mean = mean_terms(terms)
    return best_shares(mean.to_target, mean.between)


def balanced_mixture(cells: list[MixtureTerms], distribution: list[MixtureTerms]) -> np.ndarray:
    """Between the shares that are best for a forecast as cells, and those for the distribution they are drawn from.

    Both rank forecasts in opposite orders. The mean of two best mixtures holds more parts than the one that is best for
    a mean of both losses, and depends less on which pairs were left out.

    Parameters
    ----------
    cells, distribution
        Terms of the energy distance of each pair, and of the unbiased one.

    Returns
    -------
    Shape ``(A,)``.
    """
    return (1 - _FOR_DISTRIBUTION) * best_mixture(cells) + _FOR_DISTRIBUTION * best_mixture(distribution)


def cautious_mixture(terms: list[MixtureTerms], default: int, groups: np.ndarray) -> np.ndarray:
    """The shares with the lowest mean loss, or between these and the default alone.

    As far towards the best ones as the gain, less two standard errors over groups, gets larger. The gain of a group is
    that of the shares that are best for the other groups: those that are best for all are chosen by its own luck, too.

    Parameters
    ----------
    terms
        Of each pair.
    default
        Position of the part that is alone where nothing is known.
    groups
        Of each pair, shape ``(n,)``.

    Returns
    -------
    Shape ``(A,)``; the default alone where there is one group.
    """
    names = np.unique(groups)
    if len(names) < 2:
        return np.eye(len(terms[0].to_target))[default]
    gain = np.stack([_gain_of_group(terms, default, groups == name) for name in names])
    error = gain.std(axis=0, ddof=1) / len(gain) ** 0.5
    return _path(terms, default)[int((gain.mean(axis=0) - _CAUTION * error).argmax())]


def losses_by_name(names: list[str], shares: np.ndarray, terms: list[MixtureTerms]) -> dict[str, float]:
    """Mean loss of each part alone, and of the mixture."""
    mean = mean_terms(terms)
    alone = {name: mean.loss(unit) for name, unit in zip(names, np.eye(len(names)), strict=True)}
    return {**alone, "mixture": mean.loss(shares)}


def _gain_of_group(terms: list[MixtureTerms], default: int, is_own: np.ndarray) -> np.ndarray:
    """What its own terms gain along the path to the shares that are best for all others."""
    own, others = ([one for one, own in zip(terms, is_own, strict=True) if own == kind] for kind in (True, False))
    mean = mean_terms(own)
    loss = np.array([mean.loss(shares) for shares in _path(others, default)])
    return loss[0] - loss


def _path(terms: list[MixtureTerms], default: int) -> np.ndarray:
    """Shares from the default alone to those with the lowest mean loss."""
    best = best_mixture(terms)
    alone = np.eye(len(best))[default]
    return alone + np.linspace(0, 1, _N_STEPS)[:, None] * (best - alone)
