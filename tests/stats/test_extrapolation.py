from __future__ import annotations

import numpy as np

from scgde.stats._extrapolation import in_support


def test_in_support_holds_for_the_embeddings_themselves():
    embedding = np.random.default_rng(0).normal(size=(40, 3))
    for some in (embedding, embedding[:1], np.repeat(embedding[:1], 5, axis=0)):
        assert in_support(some, some).all()
        assert not in_support(some + 100, some).any()


def test_in_support_holds_within_a_cloud_and_not_between_two():
    rng = np.random.default_rng(0)
    cloud = rng.uniform(-1, 1, size=(200, 2))
    between_pairs = (cloud[:100] + cloud[100:]) / 2
    assert in_support(between_pairs, cloud).mean() > 0.9
    two_clouds = np.concatenate([cloud, cloud + np.array([10, 0])])
    assert not in_support(between_pairs + np.array([5, 0]), two_clouds).any()
