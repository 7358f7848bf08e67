"""Settings of an extraction: everything that determines one clip's result."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from skelstream.errors import SettingsError
from skelstream.files.arguments import instance_argument
from skelstream.settings.declaration import group
from skelstream.settings.estimation import EstimatorSettings
from skelstream.settings.pipeline import PipelineSettings
from skelstream.settings.postprocessing import PostprocessingSettings

if TYPE_CHECKING:
    from skelstream.estimation.protocol import Estimator


class ExtractionSettings(PipelineSettings):
    """Everything that determines one clip's result, in one tree.

    ``ExtractionSettings().with_options(size=512, max_lost=2.0)`` changes single settings by their flat names, which are
    those of the command line's options.
    """

    estimator: EstimatorSettings = group(default_factory=EstimatorSettings, title="Networks")
    postprocessing: PostprocessingSettings = group(
        default_factory=PostprocessingSettings, title="Postprocessing"
    )

    def with_options(self, **options: Any) -> Self:
        """Return the settings with some values replaced, each by its flat name.

        ``tracker`` brings the defaults of that tracker, which other options change. Without tracking, ``min_score`` alone
        decides which people count, because no track needs uncertain ones.

        Raises:
            SettingsError: no option has that name, a value is not allowed, or an option has no effect beside another.
        """
        changed = self
        if "tracker" in options:
            from skelstream.tracking.registry import tracker_settings  # loads filterpy; help must not

            preset = replace(tracker_settings(options["tracker"]), max_people=self.tracking.max_people)
            changed = replace(changed, tracking=preset)
        changed = super(ExtractionSettings, changed).with_options(**options)
        for name, part in (("hand_network", "hands"), ("face_network", "face")):
            if name in options and part not in changed.estimator.parts.kinds:
                raise SettingsError(f"{name} has no effect without {part}", setting=name)
        if not changed.tracking.follow:
            followed = {"tracker", "max_interval", "max_lost", "min_observations", "linking", "detect_every"}
            if useless := sorted(followed & set(options)):
                raise SettingsError(f"{useless[0]} has no effect without tracking", setting=useless[0])
            if "min_score" in options:
                counted = replace(changed.tracking, low_score=options["min_score"], high_certainty=0.0)
                changed = replace(changed, tracking=counted)
        return changed


def settings_for_call(
    settings: ExtractionSettings,
    options: dict[str, Any],
    estimator: Estimator | Callable[[], Estimator] | None,
    unused: Iterable[str] = (),
) -> ExtractionSettings:
    """Return settings with the options of a Python call, which must all have an effect.

    Args:
        settings: settings to start from.
        options: flat names and values.
        estimator: estimator of the call, if it brings one; options of the estimator would then be ignored.
        unused: settings that the call does not use, by flat names or groups.

    Raises:
        SettingsError: an option is unknown or has no effect, or the settings or the estimator are something else.
    """
    instance_argument(settings, ExtractionSettings, "settings")
    if estimator is not None and not callable(estimator) and not hasattr(estimator, "infer"):
        raise SettingsError(
            f"estimator is of type {type(estimator).__name__}: give an Estimator, or a function that makes one"
        )
    groups = {option.name: option.path[0] for option in settings.options()}
    for name in options:
        if estimator is not None and groups.get(name) == "estimator":
            raise SettingsError(
                f"{name} belongs to the estimator, which is given; make the estimator with it"
            )
        if {name, groups.get(name)} & set(unused):
            raise SettingsError(f"{name} has no effect here: it applies to whole sequences; use extract")
    return settings.with_options(**options)
