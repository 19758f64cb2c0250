"""Stages as a job of a Ray cluster: handed to the address of its job server, run there, and followed from here.

The cluster's machines have what requirements.txt and requirements-ray.txt name and see the workspace and the photos under the
same paths; InfluenceSpace itself is sent along. What the job prints is a line of JSON for every step of its progress,
and one at its end.

``python -m influencespace.engines.ray_jobs WORKSPACE OPTIONS`` is what the cluster runs.
"""

from __future__ import annotations

import dataclasses
import json
import shlex
import sys
import time
from typing import Any

from influencespace.engines.options import RAY, EngineOptions
from influencespace.errors import EngineError, InfluenceSpaceError
from influencespace.options import Options, restore
from influencespace.progress import Progress
from influencespace.workspace import Workspace

# How often the job is looked at, and how often it speaks of one and the same step, in seconds.
LOOK, SPEAK = 1.0, 5.0


def run_elsewhere(workspace: Workspace, wanted: dict[str, Options], where: EngineOptions, progress: Progress) -> list[str]:
    """Hand stages to the cluster at ``where.address`` (http://HOST:8265) and wait for them; what is returned is what was run.

    Raises
    ------
    EngineError
        If there is no job server at the address, or the job ends without a word.
    InfluenceSpaceError
        Of the stages.
    """
    from influencespace.engines.ray_engine import PACKAGE, prepared

    prepared(local=False)
    from ray.job_submission import JobSubmissionClient

    # Inside the cluster its address is another.
    place = {field.name for field in dataclasses.fields(EngineOptions)}
    stages = json.dumps({
        name: {key: value for key, value in dataclasses.asdict(options).items() if key not in place}
        for name, options in wanted.items()
    })
    module = "influencespace.engines.ray_jobs"
    command = ["python", "-m", module, str(workspace.path), stages, json.dumps({"workers": where.workers})]
    try:
        client = JobSubmissionClient(where.address)
        # What it sends to its workers in turn is the same code again, which Ray takes for a contradiction.
        environment = {"py_modules": [str(PACKAGE)], "env_vars": {"RAY_OVERRIDE_JOB_RUNTIME_ENV": "1"}}
        job = client.submit_job(entrypoint=shlex.join(command), runtime_env=environment)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise EngineError(f"The Ray cluster at {where.address} takes no job: {str(error).splitlines()[0]}") from error
    try:
        while not (status := client.get_job_status(job)).is_terminal():
            time.sleep(LOOK)
            last = _said(client.get_job_logs(job))
            if "what" in last:
                progress(last["done"], last["total"], last["what"])
            else:
                progress(0, 1, f"waiting for the Ray job {job}")
    except BaseException:  # whoever stops this has cancelled the work
        client.stop_job(job)
        raise
    last = _said(client.get_job_logs(job))
    if "ran" in last:
        return last["ran"]
    if "error" in last:
        raise InfluenceSpaceError(last["error"])
    raise EngineError(f"The Ray job {job} at {where.address} ended as {status}; its log is there. What was finished is kept.")


def main(path: str, stages: str, engine: str) -> int:
    """Run stages inside the cluster that this process was started by."""
    from influencespace.stages import STAGES, run_stages

    wanted = {name: restore(STAGES[name].options, values) for name, values in json.loads(stages).items()}
    # A job's process belongs to the cluster that started it.
    here = EngineOptions(engine=RAY, address="auto", **json.loads(engine))
    try:
        _say(ran=run_stages(Workspace(path), wanted, _Speaking(), here))
    except InfluenceSpaceError as error:
        _say(error=str(error))
        return 1
    return 0


class _Speaking:
    """Progress as lines for whoever follows."""

    def __init__(self) -> None:
        self.what, self.spoke = "", 0.0

    def __call__(self, done: int, total: int, what: str) -> None:
        now = time.monotonic()
        if what != self.what or now - self.spoke > SPEAK:
            self.what, self.spoke = what, now
            _say(done=int(done), total=int(total), what=what)


def _say(**values: Any) -> None:
    print(json.dumps(values), flush=True)


def _said(log: str) -> dict[str, Any]:
    """The last line that is one of ours; Ray prints some of its own."""
    for line in reversed(log.splitlines()):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            return found
    return {}


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
