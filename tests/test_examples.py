"""Every public function and class has an example in its docstring, and the examples run."""

import contextlib
import doctest
import inspect
import io
import logging

import matplotlib.pyplot as plt
import pytest
from tests._example_data import namespace

from scgde import datasets, get, metrics, model, pl, pp, stats, tl
from scgde.model._train_options import Training

MODULES = (pp, tl, pl, get, datasets, metrics, stats, model)
PUBLIC = {
    f"{module.__name__.removeprefix('scgde.')}.{name}": found
    for module in MODULES
    for name in module.__all__
    if callable(found := getattr(module, name)) or not isinstance(found, dict | tuple)
}
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
#: Optimiser steps of fits, whatever the example says.
MAX_STEPS = 3


@pytest.fixture
def short_fits(monkeypatch):
    """Fits of a few steps, since examples ask for as many as a user would."""
    steps = Training.of
    monkeypatch.setattr(Training, "of", lambda max_steps, options: steps(min(max_steps, MAX_STEPS), options))


@pytest.fixture
def quiet(monkeypatch, tmp_path):
    """A folder of its own, and no messages of scvi-tools."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logging.getLogger("scvi"), "level", logging.ERROR)
    yield
    plt.close("all")


@pytest.mark.parametrize("name", PUBLIC)
def test_has_an_example(name):
    assert ">>>" in _example(name)


@pytest.fixture
def own_metrics():
    """Metrics that an example registers go with it."""
    before = set(metrics.METRICS)
    yield
    for name in set(metrics.METRICS) - before:
        metrics.METRICS.unregister(name)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("short_fits", "quiet", "own_metrics")
@pytest.mark.parametrize("name", PUBLIC)
def test_example_runs(name, real_data, monkeypatch):
    file = getattr(inspect.getmodule(PUBLIC[name]), "FILE", None)
    if file is not None:
        monkeypatch.setenv("SCGDE_DATA", str(real_data(file).parent))
    example, report = _example(name), io.StringIO()
    test = doctest.DocTestParser().get_doctest(example, namespace(example), name, None, 0)
    with contextlib.redirect_stderr(io.StringIO()):
        failed = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=report.write).failed
    assert not failed, report.getvalue()


def _example(name):
    """What follows the heading in the docstring."""
    found = PUBLIC[name]
    documented = found if inspect.isclass(found) or inspect.isfunction(found) else type(found)
    return inspect.getdoc(documented).partition("Examples\n--------\n")[2]
