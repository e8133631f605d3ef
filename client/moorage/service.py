"""A service and its processes, as an object with methods."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Self

from moorage import cards
from moorage.classes import RemoteClass, classes_of
from moorage.connection import Connection
from moorage.description import python_name, python_names, read_description, text
from moorage.errors import NotFoundError
from moorage.job import RemoteJob
from moorage.order import Wish
from moorage.process import RemoteProcess
from moorage.status import Status, read_status
from moorage.submission import find
from moorage.values import RESERVED_IDS

if TYPE_CHECKING:
    from moorage.transport import Auth


SHOWN = 20
"""Ids that a message names."""


def connect(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    auth: Auth = None,
    timeout: float = 30.0,
    verify: bool | str = True,
    progress: bool = True,
) -> Service:
    """Connect to a service of OGC API - Processes, and read what it offers.

    Parameters
    ----------
    url : its landing page.
    headers : sent with every request to it, such as ``{"Authorization": "Bearer ..."}``; never to another host.
    auth : user name and password, or whatever ``requests`` takes; without it what ``.netrc`` says.
    timeout : seconds without an answer after which a request fails; executions may take longer.
    verify : whether to check certificates, or a file of certificates to check with.
    progress : whether calls show their progress in a terminal or notebook.

    Raises
    ------
    UnreachableError
        if nothing answers there.
    ProblemError
        if the service refuses.
    ResultError
        if what answers is not an OGC API.
    """
    connection = Connection(url, timeout=timeout, headers=headers, auth=auth, verify=verify)
    return Service(connection, is_shown=progress)


class Group:
    """Processes whose ids begin alike, as the attributes of one object: ``hub.awi`` has ``hub.awi.trend``."""

    def __init__(self, service: Service, path: tuple[str, ...]) -> None:
        self._service = service
        self._path = path

    def __getattr__(self, name: str) -> Any:  # a process, or a group of them: only the service knows
        if name.startswith("__"):
            raise AttributeError(name)
        return self._service._attribute((*self._path, name))  # noqa: SLF001 - one thing in two classes

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._service._names(self._path)]  # noqa: SLF001

    def __repr__(self) -> str:
        return f"<processes {', '.join(self._service._names(self._path))}>"  # noqa: SLF001


class Service:
    """A service of OGC API - Processes; its processes are its attributes.

    ``hub.zonal_mean`` is the process ``zonal-mean``, ``hub.awi.trend`` is ``awi.trend``, and ``hub["any-id"]`` is any
    process. Iterating over it gives the ids.

    Parameters
    ----------
    connection : the wire.
    is_shown : whether calls show their progress.
    """

    def __init__(self, connection: Connection, *, is_shown: bool = True) -> None:
        self._connection = connection
        self._is_shown = is_shown
        self._described: dict[str, RemoteProcess] = {}
        listed = list(connection.processes())
        self._titles = {str(each["id"]): text(each.get("title")) for each in listed if "id" in each}
        self._classes = classes_of(listed)
        self._paths = {tuple(names): each for each, names in _paths(self._titles).items()}

    @property
    def url(self) -> str:
        """Where it was found."""
        return str(self._connection.url)

    @property
    def title(self) -> str:
        """What it is called."""
        return str(self._connection.title or self.url)

    @property
    def processes(self) -> dict[str, str]:
        """The title of each process by its id."""
        return dict(self._titles)

    def process(self, process_id: str) -> RemoteProcess:
        """One process by its id; the same as ``hub[process_id]``.

        Raises
        ------
        NotFoundError
            if there is no such process.
        """
        if process_id not in self._described:
            try:
                description = read_description(self._connection.process(process_id))
            except NotFoundError as error:
                message = f"{self.url} has no process {process_id!r}; {_hint(process_id, self._titles)}"
                raise NotFoundError(message, status=error.status, problem=error.problem) from None
            self._described[process_id] = RemoteProcess(self._connection, description, is_shown=self._is_shown)
        return self._described[process_id]

    def describe(self, process_id: str) -> dict[str, Any]:
        """What the service says of a process, as it stands; it raises what :meth:`process` raises."""
        return dict(self.process(process_id).description.document)

    def job(self, job_id: str) -> RemoteJob:
        """A job by its id, whoever began it.

        Raises
        ------
        NotFoundError
            if there is no such job.
        """
        try:
            return find(self._connection, self._connection.job_url(job_id), self._wish)
        except NotFoundError as error:
            message = f"{self.url} has no job {job_id!r}; it was never there, or was removed"
            raise NotFoundError(message, status=error.status, problem=error.problem) from None

    def jobs(self, *, process: str | None = None, status: str | None = None, limit: int = 20) -> list[RemoteJob]:
        """The latest jobs, as the service lists them.

        Parameters
        ----------
        process : only those of the process with this id.
        status : only those that are ``accepted``, ``running``, ``successful``, ``failed`` or ``dismissed``.
        limit : at most so many.
        """
        params = {"limit": limit, "processID": process, "status": status}
        given = {name: value for name, value in params.items() if value is not None}
        jobs: list[RemoteJob] = []
        for document in self._connection.items("jobs", given):
            told = read_status(document)
            # a service that does not know these filters gives all
            if process in (None, told.process) and status in (None, told.name) and "jobID" in document:
                jobs.append(self._job(told, str(document["jobID"])))
            if len(jobs) == limit:
                break
        return jobs

    def sites(self) -> list[dict[str, Any]]:
        """The institutes that dial in to the service: of each its ``id``, ``state``, ``seen`` and ``processes``.

        Raises
        ------
        NotFoundError
            if the service has none.
        """
        return list(self._connection.items("sites", {}))

    def _job(self, told: Status, job_id: str) -> RemoteJob:
        return RemoteJob(self._connection, lambda: self._wish(told), self._connection.job_url(job_id), told)

    def _wish(self, told: Status) -> Wish:
        """What may have been asked for in a job that was found."""
        return Wish(self.process(told.process).description, is_ours=False)

    def close(self) -> None:
        """Give the sockets back."""
        self._connection.close()

    # -- processes as attributes ----------------------------------------------------------------------------

    def _attribute(self, path: tuple[str, ...]) -> RemoteProcess | RemoteClass | Group:
        if path in self._paths:
            return self.process(self._paths[path])
        if path in self._classes:
            return RemoteClass(self, path[-1], self._classes[path])
        if self._names(path):
            return Group(self, path)
        name = ".".join(path)
        hint = _hint(name, [".".join(each) for each in (*self._paths, *self._classes)])
        raise AttributeError(f"{self.url} has no process {name!r}; {hint}")

    def _names(self, path: tuple[str, ...] = ()) -> list[str]:
        """The attributes below a path."""
        deep = len(path)
        known = (*self._paths, *self._classes)
        return sorted({each[deep] for each in known if len(each) > deep and each[:deep] == path})

    def __getattr__(self, name: str) -> Any:  # a process, or a group of them: only the service knows
        if name.startswith("_") and (name,) not in self.__dict__.get("_paths", ()):
            raise AttributeError(name)
        return self._attribute((name,))

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._names()]

    def __getitem__(self, process_id: str) -> RemoteProcess:
        return self.process(process_id)

    def __contains__(self, process_id: object) -> bool:
        return process_id in self._titles

    def __iter__(self) -> Iterator[str]:
        return iter(self._titles)

    def __len__(self) -> int:
        return len(self._titles)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        shown = ", ".join(self._titles)
        return f"<service {self.title!r} at {self.url}: {shown or 'no processes'}>"

    def _repr_html_(self) -> str:
        called = {self._called(path): self._titles[each] for path, each in self._paths.items()}
        return cards.service(self.title, self.url, called)

    def _called(self, path: tuple[str, ...]) -> str:
        """How a process is called from Python."""
        return f'["{self._paths[path]}"]' if path[0] in RESERVED_IDS else ".".join(path)


def _hint(name: str, known: Iterable[str]) -> str:
    """What may have been meant, or what there is."""
    known = list(known)
    near = get_close_matches(name, known, n=3)
    if near:
        return f"did you mean {' or '.join(near)}?"
    more = ", ..." if len(known) > SHOWN else ""
    return f"it has {', '.join(known[:SHOWN]) or 'none'}{more}"


def _paths(identifiers: Mapping[str, str]) -> dict[str, list[str]]:
    """The attribute names that lead to each process; a dot leads one step down."""
    parts = {each: [part for part in each.split(".") if part] or [each] for each in identifiers}
    whole = python_names(each for each, way in parts.items() if len(way) == 1)
    return {each: [whole[each]] if each in whole else list(map(python_name, way)) for each, way in parts.items()}
