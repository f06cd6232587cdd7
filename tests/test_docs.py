from __future__ import annotations

import inspect
import pydoc
import re

import pytest

from scgde import pl
from scgde._docs import PARAGRAPHS, shared_docs

FIGURES = [getattr(pl, name) for name in pl.__all__]


def described(function) -> dict[str, str]:
    """Text of each entry of a numpy docstring, on one line."""
    entries = re.split(r"^(\w[\w, ]*)\n(?=    )", inspect.getdoc(function), flags=re.MULTILINE)[1:]
    # Up to the next section.
    return {
        name: " ".join(text.split("\n\n")[0].split()) for name, text in zip(entries[::2], entries[1::2], strict=True)
    }


@pytest.mark.parametrize("function", FIGURES, ids=pl.__all__)
def test_figures_have_no_placeholder_left(function):
    assert "%(" not in function.__doc__


@pytest.mark.parametrize("argument", ["ax", "show", "save"])
@pytest.mark.parametrize("function", FIGURES, ids=pl.__all__)
def test_figures_describe_what_they_share_in_the_same_words(function, argument):
    assert described(function)[argument] == PARAGRAPHS[argument].replace("\n", " ")


@pytest.mark.parametrize("function", FIGURES, ids=pl.__all__)
def test_figures_describe_every_argument(function):
    names = {name.strip() for entry in described(function) for name in entry.split(",")}
    assert set(inspect.signature(function).parameters) <= names


def test_shared_docs_indents_a_paragraph_and_goes_on_after_it():
    @shared_docs
    def draw(show, key):
        """Draw 95 % of it.

        show
            %(show)s Not else.
        key
            %(key)s
        """

    lines = inspect.getdoc(draw).splitlines()
    first, last = PARAGRAPHS["show"].splitlines()
    assert lines == [
        "Draw 95 % of it.",
        "",
        "show",
        f"    {first}",
        f"    {last} Not else.",
        "key",
        f"    {PARAGRAPHS['key']}",
    ]
    assert f"    {last}" in pydoc.plain(pydoc.render_doc(draw))
    assert list(inspect.signature(draw).parameters) == ["show", "key"]


@pytest.mark.parametrize("placeholder", ["%(sav)s", "%(save)", "%()s"])
def test_shared_docs_refuses_an_unknown_placeholder(placeholder):
    def draw():
        pass

    draw.__doc__ = f"Draw {placeholder} it."
    with pytest.raises(KeyError, match=r"A placeholder must be one of \['%\(key\)s', .*, got '%\("):
        shared_docs(draw)


def test_shared_docs_takes_a_function_without_docstring():
    def draw():
        pass

    assert shared_docs(draw) is draw
    assert draw.__doc__ is None
