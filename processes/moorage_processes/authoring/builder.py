"""From a decorated function or class to its processes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, is_dataclass, replace
from types import FunctionType, MappingProxyType
from typing import TYPE_CHECKING, Any

from moorage_processes.authoring.annotation import UnservableError
from moorage_processes.authoring.decorator import MARK, Options, is_marked
from moorage_processes.authoring.docstring import Explanation, read_docstring
from moorage_processes.authoring.invocation import FunctionCall, MethodCall
from moorage_processes.authoring.process import ClassMethod, ImportPath, Process
from moorage_processes.authoring.signature import humanised, inputs_of, outputs_of
from moorage_processes.authoring.source_location import SourceLocation, source_location_of
from moorage_processes.authoring.statelessness import check_fitness
from moorage_processes.authoring.version import version_of
from moorage_processes.errors import ServingError

if TYPE_CHECKING:
    from moorage_processes.authoring.parameters import Input

Run = Callable[[Mapping[str, Any]], Any]
"""Runs a method with its inputs by name."""


ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def processes_of(target: Any, address: ImportPath | None = None) -> tuple[Process, ...]:
    """The process of a decorated function, or those of a decorated class.

    Parameters
    ----------
    target : the function or class.
    address : where another process finds it, if not by its module and name.

    Raises
    ------
    ServingError
        with all that stands against serving it.
    """
    place = source_location_of(target)
    if not is_marked(target):
        place.refuse(UnservableError("it is not decorated", "write @process above it"))
        raise ServingError(tuple(place.refusals))
    address = address or ImportPath(None, None, target.__module__, target.__qualname__)
    if isinstance(target, type):
        return _of_class(target, address, place)
    draft = Draft.of(target, vars(target)[MARK], hyphened(target.__name__), address)
    return (draft.finished(draft.inputs(), FunctionCall(target)),)


def _of_class(cls: type, address: ImportPath, place: SourceLocation) -> tuple[Process, ...]:
    """One process for each public method."""
    constructor = _constructor_inputs(cls, place)
    processes, refusals = [], place.refusals
    for name, member in _public_methods(cls):
        try:
            processes.append(_of_method(cls, name, member, address, constructor))
        except ServingError as error:
            refusals.extend(error.refusals)
    if not processes and not refusals:
        place.refuse(UnservableError("it has no public methods", "write one whose name begins with a letter"))
    if refusals:
        raise ServingError(tuple(refusals))
    return tuple(processes)


def _of_method(cls: type, name: str, member: Any, address: ImportPath, constructor: tuple[Input, ...]) -> Process:
    """The process of one method, with the arguments of the constructor among its inputs where it has an instance."""
    options: Options = vars(cls)[MARK]
    class_id = options.id or hyphened(cls.__name__)
    usual_id = f"{class_id}-{hyphened(name)}"
    static = isinstance(member, staticmethod)
    method = member.__func__ if static else member
    options = vars(method).get(MARK, replace(options, id=None, title=None))
    draft = Draft.of(method, options, usual_id, replace(address, name=f"{address.name}.{name}"))
    if static:
        return draft.finished(draft.inputs(), FunctionCall(method), ClassMethod(class_id, name, ()))
    inputs = draft.inputs(method=True)
    made = frozenset(each.id for each in constructor)
    for each in inputs:
        if each.id in made:
            reason = f"the constructor and the method both take {each.id!r}"
            draft.place.refuse(UnservableError(reason, "give one of them another name"))
    belongs = ClassMethod(class_id, name, tuple(each.id for each in constructor))
    return draft.finished((*constructor, *inputs), MethodCall(cls, name, made), belongs)


def _constructor_inputs(cls: type, place: SourceLocation) -> tuple[Input, ...]:
    """What the constructor of a class takes, as its own docstring or that of the class tells."""
    constructor = vars(cls).get("__init__")
    said = read_docstring(cls)
    if constructor is not None and not is_dataclass(cls):
        check_fitness(constructor, place)
        said = replace(said, parameters={**said.parameters, **read_docstring(constructor).parameters})
    return tuple(inputs_of(cls, said, place))


def _public_methods(cls: type) -> Iterator[tuple[str, Any]]:
    """Names and functions of the methods of a class and of those it inherits from in its module."""
    family = [each for each in reversed(cls.__mro__) if each.__module__ == cls.__module__]
    for name in dict.fromkeys(name for each in family for name in vars(each)):
        member = inspect.getattr_static(cls, name)
        if not name.startswith("_") and isinstance(member, FunctionType | staticmethod):
            yield name, member


def hyphened(name: str) -> str:
    """The name of a function or class as a process id: ``SeaLevel`` is sea-level, ``flood_days`` is flood-days."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name)
    return apart.replace("_", "-").lower()


@dataclass(frozen=True)
class Draft:
    """A process in the making."""

    function: Callable[..., Any]
    options: Options
    usual_id: str
    address: ImportPath
    said: Explanation
    place: SourceLocation

    @classmethod
    def of(cls, function: Callable[..., Any], options: Options, usual_id: str, address: ImportPath) -> Draft:
        """Begin with the code and the docstring of a function."""
        place = source_location_of(function)
        check_fitness(function, place)
        return cls(function, options, usual_id, address, read_docstring(function), place)

    def inputs(self, *, method: bool = False) -> tuple[Input, ...]:
        """What the function takes, without the instance where it is a method."""
        return tuple(inputs_of(self.function, self.said, self.place, method=method))

    def finished(self, inputs: tuple[Input, ...], run: Run, of_class: ClassMethod | None = None) -> Process:
        """The process, where nothing stands against serving it.

        Parameters
        ----------
        inputs : all that it takes.
        run : what runs it.
        of_class : the class that it belongs to, where it is a method.
        """
        record, outputs = outputs_of(self.function, self.said, self.place)
        given = self.options.id or self.usual_id
        if not ID.fullmatch(given):
            reason = f"{given!r} cannot be an id"
            self.place.refuse(UnservableError(reason, 'write @process(id="...") with letters, digits and hyphens'))
        known = {each.id for each in inputs}
        for name in self.options.example:
            if name not in known:
                reason = f"its example gives {name!r}, which is not an input"
                self.place.refuse(UnservableError(reason, f"it takes {', '.join(sorted(known)) or 'none'}"))
        if self.place.refusals:
            raise ServingError(tuple(sorted(self.place.refusals, key=lambda refusal: refusal.line)))
        return Process(
            id=given,
            title=self.options.title or self.said.title or humanised(given),
            description=self.said.description,
            version=self.options.version or version_of(self.address.module),
            keywords=self.options.keywords,
            inputs=MappingProxyType({each.id: each for each in inputs}),
            outputs=MappingProxyType({each.id: each for each in outputs}),
            limits=self.options.limits,
            address=self.address,
            function=run,
            record=record,
            example=self.options.example,
            of_class=of_class,
        )
