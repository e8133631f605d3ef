"""A class of a service, as a class of Python: ``hub.glacier(area=2).melt(3)``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from inspect import Signature
from typing import TYPE_CHECKING, Any, Protocol

from moorage.description import python_name
from moorage.signature import arguments_of, signature_of
from moorage.values import CLASS, CONSTRUCTOR, METHOD

if TYPE_CHECKING:
    from moorage.description import Description
    from moorage.process import RemoteProcess


class ClassHost(Protocol):
    """What a class needs of its service."""

    @property
    def url(self) -> str:
        """Where it was found."""
        ...

    @property
    def processes(self) -> dict[str, str]:
        """The title of each process by its id."""
        ...

    def process(self, process_id: str) -> RemoteProcess:
        """One process by its id."""
        ...


@dataclass(frozen=True)
class Method:
    """One method of a class at a service."""

    process: str
    """Id of its process."""
    constructor: tuple[str, ...]
    """Ids of the inputs that make the object; none where no object is needed."""


def classes_of(processes: Iterable[Mapping[str, Any]]) -> dict[tuple[str, ...], dict[str, Method]]:
    """The classes that summaries of processes tell of: their methods by name, by the attributes that lead there."""
    found: dict[tuple[str, ...], dict[str, Method]] = {}
    for document in processes:
        told = [(each.get("role"), str(each.get("title"))) for each in document.get("metadata") or ()]
        roles = dict(told)
        if "id" in document and CLASS in roles and METHOD in roles:
            identifier = str(document["id"])
            path = tuple(map(python_name, [*identifier.split(".")[:-1], roles[CLASS]]))
            constructor = tuple(title for role, title in told if role == CONSTRUCTOR)
            found.setdefault(path, {})[python_name(roles[METHOD])] = Method(identifier, constructor)
    return found


class RemoteClass:
    """A class of a service: call it for an object, whose methods are processes.

    Nothing is sent for that: an object is what its constructor takes, which goes along with each call of a method.

    Parameters
    ----------
    service : where it is.
    name : what it is called there.
    methods : by name.
    """

    def __init__(self, service: ClassHost, name: str, methods: Mapping[str, Method]) -> None:
        self._service = service
        self._methods = methods
        self.__name__ = self.__qualname__ = name
        titles = service.processes
        told = "".join(f"\n    {each} : {titles[method.process]}" for each, method in methods.items())
        self.__doc__ = f"The class {name!r} at {service.url}, with the methods\n{told}\n"

    @cached_property
    def __signature__(self) -> Signature:
        # each that needs an object says the same of how it is made
        method = max(self._methods.values(), key=lambda each: len(each.constructor))
        made, _ = _parted(self._service.process(method.process).description, method.constructor)
        return signature_of(made).replace(return_annotation=Signature.empty)

    def __call__(self, *arguments: Any, **inputs: Any) -> RemoteObject:
        """An object.

        Raises
        ------
        TypeError
            for arguments that its constructor does not take.
        """
        return RemoteObject(self, arguments_of(self.__name__, self.__signature__, arguments, inputs))

    def _process(self, name: str) -> RemoteProcess:
        if name not in self._methods:
            known = ", ".join(self._methods)
            raise AttributeError(f"{self.__name__} has no method {name!r}; it has {known}", name=name)
        return self._service.process(self._methods[name].process)

    def _bound(self, name: str, made: Mapping[str, Any]) -> RemoteProcess:
        """A method of an object."""
        process = self._process(name)
        if not self._methods[name].constructor:
            return process
        _, rest = _parted(process.description, self._methods[name].constructor)
        return process.bind(made, rest)

    def __getattr__(self, name: str) -> RemoteProcess:
        """A method as the process that it is, which takes what the constructor takes too."""
        if name.startswith("__"):
            raise AttributeError(name)
        return self._process(name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._methods]

    def __repr__(self) -> str:
        return f"<class {self.__name__} at {self._service.url}: {', '.join(self._methods)}>"


class RemoteObject:
    """An object of a class at a service; its methods are called as those of any object.

    Parameters
    ----------
    cls : its class.
    made : what the constructor was given, by Python name.
    """

    def __init__(self, cls: RemoteClass, made: Mapping[str, Any]) -> None:
        self._cls = cls
        self._made = made

    def __getattr__(self, name: str) -> RemoteProcess:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._cls._bound(name, self._made)  # noqa: SLF001 - one thing in two classes

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._cls._methods]  # noqa: SLF001

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self._made.items())
        return f"<{self._cls.__name__}({given})>"


def _parted(description: Description, constructor: Iterable[str]) -> tuple[Description, Description]:
    """A description with the inputs of the constructor alone, and with the others alone."""
    made = {name: each for name, each in description.inputs.items() if each.id in constructor}
    rest = {name: each for name, each in description.inputs.items() if name not in made}
    return replace(description, inputs=made), replace(description, inputs=rest)
