"""The one exception family: every message is a single line that names the file and what to do about it."""


class SkelstreamError(Exception):
    """Anything a user can put right. The command line prints the message and exits with status 1.

    Attributes:
        setting: the keyword argument that would help, or None; the command line names its option.
    """

    def __init__(self, message: str, *, setting: str | None = None) -> None:
        super().__init__(message)
        self.setting = setting


class Stopped(KeyboardInterrupt):
    """Something other than the user asks the process to end: SIGTERM, or a terminal that has gone.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class SettingsError(SkelstreamError, ValueError):
    """A setting that no part of skelstream can work with, whatever the input."""


class SourceError(SkelstreamError):
    """A video, image, camera, URL or folder that cannot be opened or read."""


class FormatError(SkelstreamError):
    """A file of skeletons, annotations or settings that is damaged, foreign or inconsistent."""


class ModelError(SkelstreamError):
    """Weights or a runtime that cannot be loaded or do not fit the network."""


class OutputError(SkelstreamError):
    """A file that cannot be written, or that would be overwritten unasked."""


class MissingExtraError(SkelstreamError):
    """An optional dependency that is not installed; the message gives the pip command."""
