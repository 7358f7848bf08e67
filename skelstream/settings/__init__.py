"""Settings: the declaration of every value that a user can change, with its help, unit, bounds and default."""

from skelstream.settings.declaration import Option, Setting, Settings, group, setting
from skelstream.settings.estimation import DetectionSettings, EstimatorSettings
from skelstream.settings.grouping import GroupingSettings
from skelstream.settings.pipeline import PipelineSettings
from skelstream.settings.postprocessing import PostprocessingSettings
from skelstream.settings.refinement import RefinementSettings
from skelstream.settings.tracking import TrackerSettings
from skelstream.settings.video import VideoSettings

__all__ = [
    "DetectionSettings",
    "EstimatorSettings",
    "GroupingSettings",
    "Option",
    "PipelineSettings",
    "PostprocessingSettings",
    "RefinementSettings",
    "Setting",
    "Settings",
    "TrackerSettings",
    "VideoSettings",
    "group",
    "setting",
]
