"""The service's part of the ``moorage`` command: serve, doctor, worker, join, publish, invite and demo."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from moorage_processes.commands.exit import exit_now
from moorage_processes.errors import OperatorError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from moorage_processes.commands.doctor.finding import Finding

PATIENCE = 60.0
"""Seconds the demonstration gives its service to come up."""


class Command(ABC):
    """A part of the command that says in a sentence why it cannot do what it is told."""

    def run(self, arguments: Namespace) -> int:
        """Do it; 1 where that cannot be, with the reason on standard error."""
        try:
            return self.work(arguments)
        except (OperatorError, OSError) as error:
            print(error, file=sys.stderr)
            return 1

    @abstractmethod
    def work(self, arguments: Namespace) -> int:
        """Do it; what the command ends with."""


class LongRunning(Command):
    """A command that runs until a signal ends it; then the process ends at once, and so do those that it forked."""

    def run(self, arguments: Namespace) -> int:
        """Do it, and end the process where that is the command's own."""
        return self._run_and_end(arguments) if arguments.owns_process else super().run(arguments)

    def _run_and_end(self, arguments: Namespace) -> NoReturn:
        try:
            status: str | int | None = super().run(arguments)
        except SystemExit as end:
            status = end.code
        exit_now(status)


class ServeCommand(LongRunning):
    """``moorage serve``: methods as an OGC API - Processes service."""

    help = "serve methods as an OGC API - Processes service"

    def configure(self, parser: ArgumentParser) -> None:
        """Declare what the command takes."""
        declare_service(parser)
        parser.add_argument("--no-jobs", action="store_true", help="leave jobs to workers, and run calls only")
        parser.add_argument("--reload", action="store_true", help="serve methods anew whenever their files are edited")

    def work(self, arguments: Namespace) -> int:
        """Serve until a signal says stop."""
        from moorage_processes.catalogue.reading import begin_reading  # noqa: PLC0415 - slow
        from moorage_processes.commands.head_start import HeadStart  # noqa: PLC0415 - the same
        from moorage_processes.commands.web.port import Port  # noqa: PLC0415 - the same
        from moorage_processes.configuration.configuration import read_configuration  # noqa: PLC0415 - the same
        from moorage_processes.configuration.engine import state_of  # noqa: PLC0415 - the same

        configuration = read_configuration(arguments.config, **stated(arguments))
        settings = configuration.settings
        if arguments.no_jobs:
            configuration = replace(configuration, settings=replace(settings, jobs=False))
        state = state_of(configuration)
        state.prepare()
        if arguments.reload:
            from moorage_processes.commands import reload  # noqa: PLC0415 - the same

            # before the port is held, which that process must not keep
            reload.begin(configuration)
        port = Port.claim(*configuration.bind, state.run)
        reading = begin_reading(settings.modules, **settings.reading)
        with reading as pending, HeadStart(configuration, pending) as head_start:
            # importing the server takes about as long as describing the methods, so it is done meanwhile
            from moorage_processes.commands.serve import serve_forever  # noqa: PLC0415 - the same

            serve_forever(configuration, head_start, port)
        return 0


class DoctorCommand:
    """``moorage doctor``: what stands in the way of a service."""

    help = "look at the configuration of a service and all that it needs, and say what is wrong"

    def configure(self, parser: ArgumentParser) -> None:
        """Declare what the command takes."""
        declare_service(parser)

    def run(self, arguments: Namespace) -> int:
        """Print a line for each thing that is looked at; 1 where one of them is wrong."""
        from moorage_processes.commands.doctor import machine  # noqa: PLC0415 - slow

        findings = [machine.versions()]
        print(*findings, flush=True)
        for finding in self._of_service(arguments):
            print(finding, flush=True)
            findings.append(finding)
        return int(any(finding.is_wrong for finding in findings))

    def _of_service(self, arguments: Namespace) -> Iterator[Finding]:
        from moorage_processes.commands.doctor import examination  # noqa: PLC0415 - the same
        from moorage_processes.commands.doctor.finding import Finding  # noqa: PLC0415 - the same
        from moorage_processes.configuration.configuration import ConfigurationError, read_configuration  # noqa: PLC0415 - slow

        try:
            configuration = read_configuration(arguments.config, **stated(arguments))
        except ConfigurationError as error:
            yield examination.of_error(error)
            return
        yield Finding("configuration", str(arguments.config or "the one that is shipped"))
        yield from examination.examine(configuration)


class WorkerCommand(LongRunning):
    """``moorage worker``: a machine that runs jobs and serves nobody."""

    help = "run jobs of a store that several machines share, without serving anybody"

    def configure(self, parser: ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("modules", nargs="*", metavar="MODULE", help="the same as where it is served")
        parser.add_argument("--config", type=Path, help="the same as where it is served")
        parser.add_argument("--state", type=Path, help="this machine's own directory, on a local disk")
        parser.add_argument("--check", action="store_true", help="only say whether this worker is at work")

    def work(self, arguments: Namespace) -> int:
        """Work until a signal says stop; 1 where a worker that is checked is not at work."""
        from moorage_processes.commands.worker import is_at_work, work_forever  # noqa: PLC0415 - the same
        from moorage_processes.configuration.configuration import read_configuration  # noqa: PLC0415 - slow

        configuration = read_configuration(arguments.config, modules=arguments.modules, state=arguments.state)
        if arguments.check:
            return 0 if is_at_work(configuration) else 1
        work_forever(configuration)
        return 0


class DemoCommand:
    """``moorage demo``: the whole line on real data, in under a minute."""

    help = "start a service, call four of its methods from another process, save two maps"

    def configure(self, parser: ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("--directory", type=Path, default=Path("moorage-demo"), help="default: moorage-demo")

    def run(self, arguments: Namespace) -> int:
        """Serve in one process, call from another, stop the service again."""
        port = free_port()
        url = f"http://localhost:{port}"
        with tempfile.TemporaryDirectory(prefix="moorage-demo-") as state:
            command = [sys.executable, "-m", "moorage.cli", "serve", "--port", str(port), "--state", state]
            with subprocess.Popen(command) as service:  # noqa: S603 - our own command
                try:
                    wait_for(url, service)
                    caller = [sys.executable, "-m", "moorage_processes.commands.demo", url, str(arguments.directory)]
                    return subprocess.run(caller, check=False).returncode  # noqa: S603 - our own module
                finally:
                    service.terminate()


class JoinCommand(LongRunning):
    """``moorage join``: a machine of a site, which dials out to a hub and runs its jobs here."""

    help = "offer methods through the hub of another institute, by dialling out only"

    def configure(self, parser: ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("hub", help="where the hub's relay listens: tls://HOST:4222, wss://HOST/..., nats://HOST")
        parser.add_argument("modules", nargs="*", metavar="MODULE", help="flood.py, or package.module")
        parser.add_argument("--site", required=True, help="name of the site; each of its machines uses the same")
        parser.add_argument(
            "--credentials", type=Path, help="private key (default: ~/.config/moorage/SITE.seed, if any)"
        )
        parser.add_argument("--ca", type=Path, help="certificates to check the hub's with, if the system's do not do")
        parser.add_argument("--config", type=Path, help="YAML with the sections datasets: and moorage:")
        parser.add_argument("--state", type=Path, help="where jobs, results and logs are kept")
        parser.add_argument(
            "--builtin", action="store_true", help="offer the methods that come with Moorage, too, to run on data here"
        )
        parser.add_argument("--url", help="where `moorage publish` gives out the results, which then stay here")

    def work(self, arguments: Namespace) -> int:
        """Serve the hub until a signal says stop."""
        from moorage_processes.commands.join import join_forever  # noqa: PLC0415 - the same
        from moorage_processes.configuration.configuration import read_configuration  # noqa: PLC0415 - slow
        from moorage_processes.jobs.relay.address import Relay, found_credentials  # noqa: PLC0415 - the same
        from moorage_processes.jobs.relay.protocol import check_name  # noqa: PLC0415 - the same

        check_name(arguments.site)
        paths = [None if path is None else str(path.absolute()) for path in (arguments.credentials, arguments.ca)]
        relay = Relay(arguments.hub, paths[0] or found_credentials(arguments.site), paths[1])
        configuration = read_configuration(arguments.config, modules=arguments.modules, state=arguments.state)
        join_forever(relay, arguments.site, configuration, arguments.url, builtin=arguments.builtin)
        return 0


class PublishCommand(LongRunning):
    """``moorage publish``: a site's results at its own address."""

    help = "give out the results that stay at this machine of a site, and nothing else"

    def configure(self, parser: ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("--site", required=True, help="name of the site, as for `moorage join`")
        parser.add_argument("--config", type=Path, help="the same as for `moorage join`")
        parser.add_argument("--state", type=Path, help="the same as for `moorage join`")
        parser.add_argument("--host", help="where to listen (default: localhost)")
        parser.add_argument("--port", type=int, help="where to listen (default: 5000)")

    def work(self, arguments: Namespace) -> int:
        """Give them out until a signal says stop."""
        from moorage_processes.commands.publish import publish_forever  # noqa: PLC0415 - the same
        from moorage_processes.configuration.configuration import read_configuration  # noqa: PLC0415 - slow

        places = {name: getattr(arguments, name) for name in ("host", "port", "state")}
        publish_forever(arguments.site, read_configuration(arguments.config, **places))
        return 0


class InviteCommand(Command):
    """``moorage invite``: credentials for a site, and what the relay must know of it."""

    help = "make credentials for a site, or for the hub itself"

    def configure(self, parser: ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("site", help="name of the site, or `hub` for the hub itself")
        parser.add_argument(
            "--users", type=Path, default=Path("users.conf"), help="the relay's list of those it lets in"
        )
        parser.add_argument(
            "--credentials", type=Path, help="the private key to make (default: ~/.config/moorage/SITE.seed)"
        )

    def work(self, arguments: Namespace) -> int:
        """Make them."""
        from moorage_processes.jobs.relay.address import default_credentials  # noqa: PLC0415 - slow
        from moorage_processes.jobs.relay.credentials import invite  # noqa: PLC0415 - the same
        from moorage_processes.jobs.relay.protocol import HUB  # noqa: PLC0415 - the same

        name, users = arguments.site, arguments.users
        credentials = arguments.credentials or default_credentials(name)
        invite(name, credentials, users)
        keep = "Keep it on this machine" if name == HUB else f"Send it to {name} and to nobody else"
        print(f"Wrote the private key {credentials}. {keep}; it does not belong in a repository.")
        print(f"Entered {name} in {users}. Let the relay read it again: nats-server --signal reload")
        return 0


serve = ServeCommand()
doctor = DoctorCommand()
worker = WorkerCommand()
demo = DemoCommand()
join = JoinCommand()
publish = PublishCommand()
invite = InviteCommand()


def declare_service(parser: ArgumentParser) -> None:
    """Declare what makes a service."""
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="flood.py, or package.module")
    parser.add_argument("--config", type=Path, help="pygeoapi YAML with the sections datasets: and moorage:")
    parser.add_argument("--host", help="where to listen (default: localhost)")
    parser.add_argument("--port", type=int, help="where to listen (default: 5000)")
    parser.add_argument("--state", type=Path, help="where jobs, results and logs are kept")


def stated(arguments: Namespace) -> dict[str, Any]:
    """What the command line lays over the configuration."""
    return {name: getattr(arguments, name) for name in ("modules", "host", "port", "state")}


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, service: subprocess.Popen[bytes], patience: float = PATIENCE) -> None:
    """Wait until the service at *url* answers; an error if it ends, or takes longer than *patience* [s]."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if service.poll() is not None:
            raise RuntimeError(f"the service ended with code {service.returncode}; its reason stands above")
        try:
            with urllib.request.urlopen(f"{url}/conformance", timeout=5):  # noqa: S310 - our own http URL
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise TimeoutError(f"{url} did not answer within {patience:.0f} s")
