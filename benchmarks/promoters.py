"""How strongly do these promoters drive expression, and do generated ones follow a target?

Yeast promoters with measured expression, ranked within library and medium. A set is a window of three neighbouring of
20 quantiles; the two highest quantiles are never trained on. Expression of unseen sets of 100 unseen promoters is read
off the embedding by ridge regression, inside the range of training and above it. Baselines: ridge on mean counts of
words of 3 and 4 bases. Promoters are generated along the regression line of the embeddings on expression, and scored
by a convolutional network that was trained on the half of the promoters that the fit never sees. Nats a base of unseen
promoters (half of them native, which share words of 20 bases with fitted ones), given their window, the mirrored one,
the mean one, and by an unconditional model of the same steps.

    python benchmarks/promoters.py
    python benchmarks/promoters.py --generator masked_flow --name promoters_masked_flow
    python benchmarks/promoters.py --guidance 0.5 --name promoters_guided
"""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import torch
from scipy.stats import pearsonr, spearmanr
from torch import nn

import scgde
from _common import data_path, parser, report, timed
from _sequences import mean_counts, ridge, shares, total_variation, word_counts
from scgde.model._likelihood import log_likelihood
from scgde.nn.generators import GENERATORS
from scgde.train import seeded

N_QUANTILES, WIDTH, HELD = 20, 3, (18, 19)
TARGETS = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 0.95, 1.2])
N_GENERATED, N_SCORED = 300, 700
OPTIONS = {
    "sets_per_batch": 12,
    "set_size": 64,
    "n_latent": 16,
    "validation_fraction": 0.0,
    "progress_bar": False,
    "accelerator": "cpu",
    "train_kwargs": {"target_size": 16, "lr": 4e-3, "ema_decay": 0.98},
}


class Oracle(nn.Module):
    """Expression of promoters ``(n, L)`` of tokens, by convolutions."""

    def __init__(self, n_hidden: int = 48) -> None:
        super().__init__()
        self.tokens = nn.Embedding(6, n_hidden, padding_idx=0)
        self.layers = nn.ModuleList(nn.Conv1d(n_hidden, n_hidden, 7, padding=3) for _ in range(2))
        self.last = nn.Sequential(nn.Linear(2 * n_hidden, 64), nn.SiLU(), nn.Dropout(0.3), nn.Linear(64, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Expression, shape ``(n,)``."""
        state = self.tokens(x.long()).mT
        for layer in self.layers:
            state = state + nn.functional.silu(layer(state))
        return self.last(torch.cat([state.mean(-1), state.amax(-1)], dim=-1))[:, 0]

    @torch.no_grad()
    def predict(self, x: np.ndarray) -> np.ndarray:
        """Expression of promoters ``(n, L)``, shape ``(n,)``."""
        return torch.cat([self(part) for part in torch.from_numpy(x).split(1024)]).numpy()


def trained_oracle(x: np.ndarray, y: np.ndarray, *, steps: int, seed: int) -> Oracle:
    """Network that was trained on promoters ``(n, L)`` with expression ``(n,)``."""
    rng = np.random.default_rng(seed)
    with seeded(seed):
        oracle = Oracle()
        optimizer = torch.optim.AdamW(oracle.parameters(), 2e-3, weight_decay=1e-2)
        decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        tokens, truth = torch.from_numpy(x), torch.from_numpy(y.astype(np.float32))
        for _ in range(steps):
            rows = torch.from_numpy(rng.choice(len(x), 128))
            shifted = tokens[rows].roll(int(rng.integers(-3, 4)), 1)
            loss = (oracle(shifted) - truth[rows]).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            decay.step()
    return oracle.eval()


def promoters() -> ad.AnnData:
    table = scgde.datasets.promoters(data_path("gpra_yeast_promoters.csv.gz")).obs
    table["core"] = table["sequence"].str[17:97]
    # By sequence: a promoter that was measured in two media is in one part.
    part = pd.util.hash_array(table["core"].to_numpy()) % 10
    table["part"] = np.select([part < 5, part < 9], ["oracle", "fit"], "test")
    table["quantile"] = np.minimum((table["rank"] * N_QUANTILES).astype(int), N_QUANTILES - 1)
    adata = ad.AnnData(obs=table[["rank", "core", "part", "quantile"]])
    scgde.pp.tokenize(adata, "core", alphabet="ACGTN")
    return adata


def windows(adata: ad.AnnData) -> ad.AnnData:
    """Each window of quantiles as a set, in which a promoter may be several times."""
    quantile, parts = adata.obs["quantile"].to_numpy(), []
    for first in range(HELD[0] - WIDTH + 1):
        inside = (quantile >= first) & (quantile < first + WIDTH) & (adata.obs["part"] == "fit").to_numpy()
        part = adata[inside].copy()
        part.obs["window"] = f"window_{first:02d}"
        parts.append(part)
    joined = ad.concat(parts, index_unique="-")
    joined.uns["X_tokens"] = adata.uns["X_tokens"]
    return joined


def draws(adata: ad.AnnData, parts: list[str], quantiles: range, n: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Rows of sets of 100 promoters of one quantile, ``n`` of each."""
    inside = adata.obs["part"].isin(parts).to_numpy()
    pools = [np.flatnonzero(inside & (adata.obs["quantile"] == q).to_numpy()) for q in quantiles]
    return [rng.choice(pool, 100, replace=False) for pool in pools for _ in range(n)]


def run(seed: int, steps: int, oracle_steps: int, generator: str, guidance: float) -> list[dict]:
    adata, rng = promoters(), np.random.default_rng(seed)
    tokens, rank, quantile = (np.asarray(x) for x in (adata.obsm["X_tokens"], adata.obs["rank"], adata.obs["quantile"]))
    part = adata.obs["part"].to_numpy()
    of_oracle, test = part == "oracle", part == "test"
    oracle = trained_oracle(tokens[of_oracle], rank[of_oracle], steps=oracle_steps, seed=seed)
    fitted, cost, options = windows(adata), {}, {**OPTIONS, "generator": generator}
    if guidance:
        options["generator_kwargs"] = {"guidance": guidance}
    with timed(cost):
        model = scgde.tl.fit_gde(fitted, "window", use_rep="X_tokens", max_steps=steps, seed=seed, **options)

    train, unseen = draws(adata, ["fit"], range(18), 8, rng), draws(adata, ["oracle", "test"], range(20), 5, rng)
    y, truth = (np.array([rank[x].mean() for x in sets]) for sets in (train, unseen))
    features = {"scgde": [embed(model, tokens, sets) for sets in (train, unseen)]}
    for k in (3, 4):
        counts = word_counts(tokens, k, 5)
        features[f"{k}-mers"] = [mean_counts(counts, sets) for sets in (train, unseen)]
    rows = []
    for name, (known, new) in features.items():
        error, above = np.abs(ridge(known, y, new) - truth), truth > HELD[0] / N_QUANTILES
        rows.append({"method": name, "error_inside": error[~above].mean(), "error_above": error[above].mean()})
    z = fitted.uns["gde"]["embedding"]
    center = fitted.obs.groupby("window", observed=True)["rank"].mean()[fitted.uns["gde"]["sets"].index].to_numpy()
    highest = ~of_oracle & (quantile >= HELD[0])
    scored = rng.permutation(np.flatnonzero(test & (quantile < HELD[0])))[:N_SCORED]
    rows[0] |= cost | likelihoods(model, z, tokens[scored], quantile[scored])
    rows[0] |= along_the_line(model, oracle, z, center, word_counts(tokens[highest], 4, 5), seed)
    rows[0] |= {"oracle_r": pearsonr(oracle.predict(tokens[~of_oracle]), rank[~of_oracle]).statistic}
    if not GENERATORS[generator].likelihood_is_bound:
        rows[0]["nats_unconditional"] = unconditional(fitted, tokens[scored], steps, seed)
    best = (fitted.obs["window"] == fitted.obs["window"].max()).to_numpy()
    pools = {"best window": fitted.obsm["X_tokens"][best], "all promoters": tokens[part == "fit"]}
    pools["real"] = tokens[of_oracle & (quantile >= HELD[0])]
    for name, pool in pools.items():
        found = shares(word_counts(pool[rng.choice(len(pool), N_GENERATED)], 4, 5))
        rows.append({"method": name, "tv_top": total_variation(found, shares(word_counts(tokens[highest], 4, 5)))})
    return [{"seed": seed, **row} for row in rows]


def embed(model: scgde.model.GDE, tokens: np.ndarray, sets: list[np.ndarray]) -> np.ndarray:
    return model.embed(tokens[np.concatenate(sets)], np.repeat(np.arange(len(sets)), [len(x) for x in sets]))


def likelihoods(model: scgde.model.GDE, z: np.ndarray, tokens: np.ndarray, quantile: np.ndarray) -> dict[str, float]:
    """Nats a base of promoters ``(n, L)``, given the window around their quantile, the mirrored one, and the mean."""
    window = np.clip(quantile - WIDTH // 2, 0, len(z) - 1)
    known = {"own": z, "mirrored": z[::-1], "mean": np.repeat(z.mean(axis=0)[None], len(z), axis=0)}
    found = {}
    for name, embedding in known.items():
        nats = [-log_likelihood(model, tokens[window == i], embedding[i]) for i in np.unique(window)]
        found[f"nats_{name}"] = np.concatenate(nats).mean() / tokens.shape[1]
    return found


def along_the_line(model, oracle: Oracle, z: np.ndarray, center: np.ndarray, top, seed: int) -> dict[str, float]:
    """Expression of promoters generated on the regression line of the embeddings on expression."""
    design = np.column_stack([np.ones(len(center)), center])
    line = np.column_stack([np.ones(len(TARGETS)), TARGETS]) @ np.linalg.lstsq(design, z, rcond=None)[0]
    drawn = model.generate(line, N_GENERATED, seed=seed)
    found = np.array([oracle.predict(x).mean() for x in drawn])
    inside = TARGETS <= 0.85
    at = {f"oracle_{target:g}": value for target, value in zip(TARGETS, found, strict=True)}
    tv = total_variation(shares(word_counts(drawn[TARGETS == 0.95][0], 4, 5)), shares(top))
    slope = np.polyfit(TARGETS[inside], found[inside], 1)[0]
    return {**at, "spearman": spearmanr(TARGETS, found).statistic, "slope": slope, "tv_top": tv}


def unconditional(fitted: ad.AnnData, tokens: np.ndarray, steps: int, seed: int) -> float:
    """Nats a base by a model that was trained on random sets of the same promoters."""
    pooled = fitted.copy()
    pooled.obs["random"] = np.random.default_rng(seed).permutation(fitted.obs["window"].to_numpy())
    model = scgde.tl.fit_gde(pooled, "random", use_rep="X_tokens", max_steps=steps, seed=seed, **OPTIONS)
    return float(-log_likelihood(model, tokens, model.get_embedding().to_numpy().mean(axis=0)).mean() / tokens.shape[1])


if __name__ == "__main__":
    arguments = parser(__doc__, steps=400)
    arguments.add_argument("--oracle-steps", type=int, default=800)
    arguments.add_argument("--generator", default="autoregressive", help="a name in scgde.nn.GENERATORS")
    arguments.add_argument("--guidance", type=float, default=0.0, help="of the autoregressive generator")
    arguments = arguments.parse_args()
    torch.set_num_threads(arguments.threads)
    options = {name: getattr(arguments, name) for name in ("oracle_steps", "generator", "guidance")}
    found = [row for seed in arguments.seeds for row in run(seed, arguments.steps, **options)]
    report(found, arguments.name or "promoters", accelerator="cpu")
