"""Grading by dask.distributed, on a real scheduler and real workers of this machine."""

import shutil
import subprocess
import sys
import time
from concurrent.futures import wait
from pathlib import Path

import fake_grader
import psutil
import pytest

from utils.grading import cluster
from utils.grading.cluster import DaskExecutor, Tls
from utils.grading.executors import ExecutorError, Job

distributed = pytest.importorskip("distributed", reason="the cluster extra is not installed")

HERE = str(Path(__file__).parent)


def job(text: str, source: str = "ada.ipynb") -> Job:
    return Job(content=text.encode(), source=source, nonce="ab" * 16)


def settled(futures) -> list:
    _done, waiting = wait(futures, timeout=120)
    assert not waiting
    return [future.result() for future in futures]


def local_cluster(*, n_workers=2, **options):
    return distributed.LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",
        host="127.0.0.1",
        **options,
    )


@pytest.fixture(scope="module")
def two_workers():
    """A scheduler with two worker processes of one thread each, which find the fake grader."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", HERE)
        with local_cluster() as found:
            yield found


@pytest.fixture
def executor(two_workers):
    with DaskExecutor(two_workers.scheduler_address, grader=fake_grader.NAME) as found:
        yield found


def test_each_job_gets_its_own_grade_from_a_process_that_is_used_again(executor):
    assert executor.capacity == 4
    futures = [executor.submit(job(f"points {number % 3}", f"{number}.ipynb")) for number in range(20)]
    assert [grade.earned for grade in settled(futures)] == [number % 3 for number in range(20)]
    pids = {grade.notes[0] for grade in settled([executor.submit(job("where")) for _ in range(10)])}
    assert len(pids) <= 2
    # each belongs to a worker of the cluster
    workers = {process.pid for process in psutil.Process().children(recursive=True)}
    assert {psutil.Process(int(pid)).ppid() for pid in pids} <= workers


def test_a_large_notebook_gets_through_without_a_warning(executor, recwarn):
    grade = settled([executor.submit(Job(content=b"unusable " + b"x" * 20_000_000, source="big.ipynb", nonce="ab"))])[0]
    assert grade.problem.startswith("big.ipynb")
    assert [str(warning.message) for warning in recwarn if "large graph" in str(warning.message)] == []


def test_a_killed_worker_loses_no_job_and_doubles_none(executor, two_workers):
    futures = [executor.submit(job("sleep 0.1", f"{number}.ipynb")) for number in range(40)]
    orphans = []
    for _ in range(2):
        time.sleep(0.6)
        worker = psutil.Process(next(iter(two_workers.workers.values())).pid)
        orphans += worker.children()
        worker.kill()
    grades = settled(futures)
    assert [grade.problem or grade.earned for grade in grades] == [1.0] * 40
    if sys.platform.startswith("linux"):
        assert orphans
        assert not any(orphan.is_running() for orphan in orphans)


def test_a_job_that_ends_its_grader_is_told_and_the_others_are_graded(executor):
    futures = [executor.submit(job(what, f"{what}.ipynb")) for what in ("points 2", "die", "points 1")]
    good, bad, other = settled(futures)
    assert (good.earned, other.earned) == (2.0, 1.0)
    assert "die.ipynb could not be graded: it twice ended the process" in bad.problem


def test_another_version_of_the_course_on_a_worker_is_told(two_workers, monkeypatch):
    monkeypatch.setattr(cluster, "fingerprint", lambda: "another state")
    with (
        DaskExecutor(two_workers.scheduler_address, grader=fake_grader.NAME) as executor,
        pytest.raises(ExecutorError, match="has another version of the course than this machine"),
    ):
        executor.submit(job("points 1")).result(60)


def test_closing_takes_back_what_waits(two_workers):
    executor = DaskExecutor(two_workers.scheduler_address, grader=fake_grader.NAME)
    futures = [executor.submit(job("sleep 0.5")) for _ in range(20)]
    executor.close()
    wait(futures, timeout=10)
    assert sum(future.done() and isinstance(future.exception(), ExecutorError) for future in futures) >= 16


def test_a_scheduler_that_goes_away_is_told_whatever_is_asked_of_it(monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 3.0)
    gone = r"the scheduler at tcp://127\.0\.0\.1:\d+ does not answer any more"
    with local_cluster(n_workers=1) as found:
        executor = DaskExecutor(found.scheduler_address, grader=fake_grader.NAME)
        waiting = executor.submit(job("hang"))
    with executor:
        with pytest.raises(ExecutorError, match=gone):
            waiting.result(60)
        for _ in range(2):  # while the client tries to reach it again, and after it has given up
            with pytest.raises(ExecutorError, match=gone):
                _ = executor.capacity
            with pytest.raises(ExecutorError, match=gone):
                executor.submit(job("points 1"))
            time.sleep(3.5)


def test_a_scheduler_without_workers_is_told(monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1.0)
    with (
        local_cluster(n_workers=0) as found,
        pytest.raises(ExecutorError, match="has no workers: start some"),
    ):
        DaskExecutor(found.scheduler_address)


def test_no_answer_is_told(monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    with pytest.raises(ExecutorError, match=r"no scheduler can be reached at tcp://127\.0\.0\.1:9"):
        DaskExecutor("tcp://127.0.0.1:9")


def test_without_dask_the_message_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ExecutorError, match=r"pip install -e '\.\[cluster\]'"):
        DaskExecutor("tcp://127.0.0.1:8786")


# --- who may listen


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("tcp://192.0.2.1:8786", "another machine"),
        ("192.0.2.1:8786", "another machine"),
        ("tcp://cluster.example:8786", "another machine"),
        ("tcp://127.0.0.1.example:8786", "another machine"),
        ("tcp://0.0.0.0:8786", "another machine"),
        ("tls://192.0.2.1:8786", "needs --tls-ca, --tls-cert and --tls-key"),
        ("tls://127.0.0.1:8786", "needs --tls-ca, --tls-cert and --tls-key"),
        ("ws://127.0.0.1:8786", "tcp:// on this machine, or by tls://"),
    ],
)
def test_an_address_that_others_could_listen_to_is_refused(address, message):
    with pytest.raises(ExecutorError, match=message):
        DaskExecutor(address)


def test_tls_files_must_be_there_and_go_with_a_tls_address(tmp_path):
    missing = Tls(ca=tmp_path / "ca.pem", cert=tmp_path / "cert.pem", key=tmp_path / "key.pem")
    with pytest.raises(ExecutorError, match=r"ca\.pem is not a file"):
        DaskExecutor("tls://127.0.0.1:8786", tls=missing)
    with pytest.raises(ExecutorError, match="with TLS files the address begins with tls://"):
        DaskExecutor("tcp://127.0.0.1:8786", tls=missing)
    for path in (missing.ca, missing.cert, missing.key):
        path.write_text("not a certificate")
    with pytest.raises(ExecutorError, match="no scheduler can be reached"):
        DaskExecutor("tls://127.0.0.1:8786", tls=missing)


def test_a_worker_on_another_machine_is_refused_without_tls(two_workers, monkeypatch):
    monkeypatch.setattr(
        distributed.Client, "scheduler_info", lambda *_, **__: {"workers": {"tcp://192.0.2.7:4000": {}}}
    )
    with pytest.raises(ExecutorError, match=r"has a worker on another machine \(tcp://192.0.2.7:4000\)"):
        DaskExecutor(two_workers.scheduler_address)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> Tls:
    """An authority of our own, and a certificate that it signed."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command")
    folder = tmp_path_factory.mktemp("tls")
    files = Tls(ca=folder / "ca.pem", cert=folder / "cert.pem", key=folder / "key.pem")
    authority = folder / "authority.pem"
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    for command in (
        [*new, "-subj", "/CN=authority", "-keyout", authority, "-out", files.ca],
        [*new, "-subj", "/CN=class", "-keyout", files.key, "-out", files.cert, "-CA", files.ca, "-CAkey", authority],
    ):
        subprocess.run(command, check=True, capture_output=True)
    return files


@pytest.fixture
def encrypted(certificates, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", HERE)
    security = distributed.Security(
        tls_ca_file=str(certificates.ca),
        tls_scheduler_cert=str(certificates.cert),
        tls_scheduler_key=str(certificates.key),
        tls_worker_cert=str(certificates.cert),
        tls_worker_key=str(certificates.key),
        tls_client_cert=str(certificates.cert),
        tls_client_key=str(certificates.key),
        require_encryption=True,
    )
    with local_cluster(security=security, protocol="tls://") as found:
        yield found


def test_a_class_is_graded_through_tls(encrypted, certificates):
    assert encrypted.scheduler_address.startswith("tls://")
    with DaskExecutor(encrypted.scheduler_address, tls=certificates, grader=fake_grader.NAME) as executor:
        assert settled([executor.submit(job("points 2"))])[0].earned == 2.0
