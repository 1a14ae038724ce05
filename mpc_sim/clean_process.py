"""Work in processes that have seen nothing: forks of a fresh interpreter, or new interpreters.

Four generations. The root is an interpreter of its own, started once per process. For a module it
forks one that imports it, so that this is done once; for a protocol that one forks a template,
which reads the pickled protocol; for a task the template forks a worker, which reads the task from
a socket of its own, answers and ends. None but the worker reads a task, so no worker sees what
another one saw, and nothing of the caller's process reaches a worker but what is pickled. A fork of
the caller would carry its state along, and hangs after parallel kernels.
"""

from __future__ import annotations

import atexit
import os
import pickle
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from mpc_sim.errors import InputError
from mpc_sim.protocol import Protocol

if TYPE_CHECKING:
    import subprocess

Act = Callable[[Protocol], Any]
"""A task: a function of a module with its arguments, called with the protocol."""

Answer = Callable[[float | None], Any]
"""Called with the most seconds to wait, it returns what the worker answered, or raises `Failed`."""

CAN_FORK = hasattr(os, "fork") and hasattr(socket, "send_fds")
START = (
    "import sys; sys.path[:] = sys.argv[2:]\n"
    "from mpc_sim import clean_process, isolated_parts\n"
    "clean_process.{}(int(sys.argv[1]))"
)
"""What workers need is loaded once, by the root, and nothing that runs code of its own in every
fork: `threading`, which `subprocess` loads, `random` and `logging` do, as long as a fork takes."""
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Failed(Exception):
    """A task raised in its process, or its process ended without an answer."""


class CleanProcesses:
    """Processes that know one protocol, as it was when this was made.

    Parameters
    ----------
    protocol : Protocol
        Pickled at once, so that nothing of a later run is in it. Classes and functions of a module
        travel by name; those of a notebook by value, by cloudpickle.
    forks : bool
        Fork the processes from a clean interpreter; otherwise each is a new one, which takes about
        0.2 s.

    Raises
    ------
    InputError
        The protocol does not pickle.
    """

    def __init__(self, protocol: Protocol, *, forks: bool = CAN_FORK) -> None:
        self.pickled = pickled(protocol)
        self._control = _template(protocol, self.pickled) if forks else None
        self._open: set[socket.socket] = set()
        self._running: set[subprocess.Popen[bytes]] = set()

    def submit(self, act: Act) -> Answer:
        """Start a task in a process of its own; several run side by side."""
        if self._control is None:
            return self._spawned(act)
        ours, theirs = socket.socketpair()
        self._open.add(ours)
        with theirs:
            try:
                socket.send_fds(self._control, [b"f"], [theirs.fileno()])
            except OSError as error:
                raise Failed(f"the clean interpreter has ended: {error}") from error
        file = cast(BinaryIO, ours.makefile("rwb"))
        with suppress(OSError):  # a worker that has ended shows when its answer is read
            _write(file, act)

        def answer(seconds: float | None) -> Any:
            with ours, file:
                self._open.remove(ours)
                ours.settimeout(seconds)
                return _answered(file)

        return answer

    def _spawned(self, act: Act) -> Answer:
        """Start a task in an interpreter of its own."""
        import subprocess

        process = _start("spawned", 0, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._running.add(process)
        assert process.stdin is not None
        with suppress(OSError), process.stdin as file:
            _write(cast(BinaryIO, file), (_path(), self.pickled))
            _write(cast(BinaryIO, file), act)
        process.stdin = None  # for `communicate`, which would flush it

        def answer(seconds: float | None) -> Any:
            self._running.remove(process)
            try:
                found, _ = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired as error:
                process.kill()
                process.communicate()
                raise Failed("no answer in time") from error
            return _opened(lambda: pickle.loads(found))

        return answer

    def close(self) -> None:
        """End the template, and the workers whose answer nobody took."""
        for one in (*self._open, self._control):
            if one is not None:
                one.close()
        for process in self._running:
            process.kill()
            process.communicate()

    def __enter__(self) -> CleanProcesses:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def pickled(protocol: Protocol) -> bytes:
    """Pickle a protocol, by cloudpickle where it is installed.

    Raises
    ------
    InputError
    """
    try:
        import cloudpickle as pickler
    except ImportError:
        pickler = pickle
    name = type(protocol).__name__
    try:
        found: bytes = pickler.dumps(protocol)
    except Exception as error:
        raise InputError(
            f"{name} does not pickle, so that it cannot run in isolation: {error}; put its class "
            "and every function among its fields at the top of a module, or install cloudpickle "
            "(extra notebooks)"
        ) from error
    if pickler is pickle and b"__main__" in found:
        raise InputError(
            f"{name} stands in a notebook or script, which no other process can import: put it "
            "into a module, or install cloudpickle (extra notebooks)"
        )
    return found


# --- the caller's side ---

_roots: dict[int, tuple[socket.socket, subprocess.Popen[bytes]]] = {}
"""Of this process; one that was forked from it has its own."""

_importers: dict[tuple[int, tuple[str, ...], int], socket.socket] = {}


def _template(protocol: Protocol, pickled: bytes) -> socket.socket:
    """Let a process that knows the module of a protocol fork a template; return the way to it."""
    late = tuple(sorted(_late_imports(protocol)))
    return _forked(_importer(type(protocol).__module__, late), pickled)


def _late_imports(protocol: Protocol) -> set[str]:
    """Return what the steps of a protocol and of its parts import when they run."""
    found = set(protocol.late_imports)
    for value in vars(protocol).values():
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Protocol):
                found |= _late_imports(part)
    return found


def _importer(name: str, late: tuple[str, ...]) -> socket.socket:
    """Return the way to a process that has imported modules, the first as its file is now."""
    file = Path(getattr(sys.modules.get(name), "__file__", None) or "")
    if name == "__main__" or not file.is_file():
        return _started_root()
    key = os.getpid(), (name, *late), file.stat().st_mtime_ns
    if key not in _importers:
        _importers[key] = _forked(_started_root(), key[1])
    return _importers[key]


def _forked(parent: socket.socket, told: tuple[str, ...] | bytes) -> socket.socket:
    """Let a process fork one and tell it modules or a protocol; return the way to it."""
    ours, theirs = socket.socketpair()
    with theirs:
        socket.send_fds(parent, [b"f"], [theirs.fileno()])
    sent = pickle.dumps((_path(), told))
    with suppress(OSError):  # one that has ended shows with its first task
        ours.sendall(len(sent).to_bytes(8, "big") + sent)
    return ours


def _started_root() -> socket.socket:
    """Return the way to the root of this process, which is started when it is first needed."""
    if os.getpid() not in _roots:
        ours, theirs = socket.socketpair()
        with theirs:
            process = _start("root", theirs.fileno(), pass_fds=(theirs.fileno(),))
        _roots[os.getpid()] = ours, process
        atexit.register(_end_root)
    return _roots[os.getpid()][0]


def _end_root() -> None:
    """End the root; without this it ends when it finds the other end of its socket closed."""
    if os.getpid() in _roots:
        control, process = _roots.pop(os.getpid())
        for one in (control, *_importers.values()):
            one.close()
        _importers.clear()
        process.wait()


def _start(function: str, argument: int, **options: Any) -> subprocess.Popen[bytes]:
    """Start an interpreter in the environment with which this process began.

    It has a session of its own, so that an interrupt from the keyboard does not reach it.
    """
    import subprocess

    return subprocess.Popen(
        [sys.executable, "-c", START.format(function), str(argument), *_path()],
        env=_first_environment() | ONE_THREAD,
        start_new_session=True,
        **{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, **options},
    )


def _first_environment() -> dict[str, str]:
    """Return the environment of the start, where the system keeps it: a run may have written."""
    try:
        entries = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:
        return dict(os.environ)
    pairs = (os.fsdecode(entry).partition("=") for entry in entries if entry)
    return {name: value for name, _, value in pairs}


def _path() -> list[str]:
    return [entry for entry in sys.path if isinstance(entry, str)]


def _write(file: BinaryIO, value: Any) -> None:
    pickle.dump(value, file, pickle.HIGHEST_PROTOCOL)
    file.flush()


def _answered(file: BinaryIO) -> Any:
    return _opened(lambda: pickle.load(file))


def _opened(load: Callable[[], tuple[bool, Any]]) -> Any:
    try:
        is_answer, value = load()
    except TimeoutError as error:
        raise Failed("no answer in time") from error
    except (OSError, EOFError, pickle.UnpicklingError) as error:
        raise Failed("its process ended without an answer") from error
    if not is_answer:
        raise Failed(value)
    return value


# --- the other side ---


def root(control: int) -> None:
    """Serve templates to the process that holds the other end of a socket."""
    _serve(socket.socket(fileno=control), _as_importer_or_template)


def spawned(_: int) -> None:
    """Do one task that stands on standard input."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    (path, protocol), act = (pickle.load(sys.stdin.buffer) for _ in range(2))
    sys.path[:] = path
    with out:
        _write(out, _done(_unpickled(protocol), act))


def _serve(control: socket.socket, act: Callable[[socket.socket], None]) -> None:
    """Fork for every socket that arrives, until the other end is closed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        arrived, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not arrived:
            os._exit(0)
        if os.fork() == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            with suppress(OSError):  # the caller has ended, or needs the answer no more
                act(socket.socket(fileno=descriptors[0]))
            os._exit(0)
        os.close(descriptors[0])


def _as_importer_or_template(control: socket.socket) -> None:
    """Import modules and serve templates; or read a protocol and nothing else, and serve workers.

    What user code prints is not shown.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    sys.path[:], told = pickle.loads(_read(control, int.from_bytes(_read(control, 8), "big")))
    if isinstance(told, tuple):
        for name in told:
            with suppress(BaseException):  # it shows again where the protocol is read
                import_module(name)
        _serve(control, _as_importer_or_template)
    found = _unpickled(told)

    def work(channel: socket.socket) -> None:
        with cast(BinaryIO, channel.makefile("rwb")) as file:
            _write(file, _done(found, pickle.load(file)))

    _serve(control, work)


def _read(control: socket.socket, n_bytes: int) -> bytes:
    """Read so many bytes and none of what follows: the next byte carries a descriptor."""
    found = bytearray()
    while len(found) < n_bytes:
        arrived = control.recv(n_bytes - len(found))
        if not arrived:
            os._exit(0)
        found += arrived
    return bytes(found)


def _unpickled(protocol: bytes) -> Protocol | str:
    """Return the protocol, or why there is none."""
    try:
        found: Protocol = pickle.loads(protocol)
        return found
    except BaseException as error:
        return f"the protocol cannot be read there: {type(error).__name__}: {error}"


def _done(protocol: Protocol | str, act: Act) -> tuple[bool, Any]:
    if isinstance(protocol, str):
        return False, protocol
    try:
        return True, act(protocol)
    except BaseException as error:
        return False, f"{type(error).__name__}: {error}"
