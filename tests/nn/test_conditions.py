from __future__ import annotations

import pytest
import torch

from scgde.nn.conditions import Conditions

NAN = float("nan")
TABLE = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 0.0]])


def test_classes_are_one_hot_and_a_missing_one_is_their_mean():
    conditions = Conditions({"batch": 4})
    assert conditions.n_output == 4
    context = conditions({"batch": torch.tensor([2, -1])}, 2)
    assert context.tolist() == [[0, 0, 1, 0], [0.25] * 4]
    assert torch.equal(conditions({}, 3), torch.full((3, 4), 0.25))


def test_a_table_gives_the_features_of_a_class_and_their_mean_where_missing():
    context = Conditions({"drug": TABLE})({"drug": torch.tensor([1, -1, 2])}, 3)
    torch.testing.assert_close(context, torch.stack([TABLE[1], TABLE.mean(0), TABLE[2]]))


def test_numbers_are_in_units_of_the_training_sets_and_a_missing_one_is_their_mean():
    conditions, doses = Conditions({"dose": None}), torch.tensor([1.0, 3.0, NAN, 5.0])
    conditions.fit({"dose": doses})
    context = conditions({"dose": doses}, 4)[:, 0]
    known = context[[0, 1, 3]]
    assert context[2] == 0
    assert float(known.mean()) == pytest.approx(0, abs=1e-6)
    assert float(known.std(correction=0)) == pytest.approx(1)
    other = Conditions({"dose": None})
    other.load_state_dict(conditions.state_dict())
    assert torch.equal(other({"dose": doses}, 4)[:, 0], context)


def test_a_number_that_does_not_vary_is_finite():
    conditions = Conditions({"dose": None})
    conditions.fit({"dose": torch.tensor([2.0, 2.0])})
    assert conditions({"dose": torch.tensor([2.0, 3.0])}, 2).tolist() == [[0], [1]]


def test_covariates_follow_each_other_in_the_order_in_which_they_are_described():
    conditions = Conditions({"drug": TABLE, "batch": 2})
    covariates = {"batch": torch.tensor([1]), "drug": torch.tensor([0]), "label": torch.tensor([0.0])}
    assert conditions(covariates, 1).tolist() == [[1, 2, 0, 1]]


@pytest.mark.parametrize("name", ["cell.type", "keys", ""])
def test_any_name_will_do(name):
    assert Conditions({name: 2})({name: torch.tensor([1])}, 1).tolist() == [[0, 1]]


def test_without_covariates_the_context_is_empty():
    assert Conditions({})({}, 3).shape == (3, 0)


def test_a_covariate_needs_a_class():
    with pytest.raises(ValueError, match="`n_classes` must be at least 1, got 0"):
        Conditions({"batch": 0})
