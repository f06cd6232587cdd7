from __future__ import annotations

import pytest
import torch

from scgde.nn.moment_dropout import MomentDropout


def test_moments_of_some_sets_are_dropped_in_training():
    embedding = torch.ones(200, 5)
    seen = MomentDropout(2, 0.5)(embedding)
    assert torch.equal(seen[:, 2:], embedding[:, 2:])
    assert torch.equal(seen[:, 0], seen[:, 1])
    assert set(seen[:, 0].tolist()) == {0.0, 1.0}
    assert 60 < seen[:, 0].sum() < 140


def test_evaluation_leaves_embeddings_as_they_are():
    embedding = torch.ones(200, 5)
    assert MomentDropout(2, 0.5).eval()(embedding) is embedding


@pytest.mark.parametrize(("n_core", "share"), [(0, 0.5), (2, 0.0)])
def test_without_moments_or_dropout_nothing_is_drawn(n_core, share):
    embedding, state = torch.ones(20, 5), torch.get_rng_state()
    assert MomentDropout(n_core, share)(embedding) is embedding
    assert torch.equal(torch.get_rng_state(), state)
