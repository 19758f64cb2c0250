"""The command that reruns the configuration of the proposal as it stands."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from influencespace.clusters.options import ClusterOptions
from influencespace.curation.options import PlanOptions
from influencespace.features.options import DEFAULT_ENCODER, EmbedOptions
from influencespace.influence.options import ScoreOptions
from influencespace.options import Options, option, restore
from influencespace.pairs.options import LEXICON, ImportOptions
from influencespace.proxy.options import ProxyOptions
from influencespace.shell.flags import given
from influencespace.shell.output import command
from influencespace.training.options import TrainOptions

# "semantic" is the proposal's own method to the letter: whole semantic clusters, by their mean influence.
ARMS = ("full", "random", "clip-score", "semantic", "influence")


@dataclass(frozen=True)
class ProposalOptions(Options):
    """What the proposal's configuration is applied to; the rest of it is fixed."""

    source: str = option(dataclasses.MISSING, "COCO captions file (.json) with the photos to train on.")
    images: str | None = option(None, "Folder of its photos. Default: the file's.")
    validation: str | None = option(
        None, "COCO captions file with photos to hold out. Default: a fifth of the photos is drawn from the first file."
    )
    heldout_images: str | None = option(None, "Folder of the photos of --validation. Default: --images.")
    groups: tuple[str, ...] = option((), "Group attribute among the fields of the file, as for import.")
    lexicon: tuple[str, ...] = option(("gender_words",), "Group attribute to read from the captions' words.", choices=LEXICON)
    encoder: str = option(DEFAULT_ENCODER, "The encoder: a model on the hub, or a local directory.")
    seeds: int = option(5, "Repeats.", minimum=1, maximum=50)
    seed: int = option(0, "The first seed; also draws photos, folds and clusters.", minimum=0)
    device: str = option("auto", "Where to compute: auto, cpu, cuda or mps.", recipe=False)

    def stages(self) -> dict[str, Options]:
        """The options of every stage: 5 clusters, a fifth of the pairs removed, 256 dimensions, batches of 32, 2 epochs."""
        return {
            "import": ImportOptions(
                source=self.source, images=self.images, validation=self.validation, heldout_images=self.heldout_images,
                groups=self.groups, lexicon=self.lexicon, seed=self.seed,
            ),
            "embed": EmbedOptions(encoder=self.encoder, device=self.device),
            "proxy": ProxyOptions(seed=self.seed, device=self.device),
            "cluster": ClusterOptions(topics=5, seed=self.seed),
            "score": ScoreOptions(device=self.device),
            "plan": PlanOptions(reduction=0.2),
            "train": TrainOptions(
                arms=ARMS, seeds=self.seeds, seed=self.seed, epochs=2, batch=32, joint_dimensions=256, device=self.device
            ),
        }


def rerun(workspace: str, json_file: str | None, quiet: bool, **flags: Any) -> None:
    """Take a COCO table the whole road with the configuration of the proposal, and print the proposal's table."""
    with command(json_file) as output:
        options = restore(ProposalOptions, given({"proposal": ProposalOptions}, flags)["proposal"])
        output.spare([path for path in (options.source, options.validation) if path])
        from influencespace.evaluation.proposal import proposal_table
        from influencespace.shell.bars import Bars
        from influencespace.stages import run_stages
        from influencespace.workspace import Workspace

        place = Workspace(workspace, create=True)
        with Bars(quiet) as progress:
            ran = run_stages(place, options.stages(), progress)
        results = place.artifact("training").json("results")
        output.say(proposal_table(results))
        output.finish(results | {"workspace": str(place.path), "ran": ran})
