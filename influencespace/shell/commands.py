"""The stages as the shell offers them: their options, what they do, and examples."""

from __future__ import annotations

from dataclasses import dataclass

from influencespace.clusters.options import ClusterOptions
from influencespace.curation.options import PlanOptions, VerifyOptions
from influencespace.evaluation.ablation_options import AblationOptions
from influencespace.features.options import EmbedOptions
from influencespace.influence.options import EffectOptions, ScoreOptions
from influencespace.options import Options
from influencespace.pairs.options import ImportOptions
from influencespace.proxy.options import ProxyOptions
from influencespace.training.options import TrainOptions

# The whole road does without these: checking predictions by retraining and varying the settings are asked for.
ASKED_FOR = ("verify", "ablate")
AS_BEFORE = "Without any of its options a stage is brought up to date with those it was last made with."


@dataclass(frozen=True)
class StageCommand:
    """A stage as the shell offers it; ``influencespace.stages`` has the stages themselves, which bring torch along."""

    options: type[Options]
    help: str
    examples: tuple[str, ...]


COMMANDS: dict[str, StageCommand] = {
    "import": StageCommand(
        ImportOptions,
        "Read pairs, check every photo and caption, and hold photos out.\n\nThe source is never written to. Rows that cannot "
        "be used are left out, and the problems table says which and why.",
        ("import pairs.csv --images photos", "import pairs.jsonl --groups gender --validation dev.jsonl", "import shards/"),
    ),
    "embed": StageCommand(
        EmbedOptions,
        "Turn photos and captions into features with an encoder.\n\nAny CLIP, SigLIP or VisionTextDualEncoder of "
        "transformers, by hub id or local directory. A run that was stopped goes on where it was.",
        ("embed --encoder models/my-clip", "embed --encoder openai/clip-vit-base-patch32 --device cuda"),
    ),
    "proxy": StageCommand(
        ProxyOptions,
        "Fit cross-fitted proxies and find how well each caption fits its photo.\n\nEvery pair is judged by proxies that "
        "have not seen its photo.",
        ("proxy", "proxy --repeats 5 --seed 1"),
    ),
    "cluster": StageCommand(
        ClusterOptions,
        "Find topics and, within each, strata of how well captions fit; name them; draw the map.",
        ("cluster", "cluster --topics 40 --strata 3"),
    ),
    "score": StageCommand(
        ScoreOptions,
        "Compute the influence of every pair and cluster on every target: overall, and each group.\n\nPositive means "
        "that keeping it helps.",
        ("score",),
    ),
    "plan": StageCommand(
        PlanOptions,
        "Decide what to keep, what to prune and what to up-weight.\n\nThe reduction is met to the pair; what the curator "
        "has decided in the app always wins.",
        ("plan --reduction 0.3", "plan --reduction 0.2 --cap 4 --fairness 1"),
    ),
    "effects": StageCommand(
        EffectOptions,
        "Predict what removing each cluster would do to every target, and prepare the preview of whole plans.\n\nPositive "
        "means that keeping it helps. These figures predict; the scores order. How far to trust them says verify.",
        ("effects",),
    ),
    "verify": StageCommand(
        VerifyOptions,
        "Check removal effects by retraining without some of the clusters, and previews under whole plans.\n\nPrints for each "
        "target the correlation, the slope and the share of right signs with 95 % intervals, and a verdict.",
        ("verify", "verify --clusters 50"),
    ),
    "train": StageCommand(
        TrainOptions,
        "Train every arm alike and compare them on the test photos.\n\nPrints for each arm: pairs, reduction, recall with "
        "intervals, seconds, and gaps between groups.",
        ("train", "train --trainer clip --adapter lora --seeds 3", "train --from workspace"),
    ),
    "ablate": StageCommand(
        AblationOptions,
        "Vary one setting at a time (topics, rank, cap, fairness, damping, folds), train heads on each plan, and compare.\n\n"
        "All else stays as the workspace has it, whose own value is always among those tried. Prints recall and gaps at each "
        "value with intervals, and the paired difference from the workspace's own. What a run that was stopped has finished "
        "is kept.",
        ("ablate", "ablate --knobs cap --knobs rank --seeds 5 --csv ablations.csv", "ablate --knobs cap --cap 1 --cap 6"),
    ),
}
