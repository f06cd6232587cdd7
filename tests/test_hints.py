from __future__ import annotations

import inspect
import sys
import warnings

import pandas as pd
import pytest

from scgde import datasets, get, pl, pp, tl
from scgde._checks import check_one_of, check_sets
from scgde._hints import FAMILIAR, checked_keywords, did_you_mean
from scgde.nn import ENCODERS

FUNCTIONS = {
    f"{module.__name__}.{name}": function
    for module in (pp, tl, pl, get, datasets)
    for name in module.__all__
    if inspect.isfunction(function := getattr(module, name))
}


@checked_keywords
def fit(adata, label_key=None, *, max_steps=10, seed=0):
    """Fit."""
    warnings.warn("Few sets.", UserWarning, stacklevel=3)
    return adata, label_key, max_steps, seed


@pytest.mark.parametrize(
    ("keyword", "hint"),
    [
        ("random_state", "`fit` has no argument 'random_state': use `seed`."),
        ("n_epochs", "use `max_steps`"),
        ("obs_key", "use `label_key`"),
        ("lable_key", "did you mean `label_key`?"),
        ("copy", "call it on `adata.copy()`"),
        ("max_step", "did you mean `max_steps`?"),
        ("colour", "Arguments: ['adata', 'label_key', 'max_steps', 'seed']"),
    ],
)
def test_a_keyword_that_is_not_known_is_explained(keyword, hint):
    with pytest.raises(TypeError) as raised:
        fit(1, **{keyword: 1})
    assert hint in str(raised.value)


def test_a_function_stays_what_it_was():
    with pytest.warns(UserWarning, match="Few sets") as seen:
        assert fit(1, "status", seed=3) == (1, "status", 10, 3)
    assert seen[0].filename == __file__
    assert list(inspect.signature(fit).parameters) == ["adata", "label_key", "max_steps", "seed"]
    assert (fit.__name__, fit.__doc__) == ("fit", "Fit.")
    with pytest.raises(TypeError, match="multiple values for argument 'label_key'"):
        fit(1, "status", label_key="status")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_explains_keywords_and_keeps_its_address(name):
    function = FUNCTIONS[name]
    with pytest.raises(TypeError, match=f"`{function.__name__}` has no argument 'no_such_argument'"):
        function(no_such_argument=1)
    assert getattr(sys.modules[function.__module__], function.__qualname__) is function  # as pickle looks it up


@pytest.mark.parametrize("familiar", FAMILIAR)
def test_familiar_names_lead_to_parameters_that_exist(familiar):
    parameters = {name for function in FUNCTIONS.values() for name in inspect.signature(function).parameters}
    assert set(FAMILIAR[familiar]) <= parameters


@pytest.mark.parametrize(
    ("function", "keyword", "use"),
    [
        (tl.fit_gde, "max_epochs", "max_steps"),
        (tl.fit_gde, "random_state", "seed"),
        (tl.fit_gde, "n_components", "n_latent"),
        (tl.fit_tde, "covariates", "condition_keys"),
        (tl.compare_groups, "obs_key", "label_key"),
        (tl.classify, "cell_type_key", "state_key"),
        (pp.split_sets, "random_state", "seed"),
        (pl.embedding, "hue", "color"),
    ],
)
def test_names_of_other_libraries_are_translated(function, keyword, use):
    with pytest.raises(TypeError, match=f"use `{use}`"):
        function(**{keyword: 1})


def test_names_that_are_alike_are_suggested():
    assert did_you_mean("deep_set", ENCODERS) == " Did you mean 'deep_sets'?"
    assert did_you_mean("zzz", ENCODERS) == ""
    with pytest.raises(ValueError, match=r"Did you mean 'deep_sets'\?"):
        ENCODERS["deepsets"]
    with pytest.raises(ValueError, match=r"got 'sorce'. Did you mean 'source'\?"):
        check_one_of("sorce", "condition", ["both", "source"])


def test_a_class_in_place_of_a_name_is_answered_with_the_name():
    with pytest.raises(ValueError, match="Pass the name, 'deep_sets'"):
        ENCODERS[ENCODERS["deep_sets"]]
    with pytest.raises(ValueError, match="Pass a name, not a class"):
        ENCODERS[int]


@pytest.mark.parametrize("names", [(1, 4), [(1, 4)], [("1", "4")]])
def test_a_tuple_of_values_is_answered_with_the_name_of_the_set(names):
    with pytest.raises(KeyError, match=r"A set of several columns is named by its values, joined: '1\|4'"):
        check_sets(pd.Index(["1|2", "1|4"]), names, "`sets`")


def test_a_set_that_is_not_known_is_compared_with_those_that_are():
    with pytest.raises(KeyError, match=r"Did you mean 'donor_1'\?"):
        check_sets(pd.Index(["donor_1", "patient"]), "donor1", "`sets`")
