"""The docstrings of fits list the options of every choice."""

import pytest

from scgde import tl
from scgde.data.representations import REPRESENTATIONS
from scgde.metrics import METRICS
from scgde.nn import ENCODERS, FEATURIZERS, GENERATORS, TRANSPORTS
from scgde.nn.backbones import BACKBONES
from scgde.predictors import PREDICTORS

CHOICES = [
    *[(function, names) for function in (tl.fit_gde, tl.fit_tde) for names in (ENCODERS, FEATURIZERS, REPRESENTATIONS)],
    (tl.fit_gde, GENERATORS),
    (tl.fit_gde, BACKBONES),
    (tl.fit_tde, TRANSPORTS),
    (tl.fit_tde, PREDICTORS),
    (tl.fit_predictor, PREDICTORS),
    (tl.distances, METRICS),
    (tl.evaluate_transport, METRICS),
]


@pytest.mark.parametrize(("function", "names"), CHOICES)
def test_docstring_lists_every_option(function, names):
    assert [name for name in names if f'``"{name}"``' not in function.__doc__] == []
