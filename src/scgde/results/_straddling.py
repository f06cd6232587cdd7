"""What must not be on both sides of a split of perturbations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scgde.sets._pairs import PERTURBATION, TARGET
from scgde.sets._perturbations import parts_of

if TYPE_CHECKING:
    from scgde.results._perturbation_study import PerturbationStudy


def check_nothing_straddles(study: PerturbationStudy, group_key: str | None) -> None:
    """Require that nothing which tells of a held-out perturbation was trained on.

    Raises
    ------
    KeyError
        If the set table has no column ``group_key``.
    ValueError
        If a combination with a perturbation that is held out everywhere was trained on, or a group is on both sides.
    """
    known = study.known[PERTURBATION]
    alone = {name for name in study.held_out[PERTURBATION] if len(parts_of(name)) == 1} - set(known)
    telling = sorted({name for name in known if alone & set(parts_of(name))})
    if telling:
        msg = (
            f"Combinations with a perturbation that is held out must be held out, too, got {telling[:5]} among the "
            f"training pairs, and {sorted(alone)[:5]} held out. Give all of them one value in `split_key`."
        )
        raise ValueError(msg)
    if group_key is not None:
        _check_groups(study, group_key)


def _check_groups(study: PerturbationStudy, group_key: str) -> None:
    table = study.fitted.table
    if group_key not in table:
        msg = f"`group_key` must name a column that is constant within sets, got {group_key!r}. Columns: {list(table)}."
        raise KeyError(msg)
    known, asked = (table.loc[pairs[TARGET], group_key].astype(str) for pairs in (study.known, study.held_out))
    both = sorted(set(known) & set(asked))
    if both:
        msg = (
            f"A value of `group_key` must be on one side of the split, got {both[:5]} of {group_key!r} on both. "
            "Split by it, see `group_key` in `scgde.pp.split_sets`."
        )
        raise ValueError(msg)
