from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scgde.sets import SetCovariate
from scgde.sets._covariates import check_learnable, encode_batch, probability_columns, read_batch, read_label

SETS = pd.Index([f"d{i}" for i in range(6)])


def column(values, name="status"):
    return pd.Series(values, index=SETS[: len(values)], name=name)


@pytest.fixture
def status() -> SetCovariate:
    return SetCovariate.from_column(column(["ill", "well", None, "ill", "well", "well"]))


@pytest.fixture
def age() -> SetCovariate:
    return SetCovariate.from_column(column([20.5, 31.0, np.nan, 44.5, 60.0, 71.5], name="age"))


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([True, False] * 3, ["False", "True"]),
        (pd.array([True, False, None] * 2, dtype="boolean"), ["False", "True"]),
        (pd.Categorical(["mild", "severe"] * 3, ["severe", "z", "mild"], ordered=True), ["severe", "mild"]),
        ([2.0, 10.0] * 3, ["2", "10"]),
        (pd.array([1, 0] * 3, dtype="Int64"), ["0", "1"]),
        (["b", "a", None] * 2, ["a", "b"]),
    ],
    ids=["truth values", "nullable truth values", "categories", "few whole numbers", "nullable integers", "text"],
)
def test_classes_are_those_that_occur_in_their_natural_order(values, names):
    covariate = SetCovariate.from_column(column(values))
    assert covariate.classes == names
    assert set(covariate.values.dropna()) == set(names)
    assert covariate.name == "status"


def test_amounts_are_numbers_unless_they_are_to_be_classes(age):
    assert age.classes == []
    assert age.values.tolist()[:2] == [20.5, 31]
    of_classes = SetCovariate.from_column(column([20.5, 31.0, np.nan, 44.5, 60.0, 71.5]), categorical=True)
    assert of_classes.classes == ["20.5", "31", "44.5", "60", "71.5"]


def test_encoded_classes_point_to_their_names_in_any_order_of_sets(status):
    sets = SETS[::-1]
    codes = status.encode(sets)
    assert codes.dtype == np.int64
    names = [status.classes[code] if code >= 0 else None for code in codes]
    assert names == ["well", "well", "ill", None, "well", "ill"]


def test_encoded_numbers_are_themselves(age):
    values = age.encode(SETS[::-1])
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, [71.5, 60, 44.5, np.nan, 31, 20.5])


def test_sets_without_a_value_are_missing(status, age):
    others = pd.Index(["d2", "unknown"])
    assert status.encode(others).tolist() == [-1, -1]
    assert np.isnan(age.encode(others)).all()
    assert np.isnan(status.encode_label(others)).all()


@pytest.mark.parametrize("name", ["None", "nan"])
def test_a_class_may_be_called_as_missing_values_print(name):
    covariate = SetCovariate("status", [name, "well"], column([name, "well", None, np.nan]))
    assert covariate.encode(SETS[:4]).tolist() == [0, 1, -1, -1]


def test_encode_refuses_a_value_that_is_none_of_the_classes(status):
    new = SetCovariate("status", status.classes, column(["well", "dead"]))
    assert new.encode(SETS[:1]).tolist() == [1]
    with pytest.raises(ValueError, match=r"`status` must be among \['ill', 'well'\], got 'dead'"):
        new.encode(SETS[:2])


def test_labels_are_encoded_as_numbers_for_classes_and_numbers_alike(status, age):
    labels = status.encode_label(SETS)
    assert labels.dtype == np.float32
    np.testing.assert_array_equal(labels, [0, 1, np.nan, 0, 1, 1])
    np.testing.assert_array_equal(age.encode_label(SETS), age.encode(SETS))


def test_covariate_of_known_classes_has_no_values_yet():
    covariate = SetCovariate.of_classes("status", ["ill", "well"])
    assert covariate.classes == ["ill", "well"]
    assert covariate.encode(SETS).tolist() == [-1] * 6
    assert np.isnan(SetCovariate.of_classes("age", None).encode(SETS)).all()


def test_decode_of_certain_predictions_is_the_inverse_of_encode(status):
    codes = status.encode(SETS)
    known = codes >= 0
    columns = status.decode(np.eye(2)[codes[known]])
    assert columns["status_predicted"].tolist() == status.values[known].tolist()
    assert columns["status_predicted"].cat.categories.tolist() == ["ill", "well"]


def test_decode_gives_the_most_likely_class_and_all_probabilities(status):
    outputs = np.array([[0.9, 0.1], [0.3, 0.7]])
    columns = status.decode(outputs)
    assert list(columns) == ["status_predicted", "status_probability_ill", "status_probability_well"]
    assert columns["status_predicted"].tolist() == ["ill", "well"]
    np.testing.assert_array_equal(np.stack([columns[name] for name in list(columns)[1:]], axis=1), outputs)


def test_decode_of_numbers_is_the_numbers(age):
    columns = age.decode(np.array([[1.5], [-2.0]]))
    assert {name: values.tolist() for name, values in columns.items()} == {"age_predicted": [1.5, -2.0]}


def test_probability_columns_have_no_slash():
    assert probability_columns("type", ["a/b", "c"]) == ["type_probability_a_b", "type_probability_c"]


def test_read_label_takes_classes_or_amounts(status, age):
    assert read_label(column(["ill", "well", None])).classes == ["ill", "well"]
    assert read_label(column([20.5, 31.0, np.nan, 44.5])).classes == []


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (["a", "a", None], r"two classes or more, but the 2 labelled sets of 'status' have \['a'\]"),
        ([7.0, np.nan, np.nan], r"two classes or more, but the 1 labelled sets of 'status' have \['7'\]"),
        ([np.nan, np.nan], r"two classes or more, but the 0 labelled sets of 'status' have \[\]"),
        ([1.5, np.inf, 2.5, 3.5], r"'status' must hold finite numbers, got inf for 1 sets, such as 'd1'"),
        (["34", "51", "28", None], r"a class with several sets, but each of 3 labelled sets .* `pandas.to_numeric`"),
        (["a/b", "a_b"], r"must differ where '/' is written as '_', got \['a/b', 'a_b'\]"),
    ],
)
def test_read_label_says_what_is_wrong(values, match):
    with pytest.raises(ValueError, match=match):
        read_label(column(values))


def test_read_batch_takes_numbers_as_classes():
    batch = read_batch(column([0.5, 1.5, 2.5, 3.5, 3.5, np.nan]))
    assert batch.classes == ["0.5", "1.5", "2.5", "3.5"]
    assert batch.encode(SETS).tolist() == [0, 1, 2, 3, 3, -1]


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (["x"] * 6, "two batches or more, at least one with several sets, but 'status' has 1, the largest with 6"),
        (list("abcdef"), "but 'status' has 6, the largest with 1"),
        ([None] * 6, "but 'status' has 0, the largest with 0"),
    ],
)
def test_read_batch_says_what_is_wrong(values, match):
    with pytest.raises(ValueError, match=match):
        read_batch(column(values))


def test_encode_batch_takes_one_name_one_for_each_or_none():
    names = ["a", "b"]
    assert encode_batch("b", 3, names).tolist() == [1, 1, 1]
    assert encode_batch(["b", None, "a"], 3, names).tolist() == [1, -1, 0]
    assert encode_batch(None, 2, names).tolist() == encode_batch(None, 2, None).tolist() == [-1, -1]
    assert encode_batch(None, 2, None).dtype == np.int64


@pytest.mark.parametrize(
    ("batch", "names", "match"),
    [
        ("a", None, "`batch` needs a fit with `batch_key`, got 'a' for one without"),
        (["a"], ["a", "b"], "`batch` must be one name, or one for each of 2 sets, got 1"),
        ("c", ["a", "b"], r"`batch` must be among \['a', 'b'\], got 'c'"),
    ],
)
def test_encode_batch_says_what_is_wrong(batch, names, match):
    with pytest.raises(ValueError, match=match):
        encode_batch(batch, 2, names)


def test_labels_of_two_values_can_be_learnt():
    labels = np.array([0.0, np.nan, 1.0], dtype=np.float32)
    assert check_learnable(labels) is labels


@pytest.mark.parametrize(("labels", "n_known"), [([0.5, 0.5, np.nan], 2), ([np.nan] * 3, 0)])
def test_labels_of_one_value_cannot_be_learnt(labels, n_known):
    with pytest.raises(ValueError, match=f"two labels or more are required, but {n_known} of 3 have one"):
        check_learnable(np.array(labels))
