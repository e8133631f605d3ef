"""The service's part of the ``mooring`` command: serve, doctor and demo."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from mooring_processes.doctor.finding import Finding

PATIENCE = 60.0
"""Seconds the demonstration gives its service to come up."""


class Serve:
    """``mooring serve``: methods as an OGC API - Processes service."""

    help = "serve methods as an OGC API - Processes service"

    def configure(self, parser: ArgumentParser) -> None:
        """Declare what the command takes."""
        declare_service(parser)

    def run(self, arguments: Namespace) -> int:
        """Serve until a signal says stop; 1 where the service cannot be made."""
        from mooring_processes.configuration import ConfigurationError, read_configuration  # noqa: PLC0415 - slow
        from mooring_processes.errors import ServingError  # noqa: PLC0415
        from mooring_processes.server import serve_forever  # noqa: PLC0415

        try:
            serve_forever(read_configuration(arguments.config, **stated(arguments)))
        except (ConfigurationError, ServingError, OSError) as error:
            print(error, file=sys.stderr)
            return 1
        return 0


class Doctor:
    """``mooring doctor``: what stands in the way of a service."""

    help = "look at the configuration of a service and all that it needs, and say what is wrong"

    def configure(self, parser: ArgumentParser) -> None:
        """Declare what the command takes."""
        declare_service(parser)

    def run(self, arguments: Namespace) -> int:
        """Print a line for each thing that is looked at; 1 where one of them is wrong."""
        from mooring_processes.doctor import machine  # noqa: PLC0415 - slow

        findings = [machine.versions()]
        print(*findings, flush=True)
        for finding in self._of_service(arguments):
            print(finding, flush=True)
            findings.append(finding)
        return int(any(finding.is_wrong for finding in findings))

    def _of_service(self, arguments: Namespace) -> Iterator[Finding]:
        from mooring_processes.configuration import ConfigurationError, read_configuration  # noqa: PLC0415 - slow
        from mooring_processes.doctor import examination  # noqa: PLC0415 - the same
        from mooring_processes.doctor.finding import Finding  # noqa: PLC0415 - the same

        try:
            configuration = read_configuration(arguments.config, **stated(arguments))
        except ConfigurationError as error:
            yield examination.of_error(error)
            return
        yield Finding("configuration", str(arguments.config or "the one that is shipped"))
        yield from examination.examine(configuration)


class Demo:
    """``mooring demo``: the whole line on real data, in under a minute."""

    help = "start a service, call two of its methods from another process, save a map"

    def configure(self, parser: ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("--directory", type=Path, default=Path("mooring-demo"), help="default: mooring-demo")

    def run(self, arguments: Namespace) -> int:
        """Serve in one process, call from another, stop the service again."""
        port = free_port()
        url = f"http://localhost:{port}"
        with tempfile.TemporaryDirectory(prefix="mooring-demo-") as state:
            command = [sys.executable, "-m", "mooring.cli", "serve", "--port", str(port), "--state", state]
            with subprocess.Popen(command) as service:  # noqa: S603 - our own command
                try:
                    wait_for(url, service)
                    caller = [sys.executable, "-m", "mooring_processes.demo", url, str(arguments.directory)]
                    return subprocess.run(caller, check=False).returncode  # noqa: S603 - our own module
                finally:
                    service.terminate()


serve = Serve()
doctor = Doctor()
demo = Demo()


def declare_service(parser: ArgumentParser) -> None:
    """Declare what makes a service."""
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="flood.py, or package.module")
    parser.add_argument("--config", type=Path, help="pygeoapi YAML with the sections datasets: and mooring:")
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


def wait_for(url: str, service: subprocess.Popen[bytes]) -> None:
    """Wait until the service at *url* answers; an error if it ends, or takes longer than a minute."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if service.poll() is not None:
            raise RuntimeError(f"the service ended with code {service.returncode}; its reason stands above")
        try:
            with urllib.request.urlopen(f"{url}/conformance", timeout=5):  # noqa: S310 - our own http URL
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise TimeoutError(f"{url} did not answer within {PATIENCE:.0f} s")
