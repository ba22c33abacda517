"""How good a model is, how sure that is, and whether it uses each modality."""

from utils.evaluation.grounding import Grounding, NotGroundedError, derangement, grounding
from utils.evaluation.intervals import Interval, bootstrap
from utils.evaluation.report import report
from utils.evaluation.retrieval import Retrieval, class_embeddings, hits_at_k, recall_at_k, zero_shot_correct

__all__ = [
    "Grounding",
    "Interval",
    "NotGroundedError",
    "Retrieval",
    "bootstrap",
    "class_embeddings",
    "derangement",
    "grounding",
    "hits_at_k",
    "recall_at_k",
    "report",
    "zero_shot_correct",
]
