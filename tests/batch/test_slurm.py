from __future__ import annotations

import pytest

from skelstream.batch.job import Job, JobSettings
from skelstream.batch.manifest import read_manifest
from skelstream.batch.plan import make_plan
from skelstream.batch.results import Results
from skelstream.errors import SettingsError, SkelstreamError
from skelstream.estimation.pose_estimator import EstimatorSettings

pytest.importorskip("submitit")
pytestmark = pytest.mark.slow


@pytest.fixture
def job(tree, tmp_path):
    settings = JobSettings(EstimatorSettings(size=64, runtime="torch"))
    job = Job.of(Results(tmp_path / "out"), settings)
    job.results.prepare(read_manifest(tree), settings.as_json(), redo=False)
    return job


# Submitit's debug executor leaves its logs open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_each_task_of_an_array_does_its_shard(job):
    from skelstream.batch.engines.slurm import ShardTask, submit

    tasks = submit(job, 1, 1, {}, cluster="debug")
    assert [task.result() for task in tasks] == [{"done": 3}]
    assert make_plan(job.results.clips(), job.results, job.hash).done == 3
    again = ShardTask(job, "2/2")
    assert again() == {} and again.checkpoint().function is again


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_tasks_that_are_not_through_are_told_in_a_line(job):
    from skelstream.batch.engines.slurm import failures, submit

    wrong = Job(job.results, JobSettings(EstimatorSettings("nothing")), job.hash)
    with pytest.raises(
        SkelstreamError, match="1 of 1 tasks ended before .*: nothing: no such weights.*; the same"
    ):
        failures(submit(wrong, 1, 1, {}, cluster="local"))
    assert failures(submit(job, 1, 1, {}, cluster="debug")) == 0


def test_a_parameter_that_slurm_does_not_know(job):
    from skelstream.batch.engines.slurm import submit

    with pytest.raises(SettingsError, match="sockets_per_moon") as error:
        submit(job, 1, 1, {"sockets_per_moon": 3}, cluster="debug")
    assert error.value.setting == "slurm"
