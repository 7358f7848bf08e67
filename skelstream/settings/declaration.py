"""Declarations of settings: a field carries its help, unit, bounds and default, and everything else is derived from it.

Checks at construction, JSON, the keyword arguments of Python calls and the options of the command line all read the
same declaration.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass, replace
from functools import cache
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, Self, Union, dataclass_transform, get_args, get_origin, get_type_hints

from skelstream.errors import SettingsError

_KEY = "skelstream"


@dataclass(frozen=True)
class Setting:
    """Declaration of one setting.

    Attributes:
        help: one short sentence for help on the command line.
        more: further explanation for the documentation.
        unit: unit of a number, for example ``seconds``; empty for text and for pure numbers.
        low, high: least and greatest number, both allowed; None for no bound.
        above, below: bounds that are themselves not allowed; None for no bound.
        words: texts that are allowed; with a number, texts that may stand in its place.
        option: name on the command line, for example ``--size``, or ``--no-tracking`` for a flag that is on by default;
            None for settings that are reached from Python only.
        metavar: name of the value in help; None for the type's own name.
        title: heading of the option in help; empty for the heading of its group.
    """

    help: str
    more: str = ""
    unit: str = ""
    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    words: tuple[str, ...] = ()
    option: str | None = None
    metavar: str | None = None
    title: str = ""

    @property
    def expected(self) -> str:
        """The values that are allowed, for messages."""
        unit = f" {self.unit}" if self.unit else ""
        bounds = {"at least": self.low, "above": self.above, "at most": self.high, "below": self.below}
        given = [f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None]
        number = f"a number {' and '.join(given)}{unit}" if given else ""
        if self.low is not None and self.high is not None:
            number = f"{self.low:g} to {self.high:g}{unit}"
        *most, last = [*self.words, *([number] if number else [])] or [""]
        return f"{', '.join(most)} or {last}" if most else last

    @property
    def keyword(self) -> str:
        """The flat name, which is that of the option; empty without one."""
        return (self.option or "").removeprefix("--").removeprefix("no-").replace("-", "_")

    def allows(self, number: float) -> bool:
        """Return whether a number lies within the bounds."""
        return (
            math.isfinite(number)
            and (self.low is None or number >= self.low)
            and (self.high is None or number <= self.high)
            and (self.above is None or number > self.above)
            and (self.below is None or number < self.below)
        )


def setting(help: str, *, default: Any, **declared: Any) -> Any:
    """Return a dataclass field for a setting; the other keywords are the attributes of ``Setting``."""
    return field(default=default, metadata={_KEY: Setting(help, **declared)})


def group(*, default_factory: Callable[[], Any], title: str = "") -> Any:
    """Return a dataclass field for settings that belong together.

    Args:
        default_factory: class of the settings.
        title: heading above their options in help; empty for the heading of the group around them.
    """
    return field(default_factory=default_factory, metadata={_KEY: title})


@dataclass(frozen=True)
class Option:
    """A setting that can be given by one flat name, from Python and on the command line.

    Attributes:
        name: keyword argument, for example ``max_lost``.
        path: names of the fields from the root of the tree to the setting.
        setting: declaration.
        kind: type of the value.
        default: value where none is given.
        title: heading of the option in help.
    """

    name: str
    path: tuple[str, ...]
    setting: Setting
    kind: Any
    default: Any
    title: str


@dataclass_transform(frozen_default=True, field_specifiers=(setting, group, field))
class Settings:
    """Base class of settings: subclasses are frozen dataclasses whose fields come from `setting` and `group`.

    Raises:
        SettingsError: a value has another type than its field, or lies outside the declared bounds.
    """

    def __init_subclass__(cls) -> None:
        dataclass(frozen=True)(cls)

    def __post_init__(self) -> None:
        for one in fields(self):  # pyright: ignore[reportArgumentType]
            value, kind = getattr(self, one.name), _hints(type(self))[one.name]
            if isinstance(declared := one.metadata.get(_KEY), Setting):
                _check(value, kind, one.name, declared)
            elif not isinstance(value, kind):
                raise SettingsError(f"{one.name} is {value!r}: give {kind.__name__}")

    def with_options(self, **options: Any) -> Self:
        """Return the settings with some values replaced, each by its flat name, wherever in the tree it stands.

        Raises:
            SettingsError: no option has that name, or a value is not allowed.
        """
        known = {option.name: option for option in self.options()}
        changed = self
        for name, value in options.items():
            if name not in known:
                close = difflib.get_close_matches(name, known, 1)
                hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(sorted(known))}"
                raise SettingsError(f"unknown setting {name!r}; {hint}")
            path = known[name].path
            try:
                changed = _replaced(changed, path, _converted(known[name].kind, value))
            except SettingsError as error:
                text = str(error).replace(f"{path[-1]} is ", f"{name} is ", 1)
                raise SettingsError(text, setting=error.setting) from None
        return changed

    @classmethod
    def options(cls) -> list[Option]:
        """Return the settings of the tree that have a flat name, in the order of their declaration."""
        return list(_options(cls, (), ""))

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON values, one object a group."""
        return {one.name: _plain(getattr(self, one.name)) for one in fields(self)}  # pyright: ignore[reportArgumentType]

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the settings that `to_json` wrote.

        Raises:
            SettingsError: a name is unknown, or a value has the wrong type or is not allowed.
        """
        if not isinstance(values, Mapping):
            raise SettingsError(f"settings are {values!r}: give an object of named values")
        hints, known = _hints(cls), {one.name for one in _fields(cls)}
        if unknown := set(values) - known:
            raise SettingsError(f"unknown setting {sorted(unknown)[0]!r}; known: {', '.join(sorted(known))}")
        return cls(**{name: _read(hints[name], value) for name, value in values.items()})


def _fields(cls: Any) -> tuple[Field[Any], ...]:
    return fields(cls)


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _alternatives(kind: Any) -> tuple[Any, ...]:
    """Return the types that a field takes; one for a plain type."""
    return get_args(kind) if get_origin(kind) in (UnionType, Union) else (kind,)


def _options(cls: Any, path: tuple[str, ...], title: str) -> Iterator[Option]:
    for one in _fields(cls):
        declared, kind = one.metadata.get(_KEY), _hints(cls)[one.name]
        if isinstance(declared, str):
            yield from _options(kind, (*path, one.name), declared or title)
        elif isinstance(declared, Setting) and declared.option is not None:
            default = one.default if one.default is not MISSING else None
            yield Option(
                declared.keyword, (*path, one.name), declared, kind, default, declared.title or title
            )


def _check(value: Any, kind: Any, name: str, declared: Setting) -> None:
    kinds = _alternatives(kind)
    if value is None and NoneType in kinds:
        return
    if isinstance(value, str) and str in kinds:
        if not declared.words or value in declared.words:
            return
    elif isinstance(value, bool):
        if bool in kinds:
            return
    elif isinstance(value, Real) and (float in kinds or (int in kinds and isinstance(value, Integral))):
        if declared.allows(float(value)):
            return
    elif isinstance(value, tuple) and any(get_origin(k) is tuple for k in kinds):
        if value and all(isinstance(v, Real) and declared.allows(float(v)) for v in value):
            return
    elif any(isinstance(k, type) and isinstance(value, k) for k in kinds if k not in (bool, int, float, str)):
        return
    expected = declared.expected or "another type of value"
    raise SettingsError(f"{name} is {value!r}: give {expected}", setting=declared.keyword or name)


def _replaced(settings: Any, path: tuple[str, ...], value: Any) -> Any:
    name, *rest = path
    return replace(
        settings, **{name: _replaced(getattr(settings, name), tuple(rest), value) if rest else value}
    )


def _converted(kind: Any, value: Any) -> Any:
    """Return text in the type of its field: the text form of a region, a list of numbers, a number where words are allowed."""
    kinds = _alternatives(kind)
    if isinstance(value, list):
        return tuple(value)
    if not isinstance(value, str):
        return value
    if int in kinds and value.lstrip("-").isdecimal():
        return int(value)
    for one in kinds:
        if get_origin(one) is tuple:
            try:
                return tuple(float(part) for part in value.split(","))
            except ValueError:
                return value
        if hasattr(one, "parsed"):
            return one.parsed(value)
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Settings):
        return value.to_json()
    if isinstance(value, tuple):
        return list(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _read(kind: Any, value: Any) -> Any:
    for one in _alternatives(kind):
        if (
            isinstance(one, type)
            and is_dataclass(one)
            and issubclass(one, Settings)
            and isinstance(value, Mapping)
        ):
            return one.from_json(value)
    return _converted(kind, value)
