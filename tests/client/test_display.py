"""Progress is shown where somebody looks, leaves no trace, and Ctrl-C dismisses the job."""

from __future__ import annotations

import io
import os
import pty
import signal
import subprocess
import sys
import threading
import time

import pytest
from moorage import display
from moorage.display import CLEAR, Frame, Progress, Terminal
from moorage.status import Status
from support.scripted_server import Answer, scripted
from support.waiting import eventually

EXECUTION = "POST /processes/p/execution"


class Window(io.StringIO):
    """A terminal of a given encoding."""

    def __init__(self, encoding="utf-8"):
        super().__init__()
        self._encoding = encoding

    encoding = property(lambda self: self._encoding)

    def isatty(self):
        return True


def drawn(status, arrived=(0, None), encoding="utf-8"):
    """The line that is drawn."""
    window = Window(encoding)
    Terminal(window).draw(Frame("flood-days", status, arrived, 65.0))
    return window.getvalue().removeprefix(CLEAR)


def test_a_line_tells_what_is_called_how_far_it_is_and_what_it_says():
    line = drawn(Status("running", progress=50, message="counting days"))
    assert line == f"flood-days {'━' * 12}{'─' * 12}  50% 0:01:05 counting days"


def test_before_the_first_progress_it_spins():
    assert "⠙ 0:01:05 waiting in the queue" in drawn(Status("accepted"))
    assert "calling" in drawn(None)


def test_what_arrives_is_told():
    line = drawn(Status("successful", progress=100), (25_000_000, 100_000_000))
    assert "25%" in line
    assert "receiving, 25.0 MB" in line


def test_a_terminal_without_unicode_gets_plain_signs():
    assert drawn(Status("running", progress=50, message="größer"), encoding="ascii").isascii()


def test_what_a_job_says_cannot_move_the_cursor():
    line = drawn(Status("running", message="a\x1b[2Jb\nc\x07"))
    assert not {"\x1b", "\n", "\x07"} & set(line)


def test_a_long_message_stays_on_its_line():
    assert len(drawn(Status("running", message="x" * 1000))) < 200


@pytest.fixture
def look(monkeypatch):
    """Makes standard error a terminal, on which progress is shown at once."""

    def begin():
        made = Window()
        monkeypatch.setattr(sys, "stderr", made)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr(display, "DELAY", 0.0)
        return made

    return begin


def show(*, is_shown=True):
    """A call that is a little on its way."""
    with Progress("p", is_shown=is_shown) as progress:
        progress.show(Status("running", progress=10))


def test_it_leaves_no_trace(look):
    window = look()
    show()
    assert "10%" in window.getvalue()
    assert window.getvalue().endswith(CLEAR)


def test_it_is_silent_where_it_is_not_wanted(look):
    window = look()
    show(is_shown=False)
    assert not window.getvalue()


def test_it_is_silent_beside_the_main_thread(look):
    window = look()
    thread = threading.Thread(target=show)
    thread.start()
    thread.join()
    assert not window.getvalue()


def test_it_is_silent_in_a_terminal_that_cannot_go_back(look, monkeypatch):
    window = look()
    monkeypatch.setenv("TERM", "dumb")
    show()
    assert not window.getvalue()


def test_it_is_silent_in_a_file(look, monkeypatch):
    look()
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    show()
    assert not sys.stderr.getvalue()


def test_a_quick_call_shows_nothing(look, monkeypatch):
    window = look()
    monkeypatch.setattr(display, "DELAY", 60.0)
    show()
    assert not window.getvalue()


CALLER = """
import signal, sys, moorage
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell ignores for what it runs in the background
hub = moorage.connect(sys.argv[1])
print("ready", flush=True)
try:
    hub.p()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def in_terminal(url, is_time):
    """What a terminal shows of a call that is interrupted once *is_time* says so."""
    leader, follower = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", CALLER, url]
    with subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=environment) as process:
        os.close(follower)
        shown = b""

        def interrupt():
            try:
                is_time()
            finally:
                process.send_signal(signal.SIGINT)

        threading.Thread(target=interrupt, daemon=True).start()
        while process.poll() is None:
            try:
                shown += os.read(leader, 10_000)
            except OSError:  # the other end is closed
                break
    os.close(leader)
    return shown.decode()


def test_ctrl_c_dismisses_the_job_and_says_so():
    state = {"jobID": "1", "processID": "p", "status": "running", "progress": 30, "message": "half way"}
    script = {
        EXECUTION: Answer(state, 201, {"Location": "/jobs/1"}),
        "GET /jobs/1": lambda _: state,
        "DELETE /jobs/1": lambda _: state.update(status="dismissed") or state,
    }
    with scripted(script) as service:

        def is_half_way():
            eventually(lambda: service.requests("GET", "/jobs/1"))
            time.sleep(1)

        shown = in_terminal(service.url, is_half_way)
        assert len(service.requests("DELETE", "/jobs/1")) == 1
    assert "30% 0:00:00 half way" in shown
    assert "interrupted: the job 1 was dismissed" in shown
    assert shown.rstrip().endswith("interrupted")


def test_ctrl_c_says_so_where_a_job_cannot_be_dismissed():
    state = {"jobID": "1", "processID": "p", "status": "running"}
    script = {EXECUTION: Answer(state, 201, {"Location": "/jobs/1"}), "GET /jobs/1": state}
    script["DELETE /jobs/1"] = Answer({"detail": "not yours"}, 403)
    with scripted(script) as service:
        shown = in_terminal(service.url, lambda: eventually(lambda: service.requests("GET", "/jobs/1")))
    assert "the job 1 may go on, for it could not be dismissed: not yours" in shown


def test_ctrl_c_before_the_job_is_known_dismisses_it_too():
    def slow(_):
        time.sleep(1.5)
        return Answer({"jobID": "1", "status": "running"}, 201, {"Location": "/jobs/1"})

    script = {
        EXECUTION: slow,
        "GET /jobs/1": {"jobID": "1", "status": "running"},
        "DELETE /jobs/1": {"jobID": "1", "status": "dismissed"},
    }
    with scripted(script) as service:
        shown = in_terminal(service.url, lambda: eventually(lambda: service.requests("POST")))
        assert len(service.requests("DELETE", "/jobs/1")) == 1
    assert "interrupted: the job 1 was dismissed" in shown


RECORDER = """
import IPython.display
shown, show = [], IPython.display.display
IPython.display.display = lambda bundle, **options: (shown.append(bundle), show(bundle, **options))
"""
NOTEBOOK = """
import threading, time
from moorage import display
from moorage.display import Progress
from moorage.status import Status
display.DELAY = 0
with Progress("flood-days") as progress:
    progress.show(Status("running", progress=50, message="<counting>"))
"""


@pytest.mark.starts
def test_a_notebook_gets_a_bar_that_needs_no_network():
    nbclient = pytest.importorskip("nbclient", reason="no notebooks here")
    nbformat = pytest.importorskip("nbformat", reason="no notebooks here")
    cells = [RECORDER, NOTEBOOK, "print(shown[0]['text/html']); print(len(shown), repr(shown[-1]['text/html']))"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    text = notebook.cells[2].outputs[0]["text"]
    assert '<progress max="1" value="0.500"' in text
    assert "&lt;counting&gt;" in text
    assert "http" not in text
    assert text.rstrip().endswith("2 ''")
