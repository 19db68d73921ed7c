"""A worker of Dask's that dies at each stage of a chunk: what is said, and what has run.

    python -m tests.programs.dask_workers [stage...]

starts a cluster of two worker processes, and kills one of them at each stage, in runs of a command
and of a job on eight hosts. Dask runs again what a dead worker had; the fence lets nothing run
twice.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from remctl import JobRemctl, Outcome, Target, for_each, run_many
from remctl.testing import Realm

from tests.programs.executors import Arena, Record, arenas, command_for, job
from tests.support.traces import wait_until

HOSTS = 8
DEADLY = "127.2.0.3"  # the one of the eight whose worker dies

#: When the worker dies.
STAGES = {
    "before": "before its first command is sent",
    "running": "while its command runs, and other chunks wait for this worker",
    "answered": "after the answer, before the chunk has ended",
    "told": "after the scheduler knows that it has ended, before its result is fetched",
    "fetched": "after its result was fetched",
}


def die_once(folder: str) -> None:
    """End this process at once, unless another was ended before."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(f"{folder}/dead", os.O_CREAT | os.O_EXCL))
        os._exit(1)


class Deadly(str):
    """A value that ends its process when it is sent."""

    folder: str

    def __reduce__(self) -> Any:
        """Called when it is sent."""
        die_once(self.folder)
        return str, (str(self),)


def deadly_command(folder: str, target: Target) -> list[str]:
    """The command, before which the worker of one of the hosts dies."""
    if target.host == DEADLY:
        die_once(folder)
    return command_for(folder, target)


async def deadly_job(stage: str, folder: str, r: JobRemctl) -> str:
    """The job, after which the worker of one of the hosts dies."""
    answer = await job(folder, r)
    if r.host != DEADLY:
        return answer
    if stage == "answered":
        die_once(folder)
    value = Deadly(answer)
    value.folder = folder
    return value


def pid_of_worker(folder: str, target: Target) -> list[str]:
    """The command, whose worker tells its number."""
    Path(f"{folder}/pid-{target.host}").write_text(str(os.getpid()))
    return command_for(folder, target)


def outcomes_at(stage: str, hosts: list[Target], folder: Path, client: Any) -> list[Outcome]:
    """A run in which a worker dies at this stage."""
    record, place = Record(folder), str(folder)
    if stage == "before":
        return list(run_many(hosts, partial(deadly_command, place), executor=client))
    if stage in ("answered", "told"):
        return list(for_each(hosts, partial(deadly_job, stage, place), executor=client))
    held = DEADLY if stage == "running" else hosts[-1].host
    record.hold([held])
    found = []
    outcomes = run_many(hosts, partial(pid_of_worker, place), executor=client)
    for outcome in outcomes:
        found.append(outcome)
        if stage == "running" or outcome.target.host == DEADLY:
            break
    assert wait_until(lambda: record.begun([held]), 30)
    os.kill(int((folder / f"pid-{DEADLY}").read_text()), signal.SIGKILL)
    record.release([held])
    return [*found, *outcomes]


def try_stage(stage: str, arena: Arena, client: Any) -> dict[str, Outcome]:
    """Let a worker die at a stage, and judge what was said by what the server has run."""
    folder = arena.folder / f"dask-{stage}"
    folder.mkdir()
    folder.chmod(0o777)
    hosts = [Target(f"127.2.0.{n + 1}", arena.port, arena.principal) for n in range(HOSTS)]
    outcomes = outcomes_at(stage, hosts, folder, client)
    ran = Record(folder).lines()
    assert sorted(outcome.target.host for outcome in outcomes) == [one.host for one in hosts]
    assert all(number == 1 for number in ran.values()), ran
    for outcome in outcomes:
        error, number = outcome.error, ran[outcome.target.host]
        assert number if error is None else error.may_have_run or not number, outcome
    assert wait_until(lambda: len(client.scheduler_info()["workers"]) == 2, 60)
    return {outcome.target.host: outcome for outcome in outcomes}


@contextlib.contextmanager
def workers() -> Iterator[Any]:
    """A cluster with two workers in processes of their own."""
    import distributed

    cluster_of: Any = distributed.LocalCluster  # which are not typed
    client_of: Any = distributed.Client
    with (
        cluster_of(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
        ) as cluster,
        client_of(cluster) as client,
    ):
        yield client


def main(*stages: str) -> None:
    """Let a worker die at each stage, and print what was said."""
    with Realm() as realm, realm.environ(), arenas(realm, dask=False) as arena:
        for stage in stages or STAGES:
            with workers() as client:
                outcomes = try_stage(stage, arena, client)
            said = Counter(
                "ok" if one.error is None else f"may_have_run={one.error.may_have_run}"
                for one in outcomes.values()
            )
            print(f"it dies {STAGES[stage]}: {dict(said)}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
