import logging

import pytest

import scgde
from scgde import _progress
from scgde._hidden_progress import hidden_progress
from scgde._progress import progress
from scgde._settings import LEVELS, Settings, logger


@pytest.fixture(autouse=True)
def same_level_after():
    level = logger.level
    yield
    logger.setLevel(level)


def test_items_come_as_they_are():
    assert list(progress(iter("abc"), "Count", unit="letter", total=3)) == ["a", "b", "c"]


def test_bar_stays_with_its_name_and_count(capsys, monkeypatch):
    monkeypatch.setattr(_progress, "DELAY", 0)
    list(progress(range(3), "Count", unit="set"))
    assert "Count: 100%" in capsys.readouterr().err.splitlines()[-1].rpartition("\r")[2]


def test_no_bar_for_a_short_call(capsys):
    list(progress(range(3), "Count", unit="set"))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("verbosity", ["error", "warning", 0, 1])
def test_no_bar_below_info(capsys, monkeypatch, verbosity):
    monkeypatch.setattr(_progress, "DELAY", 0)
    scgde.settings.verbosity = verbosity
    list(progress(range(3), "Count", unit="set"))
    assert capsys.readouterr().err == ""


def test_parts_of_a_call_with_a_bar_of_its_own_show_none(capsys, monkeypatch):
    monkeypatch.setattr(_progress, "DELAY", 0)
    with hidden_progress():
        list(progress(range(3), "Count", unit="set"))
    assert capsys.readouterr().err == ""
    list(progress(range(3), "Count", unit="set"))
    assert "Count" in capsys.readouterr().err


def test_hiding_nothing_inside_of_a_call_without_bars_shows_none(capsys, monkeypatch):
    monkeypatch.setattr(_progress, "DELAY", 0)
    with hidden_progress(), hidden_progress(hide=False):
        list(progress(range(3), "Count", unit="set"))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("verb", ["fit_gde", "fit_tde"])
def test_a_fit_without_a_progress_bar_shows_none_of_its_parts(verb, capsys, monkeypatch):
    monkeypatch.setattr(_progress, "DELAY", 0)
    adata = scgde.datasets.gaussian_sets(30, 20, 2, seed=0)
    pairs = [(f"set_{i:02}", f"set_{i + 1:02}") for i in range(0, 20, 2)]
    options = {"max_steps": 2} | ({"pairs": pairs, "predictor": None} if verb == "fit_tde" else {})
    getattr(scgde.tl, verb)(adata, "set", progress_bar=False, **options)
    assert capsys.readouterr().err == ""
    getattr(scgde.tl, verb)(adata, "set", **options)
    assert "Embed" in capsys.readouterr().err


@pytest.mark.parametrize(("number", "name"), enumerate(LEVELS))
def test_verbosity_is_a_level_of_logging_by_name_or_number(number, name):
    settings = Settings()
    settings.verbosity = number
    assert settings.verbosity == name
    assert logging.getLogger("scgde").level == LEVELS[name]


def test_unknown_verbosity_is_answered_with_the_known(monkeypatch):
    with pytest.raises(ValueError, match=r"must be one of .*got 'warn'\. Did you mean 'warning'\?"):
        scgde.settings.verbosity = "warn"


def test_a_fit_ends_with_a_line_in_the_log(caplog, fit):
    with caplog.at_level(logging.INFO, logger="scgde"):
        fit(scgde.datasets.gaussian_sets(10, 8, 2), max_steps=5)
    (line,) = caplog.messages
    assert line.startswith("Fit: 5 steps")
    assert line.endswith("on cpu")
