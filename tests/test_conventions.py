"""The naming rules of docs/conventions.md, over all public signatures."""

import inspect
import re

import pytest

from scgde import datasets, get, metrics, pl, pp, tl

FUNCTIONS = {
    f"{module.__name__.removeprefix('scgde.')}.{name}": function
    for module in (pp, tl, pl, get)
    for name in module.__all__
    if inspect.isfunction(function := getattr(module, name))
}
#: Names of results in ``uns``, and columns of cells and of the set table.
KEYS = {"key", "key_added"}
COLUMNS = {
    *("adjust_keys", "annotate_keys", "batch_key", "block_key", "condition_keys", "context_key", "dose_key"),
    *("first_key", "group_key", "label_key", "label_keys", "order_key", "pair_key", "perturbation_key"),
    *("replicate_key", "sequence_key", "split_key", "state_key", "stratify_key", "time_key", "weight_key"),
}
#: As in scanpy, or values as well as a column.
OTHER_COLUMNS = {"groupby", "color", "size", "mask", "set_weights", "pair_weights", "population_size"}
#: Of other libraries, or another word for a parameter of this one, and the word here.
OTHER_WORDS = {
    **dict.fromkeys(["random_state", "rng", "random_seed"], "seed"),
    **dict.fromkeys(["obs_key", "labels_key", "label", "by", "column"], "label_key"),
    **dict.fromkeys(["keys", "covariates", "covariate_keys"], "condition_keys"),
    **dict.fromkeys(["n_epochs", "max_epochs", "steps"], "max_steps"),
    **dict.fromkeys(["groups", "donor_key", "stratify", "block", "pair", "adjust"], "a name that ends with `_key`"),
    **dict.fromkeys(["cell_type_key", "celltype_key", "cluster_key"], "state_key"),
    **dict.fromkeys(["show_progress", "progressbar", "verbose"], "progress_bar"),
}


def parameters(function):
    return inspect.signature(function).parameters


@pytest.mark.parametrize("name", FUNCTIONS)
def test_columns_are_keys_of_the_table(name):
    keys = {one for one in parameters(FUNCTIONS[name]) if one.endswith(("key", "keys"))}
    assert keys - KEYS <= COLUMNS


@pytest.mark.parametrize("name", FUNCTIONS)
def test_one_thing_has_one_name(name):
    assert not parameters(FUNCTIONS[name]).keys() & OTHER_WORDS.keys()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_parameter_said_to_be_a_column_is_named_as_one(name):
    """The first words of a description, ``Column of ...`` or ``Columns ...``, decide."""
    found = re.findall(r"^    (\w+)\n {8}Columns?\b", FUNCTIONS[name].__doc__, flags=re.MULTILINE)
    assert set(found) <= COLUMNS | OTHER_COLUMNS


@pytest.mark.parametrize("name", FUNCTIONS)
def test_keys_are_columns_or_lists_of_them_as_the_ending_says(name):
    for parameter in parameters(FUNCTIONS[name]).values():
        if parameter.name.endswith("_keys"):
            assert "Sequence[str]" in parameter.annotation
        elif parameter.name in COLUMNS:
            assert parameter.annotation.startswith("str")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_data_and_what_is_asked_are_positional_and_choices_are_named(name):
    kinds = [parameter.kind for parameter in parameters(FUNCTIONS[name]).values()]
    positional = kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD)
    assert positional <= 4
    assert set(kinds) <= {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name.startswith("tl.")])
def test_a_function_of_tl_reads_or_writes_under_a_key(name):
    assert parameters(FUNCTIONS[name]).keys() & KEYS


@pytest.mark.parametrize("module", [pp, tl, datasets, metrics])
def test_a_seed_is_a_whole_number_with_a_default(module):
    functions = [getattr(module, name) for name in module.__all__]
    seeds = [p["seed"] for f in functions if inspect.isfunction(f) and "seed" in (p := parameters(f))]
    assert seeds
    assert all(seed.default == 0 for seed in seeds)
