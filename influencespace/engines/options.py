"""Where the pieces of a stage are computed: what the options of several stages share."""

from __future__ import annotations

from dataclasses import dataclass

from influencespace.errors import OptionError
from influencespace.options import Options, option

LOCAL, RAY = "local", "ray"


@dataclass(frozen=True, kw_only=True)
class EngineOptions(Options):
    """Base of the options of stages whose work falls into pieces. The engine never changes what comes out."""

    engine: str = option(
        LOCAL, "What computes: this process alone (local), or Ray's workers on this machine or a cluster (ray).",
        choices=(LOCAL, RAY), recipe=False,
    )
    address: str | None = option(
        None, "Where Ray is: HOST:PORT or auto for a cluster that this machine belongs to, http://HOST:8265 to hand the work "
        "to one that it does not. Default: one of its own on this machine, which ends with the stage.", recipe=False,
    )
    workers: int | None = option(
        None, "How many pieces Ray computes at once. Default: as many as it has processors for.", minimum=1, recipe=False
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.engine == LOCAL and (self.address or self.workers):
            raise OptionError("--address and --workers are about Ray; give --engine ray with them.")
        if str(self.address).startswith("ray://"):
            raise OptionError(
                f"--address cannot be {self.address}: Ray Data and Ray Train do not work through a client. Give the address of "
                "the cluster's job server, http://HOST:8265, or call from one of its machines with --address auto."
            )
