"""The ``moorage`` command: processes, call, jobs and sites, and whatever installed packages add to it."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterable
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from moorage.description import FILES
from moorage.errors import MoorageError, NotFoundError
from moorage.formats import Kind
from moorage.values import BBox

if TYPE_CHECKING:
    from moorage.description import Described
    from moorage.job import RemoteJob
    from moorage.process import RemoteProcess

GROUP = "moorage.commands"
SERVER_COMMANDS = frozenset({"serve", "worker", "join", "invite", "demo", "doctor"})
STATUSES = ("accepted", "running", "successful", "failed", "dismissed")
FAILED, MISUSED, INTERRUPTED = 1, 2, 130
"""Exit codes: the call failed, the words of the command do not fit, Ctrl-C ended it."""


class Command(Protocol):
    """One subcommand; other packages add theirs as entry points of the group ``moorage.commands``."""

    help: str
    """What it does, in a few words."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare what it takes."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it; the exit code."""
        ...


class Processes:
    """``moorage processes URL``: what a service offers."""

    help = "list the processes of a service, or describe one"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("url", help="landing page of the service")
        parser.add_argument("process", nargs="?", help="id of a process to describe")

    def run(self, arguments: argparse.Namespace) -> int:
        """List them."""
        from moorage.service import connect  # noqa: PLC0415 - slow

        with connect(arguments.url) as service:
            if arguments.process:
                process = service[arguments.process]
                print(f"{process.__name__}{process.__signature__}\n\n{process.__doc__}")
                return 0
            width = max(map(len, service), default=0)
            for name, title in service.processes.items():
                print(f"{name:{width}}  {title}".rstrip())
        return 0


class Call:
    """``moorage call URL PROCESS name=value ...``: one execution, its results printed or saved."""

    help = "call a process of a service"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("url", help="landing page of the service")
        parser.add_argument("process", help="id of the process")
        parser.add_argument(
            "inputs", nargs="*", metavar="name=value", help="text, JSON, west,south,east,north, a URL, or @FILE"
        )
        parser.add_argument(
            "--output", action="append", default=[], metavar="ID[=FORMAT]", help="only this output, in this format"
        )
        parser.add_argument("--directory", type=Path, default=Path(), help="where files are saved (default: here)")

    def run(self, arguments: argparse.Namespace) -> int:
        """Call it, wait, print what is text and save what is not."""
        from moorage.service import connect  # noqa: PLC0415 - slow

        with connect(arguments.url) as service:
            process = service[arguments.process]
            try:
                job = _selected(process, arguments.output).submit(**read_inputs(process, arguments.inputs))
            except (ValueError, TypeError, OSError) as error:
                if isinstance(error, MoorageError):
                    raise
                print(f"moorage call: {error}", file=sys.stderr)
                return MISUSED
            try:
                job.follow()
            except KeyboardInterrupt:
                job.cancel()
                raise
            with tempfile.TemporaryDirectory() as folder:
                paths = job.download(folder)
                for name, path in paths.items():
                    _deliver(path, arguments.directory, f"{name}: " if len(paths) > 1 else "")
        return 0


def _selected(process: RemoteProcess, wanted: Iterable[str]) -> RemoteProcess:
    """The process, of which only the outputs named ``ID`` or ``ID=FORMAT`` are wanted."""
    pairs = [each.partition("=") for each in wanted]
    outputs = [name for name, mark, _ in pairs if not mark]
    return process.select(*outputs, **{name: form for name, mark, form in pairs if mark}) if pairs else process


def read_inputs(process: RemoteProcess, words: Iterable[str]) -> dict[str, Any]:
    """The inputs on a command line as values.

    Raises
    ------
    ValueError
        for a word that is no ``name=value``, or a name that the process does not take.
    """
    known = process.description.inputs
    inputs: dict[str, Any] = {}
    for word in words:
        key, mark, text = word.partition("=")
        name = next((each for each, described in known.items() if key in (each, described.id)), None)
        if not mark or name is None:
            takes = ", ".join(f"{each}=..." for each in known)
            raise ValueError(f"{word!r} is not an input; {process.id} takes {takes}")
        inputs[name] = read_value(known[name], text)
    return inputs


def read_value(described: Described, text: str) -> Any:
    """One input on a command line as a value."""
    if text.startswith("@"):
        return Path(text[1:])
    if described.kind is Kind.BBOX and not text.startswith("{"):
        return BBox.from_json({"bbox": [float(number) for number in text.split(",")]})
    if described.kind in FILES or described.schema.get("type") == "string":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _deliver(path: Path, directory: Path, head: str) -> None:
    """Print an output that is text, save one that is data and print where."""
    if path.suffix in (".json", ".txt"):
        print(head + path.read_text(encoding="utf-8").rstrip())
        return
    directory.mkdir(parents=True, exist_ok=True)
    print(head + str(shutil.move(path, directory / path.name)))


class Jobs:
    """``moorage jobs URL``: what a service is asked to do, how it goes, and the end of it."""

    help = "list the jobs of a service; show, cancel or read the log of one"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("url", help="landing page of the service")
        parser.add_argument("action", nargs="?", choices=("show", "cancel", "log"), help="without it they are listed")
        parser.add_argument("job", nargs="*", help="ids of the jobs to show or cancel, or whose logs to read")
        parser.add_argument("--process", help="only those of the process with this id")
        parser.add_argument("--status", choices=STATUSES, help="only those that are so now")
        parser.add_argument("--limit", type=int, default=20, help="at most so many, newest first (default: 20)")

    def run(self, arguments: argparse.Namespace) -> int:
        """List them, or do what is asked with each that is named; 1 where one could not be cancelled."""
        from moorage.listing import listed  # noqa: PLC0415 - slow
        from moorage.service import connect  # noqa: PLC0415 - slow

        if arguments.action and not arguments.job:
            print(f"moorage jobs {arguments.action}: which job? name its id", file=sys.stderr)
            return MISUSED
        with connect(arguments.url) as service:
            if not arguments.action:
                found = service.jobs(process=arguments.process, status=arguments.status, limit=arguments.limit)
                print(*(listed(found) if found else ["no jobs"]), sep="\n")
                return 0
            jobs = [service.job(each) for each in arguments.job]
            act = {"show": self._show, "cancel": self._cancel, "log": self._log}[arguments.action]
            return max(map(act, jobs))

    def _show(self, job: RemoteJob) -> int:
        from moorage.listing import told  # noqa: PLC0415 - slow

        print(*told(job), sep="\n")
        return 0

    def _cancel(self, job: RemoteJob) -> int:
        is_cancelled = job.cancel()
        print(f"{job.id} is {job.heard.name}" + ("" if is_cancelled else " already, and stays as it is"))
        return 0 if is_cancelled else FAILED

    def _log(self, job: RemoteJob) -> int:
        sys.stdout.write(job.log())
        return 0


class Sites:
    """``moorage sites URL``: the institutes that dial in to a service."""

    help = "list the institutes that dial in to a service"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("url", help="landing page of the service")

    def run(self, arguments: argparse.Namespace) -> int:
        """List them."""
        from moorage.service import connect  # noqa: PLC0415 - slow

        with connect(arguments.url) as service:
            try:
                sites = service.sites()
            except NotFoundError:
                print(f"moorage sites: no site can dial in to {arguments.url}", file=sys.stderr)
                return FAILED
            width = max((len(str(each["id"])) for each in sites), default=0)
            for each in sites:
                offers = f"{len(each['processes'])} processes"
                print(f"{each['id']:{width}}  {each['state']:7}  heard of {each['seen']}  {offers}")
        return 0


class Missing:
    """A command of a package that is here in part only.

    Parameters
    ----------
    name : what it is called.
    lacks : the module that is not installed.
    """

    def __init__(self, name: str, lacks: str | None) -> None:
        extra = "postgres" if lacks == "psycopg" else "server" if name in SERVER_COMMANDS else "data"
        self.help = f'needs {lacks}, which is not installed: pip install "moorage[{extra}]"'

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Take whatever is given."""
        parser.add_argument("words", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)

    def run(self, arguments: argparse.Namespace) -> int:
        """Say what is missing."""
        print(f"moorage {arguments.command} {self.help}", file=sys.stderr)
        return FAILED


def commands() -> dict[str, Command]:
    """All commands by name: those of the client, and those of installed packages."""
    found: dict[str, Command] = {"processes": Processes(), "call": Call(), "jobs": Jobs(), "sites": Sites()}
    for each in entry_points(group=GROUP):
        try:
            found[each.name] = each.load()
        except ModuleNotFoundError as error:
            found[each.name] = Missing(each.name, error.name)
    return found


def main(words: list[str] | None = None) -> int:
    """Run the command line; the exit code.

    Parameters
    ----------
    words : the command line; None for that of this process, which is then the command's to end.
    """
    parser = argparse.ArgumentParser("moorage", description="Analysis methods, called where their data are.")
    parser.add_argument("--version", action="version", version=f"moorage {version('moorage')}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    found = commands()
    for name, command in found.items():
        command.configure(subparsers.add_parser(name, help=command.help, description=command.help))
    arguments, rest = parser.parse_known_args(words)
    if rest and (any(word.startswith("-") for word in rest) or not hasattr(arguments, "modules")):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    arguments.owns_process = words is None
    # argparse takes positional words in one place only, and modules may stand behind the options too
    if rest:
        arguments.modules = [*arguments.modules, *rest]
    try:
        return found[arguments.command].run(arguments)
    except ModuleNotFoundError as error:
        return Missing(arguments.command, error.name).run(arguments)
    except MoorageError as error:
        print(f"moorage {arguments.command}: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
