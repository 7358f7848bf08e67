"""Exceptions of skelstream: each message is one line that names the file and what to do."""


class SkelstreamError(Exception):
    """Base class of all errors that the user can fix. The command line prints the message and exits with status 1.

    Attributes:
        setting: name of the keyword argument that would help, or None; the command line names its option.
    """

    def __init__(self, message: str, *, setting: str | None = None) -> None:
        super().__init__(message)
        self.setting = setting


class Stopped(KeyboardInterrupt):
    """Request to end the process that does not come from Ctrl-C: SIGTERM, or a closed terminal.

    Attributes:
        number: number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class SettingsError(SkelstreamError, ValueError):
    """Setting that is invalid whatever the input."""


class SourceError(SkelstreamError):
    """Video, image, camera, URL or folder that cannot be opened or read."""


class FormatError(SkelstreamError):
    """File of skeletons, annotations or settings that is damaged, of another format or inconsistent."""


class ModelError(SkelstreamError):
    """Weights or runtime that cannot be loaded or do not fit the network."""


class OutputError(SkelstreamError):
    """File that cannot be written, or that exists while overwriting was not requested."""


class MissingExtraError(SkelstreamError):
    """Optional dependency that is not installed; the message gives the pip command."""
