"""Tables on generated cells, encoders and resources."""

from __future__ import annotations

from benchmarks.tables._declare import Table, Value, grid

GENERATORS = (
    "flow_matching",
    "diffusion",
    "mmd",
    "energy",
    "sinkhorn",
    "sliced_wasserstein",
    "cvae",
    "wormhole",
)
#: Numbers of network evaluations.
EVALUATIONS = (4, 8, 16)
COHORTS = {
    "COVID": "covid",
    "OneK1K": "onek1k",
    "Bodenmiller": "bodenmiller",
    "simulated cytometry": "cytometry",
}
DATA = {"LARRY clones": "larry", "IgAN donors": "igan"}


def files(data: str, generators: tuple[str, ...] = GENERATORS) -> tuple[str, ...]:
    """Results of generators on one data set."""
    return tuple(f"held_out_cells_{data}_pooled_gnn_{name}" for name in generators)


#: Scores of generated cells and of all baselines.
SCORES = {
    "scgde": {"column": "generated"},
    "own mean and sd": {"column": "mean_sd"},
    "own mean": {"column": "mean"},
    "shrunken mean": {"column": "shrunken_mean"},
    "linear": {"column": "linear"},
    "Gaussian": {"column": "gaussian"},
    "nearest set": {"column": "nearest"},
    "pooled cells": {"column": "pooled"},
    "floor": {"column": "floor"},
    "scgde / pooled": {"column": "ratio"},
}


def by_seed(results: dict[str, str], seed: str, columns: dict[str, dict[str, str]], caption: str) -> Table:
    """Each of three seeds of some data; ``seed`` is what a seed decides."""
    rows, header = [], ()
    for label, file in results.items():
        seeds = {f"{label}, {seed} {number}": {"seed": number} for number in range(3)}
        header, part = grid("data", (file,), seeds, columns)
        rows += part
    return Table(header, rows, caption)


def held_out() -> Table:
    """Every seed of the default."""
    results = {label: files(data, ("flow_matching",))[0] for label, data in DATA.items()}
    columns = {"held-out sets": {"column": "sets", "form": ".0f"}, **SCORES}
    return by_seed(
        results, "seed", columns, "Unbiased energy distance to cells that the encoder did not see, mean over sets."
    )


def few_sets() -> Table:
    """Every split of the cohorts with tens of sets."""
    results = {label: f"few_sets_{data}" for label, data in COHORTS.items()}
    columns = {"training sets": {"column": "train", "form": ".0f"}, **SCORES}
    columns["scgde / pooled on training sets"] = {"column": "ratio_on_training_sets"}
    caption = "Unbiased energy distance to the half that was not embedded, mean over held-out sets."
    return by_seed(results, "split", columns, caption)


def few_cells() -> Table:
    """Every split of a cohort of which few cells are known."""
    columns = {"training sets": {"column": "train", "form": ".0f"}, **SCORES}
    caption = "16 cells of each donor. Unbiased energy distance to 16 others, mean over eight held-out donors."
    return by_seed({"COVID": "few_sets_covid_16_cells"}, "split", columns, caption)


def generators() -> Table:
    """All generators, the first seed."""
    columns = {}
    for label, data in DATA.items():
        columns[f"{label}: scgde / baseline"] = {"column": "ratio", "files": files(data)}
    for label, data in DATA.items():
        columns[f"{label}: seconds of the fit"] = {"column": "seconds", "files": files(data), "form": ".0f"}
    rows = {
        f"`{name}`" + ", the default" * (i == 0): {"generator": name, "seed": 0} for i, name in enumerate(GENERATORS)
    }
    command = "python benchmarks/held_out_cells.py --data DATA --generator NAME --seeds 1"
    return Table(*grid("generator", files("larry"), rows, columns), "Seed 0.", command=command)


def sampling() -> Table:
    """Solvers and numbers of evaluations."""
    rows = {
        f"{label}, {data}": {"solver": solver, "data": name}
        for label, solver in {
            "midpoint, the default": "midpoint",
            "Euler": "euler",
            "Heun": "heun",
            "Runge-Kutta of order 4": "rk4",
        }.items()
        for data, name in DATA.items()
    }
    body = [
        (
            label,
            *(
                Value(
                    f"sampling_steps_{where['data']}",
                    "relative",
                    {"solver": where["solver"], "evaluations": n},
                    form=".1%",
                )
                for n in EVALUATIONS
            ),
        )
        for label, where in rows.items()
    ]
    header = ("solver, data", *(f"{n} evaluations" for n in EVALUATIONS))
    return Table(header, body, "Energy distance relative to that with 100 evaluations: median of three splits.")


def memory() -> Table:
    """Peak memory by encoder."""
    columns = {
        "peak memory, GB": {"column": "peak_gb", "form": ".2f"},
        "seconds": {"column": "seconds", "form": ".0f"},
        "largest relative difference to one pass": {"column": "difference", "form": ".1e"},
    }
    encoders = ("deep_sets", "pooled_gnn", "residual_gnn", "kernel_mean", "moments")
    return Table(*grid("encoder", "scale_memory", {f"`{name}`": {"encoder": name} for name in encoders}, columns))


def uncertainty_time() -> Table:
    """Seconds of standard errors."""
    columns = {
        "donors": {"column": "sets", "form": ".0f"},
        "fit, seconds": {"column": "fit", "form": ".1f"},
        "standard errors, seconds": {"column": "uncertainty", "form": ".1f"},
    }
    return Table(*grid("data", "scale_time", {"IgAN": {}}, columns))


def invariance() -> Table:
    """Relative change of embeddings by encoder."""
    changes = {name: {"column": name, "form": ".1e"} for name in ("permuted", "repeated", "padded", "ragged")}
    encoders = (
        "deep_sets",
        "kernel_mean",
        "median_gnn",
        "moments",
        "pooled_attention",
        "pooled_gnn",
        "residual_attention",
        "residual_gnn",
        "wormhole",
    )
    rows = {f"`{name}`": {"encoder": name} for name in encoders}
    rows["sum pooling (negative control)"] = {"encoder": "sum pooling (control)"}
    return Table(*grid("encoder", "invariance", rows, changes))


TABLES = {
    "invariance": invariance(),
    "held_out_cells": held_out(),
    "few_sets": few_sets(),
    "few_cells": few_cells(),
    "generators": generators(),
    "sampling_steps": sampling(),
    "scale_memory": memory(),
    "scale_time": uncertainty_time(),
}
