"""What the map shows of a plan: the order of removal and the three numbers that say how far along it the plan is."""

from __future__ import annotations

from influencespace.curation.order import RATIO_STEPS
from influencespace.ui import planned, planning, served
from influencespace.ui.map import Plan
from influencespace.ui.road import fitting
from influencespace.workspace import Workspace


def is_there(workspace: Workspace) -> bool:
    """Whether there is a plan to show: it needs no more than scores, and decisions that can be followed."""
    return fitting(workspace, "scores") is not None and planned.not_followed(workspace) is None


def shown(workspace: Workspace) -> Plan:
    """The plan of the version that is shown."""
    options, order, key = planning.shown(workspace).options, planning.order(workspace), planning.key(workspace)
    step = min(round(100 * options.reduction), len(RATIO_STEPS) - 1)
    return Plan(
        served.column(f"turn-{key}", lambda: order.turn.astype("<u2")),
        served.column(f"benefit-{key}", lambda: order.benefit.astype("<f4")),
        order.removed_code(options.reduction), float(order.threshold[step]), options.cap,
    )
