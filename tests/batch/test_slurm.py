from __future__ import annotations

from dataclasses import replace

import pytest

from skelstream.batch.job import Job
from skelstream.batch.manifest import read_manifest
from skelstream.batch.results import Results
from skelstream.errors import SettingsError, SkelstreamError
from skelstream.extraction.settings import ExtractionSettings

pytest.importorskip("submitit")
pytestmark = pytest.mark.slow


@pytest.fixture
def job(class_folders, tmp_path):
    settings = ExtractionSettings().with_options(size=64, runtime="torch", refine=0)
    job = Job.of(Results(tmp_path / "out"), settings)
    job.results.prepare(read_manifest(class_folders), job.settings_json, redo=False)
    return job


# Submitit's debug executor does not close its logs.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_each_task_of_an_array_does_its_partition(job, plan_of):
    from skelstream.batch.engines.slurm import PartitionTask, submit

    tasks = submit(job, 1, 1, {}, cluster="debug")
    assert [task.result() for task in tasks] == [{"done": 3, "failed": 0, "by_others": 0}]
    assert plan_of(job.results.clips(), job.results, job.hash).done == 3
    again = PartitionTask(job, "2/2")
    assert again() == {"done": 0, "failed": 0, "by_others": 0} and again.checkpoint().function is again


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_tasks_that_end_early_are_a_one_line_error(job):
    from skelstream.batch.engines.slurm import failures, submit

    wrong = replace(job, settings=ExtractionSettings().with_options(weights="nothing"))
    with pytest.raises(
        SkelstreamError, match="1 of 1 tasks ended early.*: nothing: no such weights.*; the same"
    ):
        failures(submit(wrong, 1, 1, {}, cluster="local"))
    assert failures(submit(job, 1, 1, {}, cluster="debug")) == 0


def test_an_unknown_parameter_of_slurm_is_an_error(job):
    from skelstream.batch.engines.slurm import submit

    with pytest.raises(SettingsError, match="sockets_per_moon") as error:
        submit(job, 1, 1, {"sockets_per_moon": 3}, cluster="debug")
    assert error.value.setting == "slurm"
