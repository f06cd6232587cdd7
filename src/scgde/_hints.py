"""What was probably meant by a name that is not known: of a keyword, an entry of a registry, or a set."""

from __future__ import annotations

import difflib
import functools
import inspect
from typing import TYPE_CHECKING, Any, TypeVar, cast

from scgde._hidden_progress import hidden_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

F = TypeVar("F", bound="Callable[..., Any]")

#: Keywords of scanpy, scvi-tools and scikit-learn, and the parameters that do the same here, the likeliest first.
FAMILIAR: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(["random_state", "random_seed", "rng"], ("seed",)),
    **dict.fromkeys(["max_epochs", "n_epochs", "epochs", "n_iter", "max_iter", "steps"], ("max_steps",)),
    **dict.fromkeys(["n_components", "n_dims", "n_comps", "latent_dim", "embedding_dim"], ("n_latent", "n_components")),
    **dict.fromkeys(["batch_size", "sets_per_step"], ("sets_per_batch",)),
    **dict.fromkeys(["n_cells_per_set", "cells_per_set", "sample_size"], ("set_size", "n_cells")),
    **dict.fromkeys(["n_samples", "n"], ("n_cells", "n_draws", "n_sets")),
    **dict.fromkeys(["train_size", "validation_size", "val_fraction"], ("validation_fraction", "fractions")),
    **dict.fromkeys(["use_gpu", "device"], ("accelerator",)),
    **dict.fromkeys(["lr", "learning_rate", "weight_decay", "early_stopping", "plan_kwargs"], ("train_kwargs",)),
    **dict.fromkeys(["verbose", "show_progress", "progress"], ("progress_bar",)),
    **dict.fromkeys(["set_key", "sample_key", "donor_key", "by"], ("groupby", "label_key")),
    **dict.fromkeys(["labels_key", "obs_key", "column"], ("label_key", "label_keys", "condition_keys", "sequence_key")),
    **dict.fromkeys(["obs_keys", "keys"], ("label_keys", "condition_keys")),
    **dict.fromkeys(["covariates", "covariate_keys", "covariate_key"], ("condition_keys", "label_keys")),
    **dict.fromkeys(["cell_type_key", "celltype_key", "cell_type", "cluster_key"], ("state_key",)),
    **dict.fromkeys(["adjust", "confounders"], ("adjust_keys",)),
    **dict.fromkeys(["groups", "group"], ("group_key", "groupby", "label_key")),
    **dict.fromkeys(["block", "strata"], ("block_key", "stratify_key")),
    **dict.fromkeys(["pair", "paired"], ("pair_key",)),
    **dict.fromkeys(["obsm_key", "rep"], ("use_rep",)),
    **dict.fromkeys(["n_perms", "n_perm"], ("n_permutations",)),
    **dict.fromkeys(["colour", "hue"], ("color",)),
    **dict.fromkeys(["dims"], ("components",)),
}

#: Keywords of scanpy that nothing takes here, and what to do instead.
ADVICE = dict.fromkeys(["copy", "inplace"], ": call it on `adata.copy()` where `adata` has to stay as it is.")


def checked_keywords(function: F) -> F:
    """Let a function name the keyword that was probably meant, where it has none of that name.

    With ``progress_bar=False`` no part of the call shows a bar. Signature, docstring and name stay. A call takes one
    frame more, which ``stacklevel`` of a warning has to count.
    """
    parameters = inspect.signature(function).parameters

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        for name in kwargs:
            if name not in parameters:
                msg = f"`{function.__name__}` has no argument {name!r}{_instead(name, list(parameters))}"
                raise TypeError(msg)
        with hidden_progress(hide=kwargs.get("progress_bar") is False):
            return function(*args, **kwargs)

    return cast("F", call)


def did_you_mean(name: object, known: Iterable[object]) -> str:
    """``" Did you mean 'x'?"`` where one of the names that are known is like this one, else nothing."""
    close = difflib.get_close_matches(str(name), [one for one in known if isinstance(one, str)], n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def _instead(name: str, parameters: list[str]) -> str:
    for one in FAMILIAR.get(name, ()):
        if one in parameters:
            return f": use `{one}`."
    if name in ADVICE:
        return ADVICE[name]
    close = difflib.get_close_matches(name, parameters, n=1)
    return f": did you mean `{close[0]}`?" if close else f". Arguments: {parameters}."
