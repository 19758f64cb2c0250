"""A decision, and a step to take with it."""

from influencespace.curation.options import PlanOptions

PRUNE = {"clusters": {"0.1": "prune"}}


def step(history, reduction, decisions=None, **more):
    return history.record(f"to {reduction}", PlanOptions(reduction=reduction), decisions or {}, **more)
