from ._associate import associate as associate
from ._classify import classify as classify
from ._compare_groups import (
    GroupComparison as GroupComparison,
)
from ._compare_groups import (
    compare_all_groups as compare_all_groups,
)
from ._compare_groups import (
    compare_groups as compare_groups,
)
from ._compare_sets import (
    SetComparison as SetComparison,
)
from ._compare_sets import (
    compare_all_sets as compare_all_sets,
)
from ._compare_sets import (
    compare_sets as compare_sets,
)
from ._convergence import convergence as convergence
from ._distances import distances as distances
from ._embed import embed as embed
from ._evaluate_embedding import evaluate_embedding as evaluate_embedding
from ._evaluate_perturbations import (
    PerturbationScores as PerturbationScores,
)
from ._evaluate_perturbations import (
    evaluate_perturbations as evaluate_perturbations,
)
from ._evaluate_transport import evaluate_transport as evaluate_transport
from ._explain import Explanation as Explanation
from ._explain import explain as explain
from ._fit_decoder import fit_decoder as fit_decoder
from ._fit_gde import fit_gde as fit_gde
from ._fit_predictor import fit_predictor as fit_predictor
from ._fit_tde import fit_tde as fit_tde
from ._forecast import forecast as forecast
from ._generate import generate as generate
from ._interpolate import interpolate as interpolate
from ._log_likelihood import log_likelihood as log_likelihood
from ._predict_perturbations import predict_perturbations as predict_perturbations
from ._score_generation import score_generation as score_generation
from ._transport import transport as transport
from ._uncertainty import uncertainty as uncertainty
