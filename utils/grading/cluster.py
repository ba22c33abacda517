"""Grading on a cluster, by `dask.distributed`: for classes that one machine would take too long for."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import platform
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from utils.grading.executors import LOOK_AHEAD, Executor, ExecutorError, Job, Slot, ended_by
from utils.grading.gradebook import fingerprint
from utils.grading.records import Grade
from utils.grading.worker import GRADER

CONNECT_SECONDS = 30.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Tls:
    """The files that a scheduler's TLS connection takes: the authority's certificate, our own, and our key (PEM)."""

    ca: Path
    cert: Path
    key: Path


class DaskExecutor(Executor):
    """Grades on the workers of the `dask.distributed` scheduler at `address`.

    Notebooks are the work of people, and whoever reaches a scheduler can run code on its workers, so the address is
    one of this machine, or `tls://` with the files for it. Each thread of a worker has a `Slot` of its own; a job whose
    worker is lost goes to another. Raises `ExecutorError`: no dask, address refused, no answer, no workers.
    """

    def __init__(self, address: str, *, tls: Tls | None = None, trust: bool = False, grader: str = GRADER):
        _check_address(address, tls)
        try:
            import distributed
        except ImportError as error:
            raise ExecutorError(
                f"--scheduler needs dask.distributed ({error}): pip install -e '.[cluster]' -c constraints.txt"
            ) from error
        self._address, self._trust, self._grader = address, trust, grader
        self._course = fingerprint()
        self._lost = distributed.scheduler.KilledWorker
        self._closed = distributed.client.ClosedClientError
        try:
            security = tls and distributed.Security(
                tls_ca_file=str(tls.ca),
                tls_client_cert=str(tls.cert),
                tls_client_key=str(tls.key),
                require_encryption=True,
            )
            self._client = distributed.Client(address, security=security, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:  # an SSLError is an OSError, and so is a TimeoutError
            raise ExecutorError(f"no scheduler can be reached at {address}: {error}") from error
        try:
            self._client.wait_for_workers(1, timeout=CONNECT_SECONDS)
            if tls is None:
                self._check_workers()
        except TimeoutError as error:
            self._client.close()
            raise ExecutorError(f"the scheduler at {address} has no workers: start some (dask worker)") from error
        except ExecutorError:
            self._client.close()
            raise
        self._executor = self._client.get_executor(pure=False)

    @property
    def capacity(self) -> int:
        """As many jobs as keep the workers busy that are there now."""
        with self._reached():
            return LOOK_AHEAD * max(1, sum(self._client.nthreads().values()))

    def submit(self, job: Job) -> Future[Grade]:
        """Send `job` to the scheduler."""
        grade: Future[Grade] = Future()
        with self._reached(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph", UserWarning)  # a notebook full of pictures
            asked = self._executor.submit(
                grade_in_thread, job, course=self._course, trust=self._trust, grader=self._grader
            )
        asked.add_done_callback(lambda done: self._settle(grade, done, job))
        return grade

    def close(self) -> None:
        """Take back what is not graded yet, and leave the scheduler to itself."""
        with contextlib.suppress(ExecutorError), self._reached():
            self._executor.shutdown(wait=False)
        self._client.close()

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        """Raise `ExecutorError` where the scheduler has gone away."""
        try:
            if self._client.status != "running":
                raise ConnectionError(f"the connection is {self._client.status}")
            yield
        except (OSError, self._closed) as error:
            raise ExecutorError(self._gone()) from error

    def _gone(self) -> str:
        return f"the scheduler at {self._address} does not answer any more: start it, and run this again"

    def _settle(self, grade: Future[Grade], done: Future[Grade], job: Job) -> None:
        """Hand on how `done` ended."""
        try:
            grade.set_result(done.result())
        except self._lost:
            log.warning("grading %s: each worker of the cluster that was given it was lost", job.source)
            grade.set_result(ended_by(job.source, "the workers of the cluster were lost"))
        except CancelledError:
            grade.set_exception(ExecutorError(self._gone()))
        except Exception as error:  # noqa: BLE001 - whatever it was, the one who waits is told
            grade.set_exception(error)

    def _check_workers(self) -> None:
        """Refuse workers on other machines where nothing is encrypted."""
        for worker in self._client.scheduler_info(n_workers=-1)["workers"]:
            if not _is_loopback(worker):
                raise ExecutorError(
                    f"the scheduler at {self._address} has a worker on another machine ({worker}), and without TLS "
                    "anyone on the way reads and changes what is sent: start scheduler and workers with tls://"
                )


_this_thread = threading.local()


def grade_in_thread(job: Job, *, course: str, trust: bool, grader: str) -> Grade:
    """Grade `job` in the slot that belongs to this thread: what a worker of the cluster runs.

    Raises `ExecutorError` where this machine has another course than the one with the fingerprint `course`.
    """
    if course != _course():
        raise ExecutorError(
            f"the worker on {platform.node()} has another version of the course than this machine, and might grade "
            "differently: install the same version on both, and start the worker again"
        )
    settings = {"trust": trust, "grader": grader}
    if getattr(_this_thread, "settings", None) != settings:
        if hasattr(_this_thread, "slot"):
            _this_thread.slot.close()
        _this_thread.slot, _this_thread.settings = Slot(**settings), settings
    return _this_thread.slot.grade(job)


def _check_address(address: str, tls: Tls | None) -> None:
    """Refuse an address whose connection others could listen to or use."""
    scheme = address.partition("://")[0] if "://" in address else "tcp"
    if scheme == "tls":
        if tls is None:
            raise ExecutorError(f"{address} needs --tls-ca, --tls-cert and --tls-key, the files of the cluster")
        for file in (tls.ca, tls.cert, tls.key):
            if not file.is_file():
                raise ExecutorError(f"{file} is not a file: {address} needs a certificate and key (PEM)")
    elif scheme != "tcp":
        raise ExecutorError(f"{address}: a scheduler is reached by tcp:// on this machine, or by tls://")
    elif tls is not None:
        raise ExecutorError(f"{address} is not encrypted; with TLS files the address begins with tls://")
    elif not _is_loopback(address):
        raise ExecutorError(
            f"{address} is another machine, and whoever reaches a scheduler without TLS can run programs on its "
            "workers and read the submissions: start scheduler and workers with tls://, and give --tls-ca, --tls-cert "
            "and --tls-key"
        )


def _is_loopback(address: str) -> bool:
    host = urlsplit(address if "://" in address else f"tcp://{address}").hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return False


@cache
def _course() -> str:
    """The state of the course that this worker has: the one that it has loaded."""
    return fingerprint()
