from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from scgde.nn.label_heads import ClassHead, NumberHead

NAN = float("nan")


@pytest.fixture
def z():
    return torch.randn(6, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("head", [ClassHead(3, 2), NumberHead(3)], ids=lambda head: type(head).__name__)
def test_loss_is_the_mean_over_labelled_sets(head, z):
    labels = torch.tensor([0, 1, NAN, 1, NAN, NAN])
    known = [0, 1, 3]
    expected = torch.stack([head.loss(z[i : i + 1], labels[i : i + 1]) for i in known]).mean()
    torch.testing.assert_close(head.loss(z, labels), expected)
    nothing = head.loss(z.requires_grad_(), torch.full((6,), NAN))
    nothing.backward()
    assert float(nothing.detach()) == 0
    assert not z.grad.any()


def test_classes_count_the_same_if_balanced(z):
    labels = torch.tensor([0, 0, 0, 0, 1, NAN])
    head, plain = ClassHead(3, 3), ClassHead(3, 3, balanced=False)
    plain.linear.load_state_dict(head.linear.state_dict())
    for one in (head, plain):
        one.fit_scaling(labels)
    assert head.class_weights.tolist() == [0.625, 2.5, 0]
    assert plain.class_weights.tolist() == [1, 1, 1]
    of_first, of_second = plain.loss(z[:4], labels[:4]), plain.loss(z[4:], labels[4:])
    torch.testing.assert_close(head.loss(z, labels), (of_first + of_second) / 2)


def test_start_at_takes_a_fitted_model(z):
    codes = np.array([0, 1, 2, 0, 1, 2])
    model = LogisticRegression().fit(z.numpy(), codes)
    head = ClassHead(3, 3)
    head.init_from_linear(*(torch.tensor(part, dtype=torch.float32) for part in (model.coef_, model.intercept_)))
    np.testing.assert_allclose(head.outputs(z).detach(), model.predict_proba(z.numpy()), atol=1e-5)


def test_numbers_are_predicted_in_their_units(z):
    labels = 1000 + 50 * z[:, 0]
    head = NumberHead(3)
    head.fit_scaling(labels)
    coef, intercept = torch.tensor([[50.0, 0, 0]]), torch.tensor([1000.0])
    head.init_from_linear(coef, intercept)
    torch.testing.assert_close(head.outputs(z)[:, 0], labels)
    assert float(head.loss(z, labels).detach()) < 1e-8
    head.init_from_linear(0 * coef, labels.mean()[None])
    torch.testing.assert_close(head.loss(z, labels).detach(), torch.tensor(1.0))  # the variance
