from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from scgde import datasets, tl
from scgde.results._fits import warn_of_training
from scgde.sets import SetSplit

SPLIT = SetSplit(np.arange(8), np.arange(8, 10))


def history(losses):
    return pd.DataFrame({"step": 50 * np.arange(1, len(losses) + 1), "validation_loss": losses})


def test_a_fit_whose_validation_loss_still_falls_is_told_to_go_on():
    with pytest.warns(UserWarning, match="lowest at the last step, 500, and still falling: 3 .*, 1 after"):
        warn_of_training(history(np.arange(10, 0, -1)), SPLIT, 0.1)


@pytest.mark.parametrize(
    "losses",
    [[9, 1, 2, 3, 4], [10, 3, 1.02, 1.01, 1], [3, 1], []],
    ids=["rose", "settled", "too few to tell", "never validated"],
)
def test_a_fit_that_is_over_is_silent(losses):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_training(history(losses), SPLIT, 0.1)


def test_a_fit_without_the_validation_sets_that_were_asked_for_says_so():
    nothing = SetSplit(np.arange(8), np.arange(0))
    with pytest.warns(UserWarning, match="No set is left to validate on: 1% of 8 sets is none"):
        warn_of_training(history([]), nothing, 0.01)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_training(history([]), nothing, 0)


def test_both_fits_warn_where_no_set_validates(fit, tiny):
    with pytest.warns(UserWarning, match="No set is left to validate on"):
        fit(datasets.gaussian_sets(6, (6, 16), 4, seed=0), "set", validation_fraction=0.01)
    cells = datasets.gaussian_sets(4, (6, 16), 4, seed=0)
    names = cells.obs["set"].cat.categories
    chain = np.stack([names[:-1], names[1:]], axis=1)  # what is linked is held out together, here all or nothing
    options = {name: value for name, value in tiny.items() if name != "generator_kwargs"}
    with pytest.warns(UserWarning, match="No set is left to validate on"):
        tl.fit_tde(cells, "set", pairs=chain, predictor=None, **options)
