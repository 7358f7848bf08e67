from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from skelstream.errors import FormatError
from skelstream.training.recipe_file import find_recipe, packaged_recipes, read_recipe

SETS = '[[set]]\nannotations = "a.json"\nimages = "a"\n'
WHOLE = "[run]\nsamples = 100\n" + SETS


@pytest.fixture
def read(tmp_path: Path):
    def read_text(text: str, **run):
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return read_recipe(path, Path("/data"), run)

    return read_text


def test_packaged_recipes_are_whole() -> None:
    packaged = packaged_recipes()
    assert set(packaged) == {
        "movenet-mixed",
        "movenet-further",
        "movenet-long",
        "refinement",
        "refinement-small",
        "lspet-single",
        "coco-people",
        "hrnet-w32",
    }
    for name, path in packaged.items():
        recipe = read_recipe(path, Path("/data"))
        assert find_recipe(name) == path and recipe.name == name
        assert recipe.evaluation is not None
        assert all(s.annotations.is_relative_to("/data") for s in recipe.sets)
        trained = {s.annotations for s in recipe.sets}
        assert recipe.evaluation.annotations not in trained


def test_both_stages_together_cost_what_the_mixed_recipe_does() -> None:
    recipes = {name: read_recipe(path, Path()) for name, path in packaged_recipes().items()}
    mixed, one, two = (recipes[name] for name in ("movenet-mixed", "lspet-single", "coco-people"))
    assert one.samples + two.samples == mixed.samples
    assert replace(two, samples=mixed.samples, name=mixed.name) == mixed


def test_settings_and_what_takes_their_place(read) -> None:
    recipe = read(
        "[run]\nsamples = 100\nlearning_rate = 2\n[augmentation]\nscale = [0.5, 2.0]\n" + SETS, samples=40
    )
    assert recipe.samples == 40 and recipe.total == 32 and recipe.learning_rate == 2
    assert recipe.augmentation.scale == (0.5, 2.0) and recipe.name == "mine" and recipe.evaluation is None
    assert recipe.sets[0].annotations == Path("/data/a.json")


def test_paths_and_the_evaluation_may_change_when_a_run_resumes(read) -> None:
    a, b = read(WHOLE), read(WHOLE + '[evaluation]\nannotations = "d.json"\nimages = "d"\n')
    moved = replace(a, sets=[replace(a.sets[0], images=Path("/elsewhere"))])
    assert a.fixed_settings() == b.fixed_settings() == moved.fixed_settings()
    assert a.fixed_settings() != replace(a, sets=[replace(a.sets[0], weight=0.5)]).fixed_settings()
    assert all(isinstance(v, int | float | str | list) for v in a.fixed_settings().values())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("samples", "not TOML"),
        ("[run]\nsamples = 100\n", r"no \[\[set\]\] to train on"),
        (SETS, r"\[run\] is incomplete"),
        ("[run]\nsample = 100\n" + SETS, r"\[run\] has no setting sample; known: accumulate"),
        ("[runs]\n" + WHOLE, "unknown table runs; known: augmentation, detection, emphasis"),
        ('[run]\nsamples = "many"\n' + SETS, "samples is 'many', a whole number from 0"),
        ("[run]\nsamples = true\n" + SETS, "samples is True, a whole number from 0"),
        ("[run]\nsamples = 8\n" + SETS, "8 samples are less than one batch of 16"),
        ("[run]\nsamples = 100\nbatch = 10\naccumulate = 3\n" + SETS, "cannot be computed in 3 equal parts"),
        ('[run]\nsamples = 100\nprecision = "int4"\n' + SETS, "precision 'int4' is not one of auto"),
        ("[run]\nsamples = 100\nlearning_rate = 0.0\n" + SETS, "learning_rate must be above 0"),
        (WHOLE + '[network]\nbackbone = "vgg"\n', "backbone 'vgg' is not one of movenet"),
        (WHOLE + '[network]\nlimbs = "all"\n', "limbs 'all' is not one of openpose, dense"),
        (WHOLE + "[augmentation]\ncrop = 200\n", "crop 200 is not divisible by 32"),
        (
            WHOLE + "[augmentation]\nscale = [2.0, 0.5]\n",
            r"scale is \[2.0, 0.5\], a pair of numbers above 0, the lesser first",
        ),
        (WHOLE + "[augmentation]\nfill = 0.5\n", "fill is 0.5, 2 finite numbers expected"),
        (WHOLE + '[network]\narchitecture = "hrnet"\n', "architecture 'hrnet' is not one of paf, topdown"),
        (WHOLE + "[emphasis]\nsmall = 0.5\n", "small and hidden must be at least 1"),
        ("[run]\nsamples = 100\ncooldown = 1.5\n" + SETS, "cooldown must be between 0 and 1"),
        (WHOLE + "[network]\npaf_stages = 1000000\n", "paf_stages 1000000 is not a whole number from 1 to 8"),
        (WHOLE + "weight = 0\n", "weight must be above 0"),
        ("run = 5\n" + SETS, r"\[run\] is 5, an object"),
        ("augmentation = [1]\n" + WHOLE, r"\[augmentation\] is \[1\], an object"),
        (WHOLE.replace("[[set]]", "[set]"), r"\[set\] is a single table; write \[\[set\]\]"),
        ("set = 5\n[run]\nsamples = 100\n", "set is 5, a list expected"),
        ("set = [5]\n[run]\nsamples = 100\n", r"\[\[set\]\] is 5, an object"),
        ('[run]\nsamples = 100\n[[set]]\nimages = "a"\nannotations = 5\n', "annotations is 5, text expected"),
        ('[run]\nsamples = 100\n[[set]]\nimages = "a\\u0000"\nannotations = "a"\n', "images is .*, text"),
        ("[run]\nsamples = 100\nsets = 5\n" + SETS, r"\[run\] has no setting sets; see the other tables"),
        ("[run]\nsamples = 100\nevaluation = 5\n" + SETS, r"\[run\] has no setting evaluation"),
        (
            "[run]\nsamples = 100\nlearning_rate = nan\n" + SETS,
            "learning_rate is nan, a finite number from 0",
        ),
        ("[run]\nsamples = 100\nclip = inf\n" + SETS, "clip is inf, a finite number"),
        ("[run]\nsamples = 100\nwarmup = -1\n" + SETS, "warmup is -1, a whole number from 0"),
        ("[run]\nsamples = 100\nseed = -1\n" + SETS, "seed is -1, a whole number from 0"),
        (f"[run]\nsamples = {10**30}\n" + SETS, "samples is 1000"),
        (f"[run]\nsamples = 100\nlearning_rate = {10**400}\n" + SETS, "learning_rate is 1000"),
        ("[run]\nsamples = 100\nlicence = 5\n" + SETS, "licence is 5, text expected"),
        (WHOLE + "partial = 2\n", "partial is 2, true or false expected"),
        (WHOLE + "[network]\nwidth = 1000000\n", "width is 1000000, a whole number"),
        (WHOLE + "[network]\nlimbs = 2020-01-01\n", "limbs is datetime.date.*, text expected"),
        (WHOLE + "[augmentation]\ncrop = 0\n", "crop is 0, a whole number from 32"),
        (WHOLE + "[augmentation]\nscale = [nan, 1]\n", "scale is .*, 2 finite numbers expected"),
        (WHOLE + "[augmentation]\nscale = [1]\n", "scale is .*, 2 finite numbers expected"),
        (WHOLE + "[augmentation]\nflip = 7\n", "flip is 7, a finite number from 0 to 1"),
        (WHOLE + '[evaluation]\nannotations = "d"\nimages = 5\n', "images is 5, text expected"),
        (WHOLE + "[evaluation]\n", r"\[evaluation\] is incomplete"),
        ('[run]\nsamples = 100\n[[set]]\nimages = "a"\n', r"\[set\] is incomplete"),
        (
            WHOLE + '[evaluation]\nannotations = "d"\nimages = "d"\nmetric = "mAP"\n',
            "metric 'mAP' is not one of AP",
        ),
    ],
)
def test_a_wrong_setting_is_reported(read, text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message) as error:
        read(text)
    assert "mine.toml" in str(error.value) and "\n" not in str(error.value)


def test_a_missing_recipe_is_reported(tmp_path: Path) -> None:
    with pytest.raises(
        FormatError, match="nowhere: no such recipe file, nor a packaged recipe .*movenet-mixed"
    ):
        find_recipe("nowhere")
