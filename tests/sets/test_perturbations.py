from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scgde.sets._perturbations import ConditionFeatures, parts_of, singles_of

TABLE = pd.DataFrame({"x": [1.0, 2.0, 0.0], "y": [0.5, 0.0, -1.0]}, index=["A", "B", "C"])


def test_parts_of_a_combination_are_its_single_perturbations():
    assert parts_of("A+B") == ["A", "B"]
    assert parts_of("A") == ["A"]
    assert singles_of(["B+A", "C", "A"]) == ["A", "B", "C"]


def test_features_of_a_combination_are_the_sum_of_its_parts_times_the_dose():
    features = ConditionFeatures.from_frame(TABLE, ["A", "A+B"])
    np.testing.assert_array_equal(features.rows(["A+B", "B", "C"], [1, 0.5, 2]), [[3, 0.5], [1, 0], [0, -2]])


def test_one_hot_features_tell_parts_apart():
    features = ConditionFeatures.one_hot(["A", "A+B"])
    np.testing.assert_array_equal(features.rows(["B", "A+B", "A+A"]), [[0, 1], [1, 1], [2, 0]])


def test_features_survive_storage():
    features = ConditionFeatures.from_frame(TABLE, ["A"])
    again = ConditionFeatures.from_stored(*features.to_stored())
    np.testing.assert_array_equal(again.rows(["A+C"]), features.rows(["A+C"]))


def test_unknown_perturbation_is_refused_with_those_that_are_like_it():
    features = ConditionFeatures.one_hot(["STAT1", "STAT2", "JAK2"])
    with pytest.raises(KeyError, match=r"got 'STAT3' in 'JAK2\+STAT3'. Nearest: \['STAT2', 'STAT1'\]"):
        features.rows(["JAK2+STAT3"])


def test_wrong_tables_are_refused():
    with pytest.raises(KeyError, match=r"a row for each single perturbation, got none for \['D'\] \(1 in all\)"):
        ConditionFeatures.from_frame(TABLE, ["A+D"])
    with pytest.raises(TypeError, match="must be a DataFrame indexed by single perturbation, got dict"):
        ConditionFeatures.from_frame({"A": 1}, ["A"])
    with pytest.raises(TypeError, match=r"must have columns of numbers, got others in \['x'\]"):
        ConditionFeatures.from_frame(TABLE.astype({"x": str}), ["A"])
    with pytest.raises(ValueError, match="must be finite, with one row for each"):
        ConditionFeatures.from_frame(TABLE.replace(0.5, np.nan), ["A"])
    with pytest.raises(ValueError, match="with one row for each single perturbation"):
        ConditionFeatures.from_frame(pd.concat([TABLE, TABLE]), ["A"])
