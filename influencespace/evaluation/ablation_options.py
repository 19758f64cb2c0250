"""Options of the ablations: which settings of the curation are varied, over which values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from influencespace.clusters.options import ClusterOptions
from influencespace.curation.options import PlanOptions
from influencespace.errors import OptionError
from influencespace.influence.options import ScoreOptions
from influencespace.options import Options, flag, option
from influencespace.proxy.options import ProxyOptions

if TYPE_CHECKING:
    from influencespace.workspace import Workspace

# The settings that are varied, each a field of the options of a stage under the same name, and what that stage makes.
KNOBS: dict[str, type[Options]] = {
    "topics": ClusterOptions, "rank": ScoreOptions, "cap": PlanOptions, "fairness": PlanOptions, "damping": ScoreOptions,
    "folds": ProxyOptions,
}
MADE = {ClusterOptions: "clusters", ScoreOptions: "scores", PlanOptions: "plan", ProxyOptions: "proxy"}


@dataclass(frozen=True)
class AblationOptions(Options):
    """Which settings are varied, one at a time, everything else as the workspace has it.

    Raises
    ------
    OptionError
        If a value is out of the bounds that its setting has in its own stage.
    """

    knobs: tuple[str, ...] = option(tuple(KNOBS), "The settings to vary, one at a time.", choices=tuple(KNOBS))
    seeds: int = option(3, "Repeats; a seed redraws the folds and the training.", minimum=1, maximum=50)
    seed: int = option(0, "The first seed.", minimum=0)
    topics: tuple[int, ...] = option(
        (5, 10, 20, 40, 80), "Numbers of topics to try; of this and of every setting, the workspace's own value is always one."
    )
    rank: tuple[int, ...] = option((1, 8, 32, 128), "Ranks of the curvature to try.")
    cap: tuple[float, ...] = option((1.0, 2.0, 4.0, 8.0), "Up-weight caps to try.")
    fairness: tuple[float, ...] = option((0.0, 0.5, 1.0, 2.0), "Fairness weights to try.")
    damping: tuple[float, ...] = option((1.0, 10.0, 100.0, 1000.0), "Dampings of the curvature to try.")
    folds: tuple[int, ...] = option((2, 3, 5), "Numbers of cross-fitting folds to try.")
    device: str = option("auto", "Where to compute: auto, cpu, cuda or mps.", recipe=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.knobs:
            raise OptionError(f"{flag('knobs')} names nothing to vary; choose from {', '.join(KNOBS)}.")
        for knob, kind in KNOBS.items():
            for value in getattr(self, knob):
                kind(**{knob: value})

    def values(self, knob: str, own: Any) -> list[Any]:
        """The values of a knob that are tried, ascending; the workspace's ``own`` is one of them."""
        return sorted({*getattr(self, knob), own})

    def runs(self, grid: dict[str, list[Any]]) -> int:
        """How many trainings a grid of values takes: the own value of each setting is the same one."""
        return self.seeds * (1 + sum(len(values) - 1 for values in grid.values()))


def own_values(workspace: Workspace) -> dict[str, Any]:
    """The value of every setting that a workspace's artifacts were made with."""
    return {
        knob: workspace.artifact(MADE[kind]).record["options"].get(knob, getattr(kind(), knob)) for knob, kind in KNOBS.items()
    }


def grid_of(
    options: AblationOptions, own: dict[str, Any], compared: dict[str, list[str]]
) -> tuple[dict[str, list[Any]], dict[str, str]]:
    """The values that are tried of each setting, ascending and with the workspace's own, and why a setting is left out.

    Parameters
    ----------
    own
        The workspace's own values.
    compared
        The groups of each attribute that are compared.

    Raises
    ------
    OptionError
        If no setting is left.
    """
    missing = {}
    if "fairness" in options.knobs and not any(len(values) > 1 for values in compared.values()):
        missing["fairness"] = "no groups are compared in this workspace, so that it changes nothing"
    grid = {knob: options.values(knob, own[knob]) for knob in dict.fromkeys(options.knobs) if knob not in missing}
    if not grid:
        raise OptionError(f"There is nothing left to vary: fairness is left out, because {missing['fairness']}.")
    return grid, missing
