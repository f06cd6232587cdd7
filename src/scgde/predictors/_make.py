from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scgde.predictors._base import PREDICTORS

if TYPE_CHECKING:
    from scgde.predictors._base import Predictor


def make_predictor(predictor: str | None, options: dict[str, Any] | None) -> Predictor | None:
    """A predictor to fit, from its name and options; None for none.

    Parameters
    ----------
    predictor
        Name in ``scgde.predictors.PREDICTORS``, or None.
    options
        Its options.

    Raises
    ------
    ValueError
        If there is no predictor of this name.
    TypeError
        If it does not have such options.
    """
    if predictor is None:
        return None
    cls = PREDICTORS[predictor]
    try:
        return cls(**(options or {}))
    except TypeError as error:
        msg = f"`predictor_kwargs` must be options of {cls.__name__}, got {options}: {error}."
        raise TypeError(msg) from error
