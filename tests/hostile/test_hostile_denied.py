"""What an answer must not reach. Each probe tries, and returns what it managed: so a denial is seen, not supposed.

A probe is the answer to a toy exercise that accepts anything and keeps it (`hostile_notebooks.reached`). An honest
submission is graded after each, by the same grader.
"""

import hashlib
import os
import platform
import socket
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import hostile_notebooks as notebooks
import pytest
from hostile_notebooks import descendants

from utils.grading import isolation, seccomp
from utils.grading.sandbox import ENVIRONMENT
from utils.lessons import LESSONS, ROOT

COLUMN = list(seccomp.ARCHITECTURES).index(platform.machine()) if platform.machine() in seccomp.ARCHITECTURES else 0
NUMBERS = {name: numbers[COLUMN] for name, numbers in seccomp.CALLS.items() if numbers[COLUMN] is not None}
NUMBERS |= {
    name: numbers[COLUMN]
    for name, numbers in {
        "clone": (56, 220),
        "clone3": (435, 435),
        "socket": (41, 198),
        "socketpair": (53, 199),
        "mq_open": (240, 180),
        "mknodat": (259, 33),
        "capget": (125, 90),
        "set_robust_list": (273, 99),
    }.items()
}

PRELUDE = f"""
import ctypes
import errno
import os

NUMBERS = {NUMBERS}
libc = ctypes.CDLL(None, use_errno=True)

def call(name, *arguments):
    \"\"\"Make a system call; return the name of its error, else its result.\"\"\"
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(NUMBERS[name]), *arguments)
    return errno.errorcode[ctypes.get_errno()] if result == -1 else result

def tried(function, *arguments, **options):
    \"\"\"Return the name of the error that `function` raises, else what it returns, as text.\"\"\"
    try:
        return str(function(*arguments, **options))
    except OSError as error:
        return errno.errorcode.get(error.errno, repr(error))
    except Exception as error:
        return type(error).__name__
"""


@pytest.fixture
def probe(grade):
    """Grade a notebook whose answer is a probe; return what the probe returned."""

    def probe(source: str):
        notebooks.reached.clear()
        result = grade(notebooks.Book("9.8", {"9.8.1": PRELUDE + dedent(source)}))
        assert result.exercises[0].status == "passed", result.exercises[0]
        return notebooks.reached[-1]

    return probe


# reading ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(tmp_path) -> dict[str, Path]:
    """What an answer would like to read, and where it really lies on this machine."""
    paths = {
        "another submission": tmp_path / "submitted" / "grace.ipynb",
        "the gradebook": tmp_path / "gradebook.sqlite",
        "a private key": tmp_path / ".ssh" / "id_ed25519",
    }
    for path in paths.values():
        path.parent.mkdir(exist_ok=True)
        path.write_text("secret", encoding="utf-8")
    here = Path(__file__)
    paths |= {
        "a solution": LESSONS[0].solution,
        "its source": LESSONS[0].source,
        "a learner's notebook": LESSONS[0].notebook,
        "the definitions": ROOT / "utils" / "exercises" / "definitions" / "lesson_2_3.py",
        "the grader": ROOT / "utils" / "grading" / "grader.py",
        "the definitions, compiled": ROOT / "utils" / "exercises" / "definitions" / "__pycache__",
        "the checkpoints": ROOT / "assets",
        "the project": ROOT / "pyproject.toml",
        "these tests": here,
        "the toy solutions": tmp_path.parent,
        "users": Path("/etc/passwd"),
        "hosts": Path("/etc/hosts"),
        "resolv.conf": Path("/etc/resolv.conf"),
        "mounts": Path("/proc/self/mountinfo"),
        "init's environment": Path("/proc/1/environ"),
        "our environment": Path(f"/proc/{os.getpid()}/environ"),
        "our memory": Path(f"/proc/{os.getpid()}/mem"),
        "our descriptors": Path(f"/proc/{os.getpid()}/fd"),
        "kernel symbols": Path("/proc/kallsyms"),
        "system settings": Path("/proc/sys/kernel/hostname"),
        "devices": Path("/sys/class"),
        "a shell": Path("/bin/sh"),
        "the interpreter": Path(sys.executable),
        "logs": Path("/var/log"),
        "sockets": Path("/run"),
        "the terminal": Path("/dev/tty"),
        "all terminals": Path("/dev/pts"),
        "this home": Path.home() / ".bashrc",
    }
    return {name: path for name, path in paths.items() if path.exists()}


def test_nothing_outside_its_walls_can_be_opened(probe, elsewhere):
    assert len(elsewhere) > 20
    paths = {name: str(path) for name, path in elsewhere.items()}
    found = probe(f"""
        def probe():
            return {{name: tried(os.stat, path) for name, path in {paths!r}.items()}}
    """)
    # where the interpreter stands its folder may be there, empty
    assert {name: said for name, said in found.items() if said not in ("ENOENT", "EACCES")} == {}


def test_no_file_within_its_walls_belongs_to_the_course_or_a_person(probe):
    sources = isolation.make_plan(0).sources
    files, others, suspects = probe(f"""
        def probe():
            files, others, suspects = 0, [], []
            for folder, folders, names in os.walk("/"):
                files += len(names)
                if not (folder + "/").startswith({tuple(source + "/" for source in sources)!r}):
                    others += [os.path.join(folder, name) for name in names if not os.path.islink(folder)]
                if folder.endswith(("/solutions", "/exercises/definitions", "/utils/exercises", "/utils/grading")):
                    suspects.append(folder)
            return [files, others, suspects]
    """)
    assert files > 1000
    assert suspects == []
    devices = {f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom")}
    assert set(others) == devices | {source for source in sources if os.path.isfile(source)}


def test_the_environment_holds_nothing_of_the_graders_own(probe):
    names = probe("""
        def probe():
            raw = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, "environ")
            lines = []
            while raw[len(lines)]:
                lines.append(raw[len(lines)].decode())
            return lines + [f"{name}={value}" for name, value in os.environ.items()]
    """)
    assert os.environ["COURSE_TEST_SECRET"]
    assert not [line for line in names if "SECRET" in line or os.environ["COURSE_TEST_SECRET"] in line]
    of_openmp = {"KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK"}  # set by libraries when they are imported, in both
    assert {line.partition("=")[0] for line in names} <= ENVIRONMENT.keys() | of_openmp


def test_nothing_is_open_but_its_own_connection(probe):
    assert probe("""
        import stat

        def probe():
            found = {}
            for number in range(4096):
                try:
                    mode = os.fstat(number).st_mode
                except OSError:
                    continue
                found[number] = "socket" if stat.S_ISSOCK(mode) else "device" if stat.S_ISCHR(mode) else "other"
            return found
    """) == {0: "device", 1: "device", 2: "device", 3: "socket"}


def test_nothing_of_the_course_is_in_its_memory(probe):
    assert (
        probe("""
        import gc
        import sys

        def probe():
            gc.unfreeze()
            marks = ("What a batch teaches", "forgets", "Misconception(", "BEGIN SOLUTION", "COURSE_TEST")
            found = [name for name in sys.modules if "definitions" in name or name == "utils.exercises.registry"]
            for each in gc.get_objects():
                if type(each).__name__ in ("Exercise", "Misconception", "Verdict", "Grader", "Sandbox"):
                    found.append(repr(each)[:200])
                if type(each).__name__ == "function":
                    found += [each.__qualname__ for text in each.__code__.co_consts if text in marks[:2]]
            return found
    """)
        == []
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read the memory of processes in a user namespace")
def test_the_process_that_is_forked_holds_no_solution_no_secret_and_no_nonce(grade):
    nonce = "a-nonce-that-nobody-may-know-81d2"
    grade(notebooks.honest("2.3"), nonce)
    needles = {
        "nonce": nonce,
        "environment": os.environ["COURSE_TEST_SECRET"],
        "a misconception": "That is how many wrong captions one picture meets",
        "a hint": "F.normalize(text_vectors.mean(dim=1), dim=-1)",
        "an answer": "def cosine_similarities",
    }
    zygotes = [pid for pid in descendants() if b"utils.grading.zygote" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert zygotes
    found = set()
    for pid in zygotes:
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            for line in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines():
                span, access = line.split()[:2]
                start, end = (int(number, 16) for number in span.split("-"))
                assert access[1] == "-" or access[3] == "p", f"memory that runs would share: {line}"
                if access[1] == "w" and end - start < 2**31:
                    memory.seek(start)
                    try:
                        content = memory.read(end - start)
                    except OSError:  # a guard page
                        continue
                    found |= {name for name, needle in needles.items() if needle.encode() in content}
    assert found == set()


# the network --------------------------------------------------------------------------------------------------------


def test_neither_the_network_nor_loopback_nor_a_local_socket_is_reached(probe, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as abstract:
        name = f"course-test-{os.getpid()}"
        abstract.bind(f"\0{name}")
        with socket.socket(socket.AF_UNIX) as by_path:
            path = str(tmp_path / "socket")
            by_path.bind(path)
            for each in (abstract, by_path):
                each.listen()
            port = tcp.getsockname()[1]
            socket.create_connection(("127.0.0.1", port)).close()  # it does listen
            tcp.accept()[0].close()
            said = probe(f"""
                import socket

                def connect(family, kind, address):
                    with socket.socket(family, kind) as mine:
                        mine.connect(address)
                        return "connected"

                def probe():
                    tcp, udp = socket.SOCK_STREAM, socket.SOCK_DGRAM
                    return {{
                        "tcp": tried(connect, socket.AF_INET, tcp, ("127.0.0.1", {port})),
                        "udp": tried(connect, socket.AF_INET, udp, ("127.0.0.1", {port})),
                        "tcp 6": tried(connect, socket.AF_INET6, tcp, ("::1", {port})),
                                "names": tried(socket.getaddrinfo, "localhost", {port}),
                        "server": tried(socket.create_server, ("127.0.0.1", 0)),
                        "abstract": tried(connect, socket.AF_UNIX, tcp, "\\0{name}"),
                        "path": tried(connect, socket.AF_UNIX, tcp, {path!r}),
                        "raw": tried(socket.socket, socket.AF_PACKET, socket.SOCK_RAW),
                        "netlink": tried(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW),
                        "interfaces": tried(socket.if_nameindex),
                    }}
            """)
            for each in (tcp, abstract, by_path):
                each.setblocking(False)
                with pytest.raises(BlockingIOError):
                    each.accept()
    assert said.pop("names").startswith("gaierror")  # a name server cannot be asked, a file of hosts is not there
    assert said.pop("abstract") == "ECONNREFUSED"  # in its own network nobody has this name
    assert said.pop("path") == "ENOENT"
    assert set(said.values()) == {"EPERM"}


def test_no_family_of_sockets_but_the_local_one_can_be_made(probe):
    said = probe("""
        def probe():
            pair = (ctypes.c_int * 2)()
            found = {}
            for family in [0, *range(2, 50)]:
                for kind in (1, 2, 3, 5):
                    found["socket", family, kind] = call("socket", family, kind, 0)
                    found["pair", family, kind] = call("socketpair", family, kind, 0, pair)
            return [[list(key), value] for key, value in found.items()]
    """)
    assert [key for key, value in said if value != "EPERM"] == []


# the kernel ---------------------------------------------------------------------------------------------------------


def test_every_call_that_answers_have_no_use_for_is_denied(probe):
    said = probe("""
        def probe():
            return {name: call(name, 0, 0, 0, 0, 0, 0) for name in NUMBERS if name in DENIED}
    """.replace("DENIED", repr(set(seccomp.CALLS))))  # fmt: skip
    assert {name: value for name, value in said.items() if value != "EPERM"} == {}
    assert {"ptrace", "bpf", "io_uring_setup", "keyctl", "mount", "chroot", "setns", "userfaultfd"} <= said.keys()


def test_namespaces_cannot_be_made_nor_entered(probe):
    said = probe("""
        import signal

        def probe():
            flags = {"user": 0x10000000, "mount": 0x20000, "pid": 0x20000000, "net": 0x40000000, "time": 0x80}
            found = {f"unshare {name}": call("unshare", flag) for name, flag in flags.items()}
            found |= {f"clone {name}": call("clone", flag | signal.SIGCHLD, 0, 0, 0, 0) for name, flag in flags.items()}
            thread = 0x10000 | 0x800 | 0x100  # CLONE_THREAD, CLONE_SIGHAND, CLONE_VM
            found["a thread in another"] = call("clone", thread | flags["user"], 0, 0, 0, 0)
            found["clone3"] = call("clone3", bytes(88), 88)
            found["setns"] = call("setns", 3, 0)
            found["chroot"] = tried(os.chroot, "/tmp")
            return found
    """)
    assert said.pop("clone3") == "ENOSYS"
    assert set(said.values()) == {"EPERM"}


def test_no_capability_is_left_and_none_can_be_gained(probe):
    said = probe("""
        class Header(ctypes.Structure):
            _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]

        def probe():
            sets = (ctypes.c_uint32 * 6)()
            got = call("capget", ctypes.byref(Header(0x20080522, 0)), sets)
            return {
                "capget": got,
                "sets": list(sets),
                "bounding": [number for number in range(41) if libc.prctl(23, number, 0, 0, 0) == 1],
                "ambient": [number for number in range(41) if libc.prctl(47, 1, number, 0, 0) == 1],
                "no new privileges": libc.prctl(39, 0, 0, 0, 0),
                "seccomp": libc.prctl(21, 0, 0, 0, 0),
                "setgroups": tried(os.setgroups, [0]),
                "setuid": [tried(os.setuid, uid) for uid in (0, 1, 1000)],
                "nice": tried(os.setpriority, os.PRIO_PROCESS, 0, -5),
                "real time": tried(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1)),
            }
    """)
    assert (said["capget"], said["sets"], said["bounding"], said["ambient"]) == (0, [0] * 6, [], [])
    assert (said["no new privileges"], said["seccomp"]) == (1, 2)
    assert said["setgroups"] == "EPERM"
    # an ordinary user's run is user 0 of a namespace in which that means nothing, and stays it
    assert set(said["setuid"]) - {"None"} <= {"EPERM", "EINVAL"}
    assert said["setuid"].count("None") <= 1
    assert (said["nice"], said["real time"]) in (("EACCES", "EPERM"), ("EPERM", "EPERM"))


def test_limits_cannot_be_raised(probe):
    said = probe("""
        import resource

        def probe():
            found = {}
            for name in ("AS", "CPU", "NPROC", "FSIZE", "NOFILE", "CORE", "MSGQUEUE"):
                number = getattr(resource, f"RLIMIT_{name}")
                soft, hard = resource.getrlimit(number)
                found[name] = [soft, hard, tried(resource.setrlimit, number, (hard + 1, hard + 1))]
            return found
    """)
    assert {name: raised for name, (_, _, raised) in said.items()} == dict.fromkeys(said, "ValueError")
    assert all(soft == hard for soft, hard, _ in said.values())
    limits = {name: hard for name, (_, hard, _) in said.items()}
    assert (limits["FSIZE"], limits["CORE"], limits["MSGQUEUE"]) == (isolation.DISK_LIMIT, 0, 0)
    assert (limits["NPROC"], limits["NOFILE"]) == (isolation.THREADS_LIMIT, isolation.OPEN_FILES_LIMIT)
    assert isolation.MEMORY_LIMIT < limits["AS"] < isolation.MEMORY_LIMIT + 20e9
    assert limits["CPU"] < 3 * notebooks.PROBE.time_limit


# processes ----------------------------------------------------------------------------------------------------------


def test_no_process_can_be_started(probe):
    before = descendants()
    said = probe("""
        import multiprocessing
        import subprocess
        import sys

        def probe():
            start = multiprocessing.get_context("fork").Process(target=print).start
            return {
                "fork": tried(os.fork),
                "fork, by number": call("fork") if "fork" in NUMBERS else "EPERM",
                "vfork": call("vfork") if "vfork" in NUMBERS else "EPERM",
                "exec": tried(os.execv, sys.executable, ["python"]),
                "posix_spawn": tried(os.posix_spawn, "/bin/sh", ["sh"], {}),
                "subprocess": tried(subprocess.run, ["true"]),
                "multiprocessing": tried(start),
                "system": os.system("true") != 0,
            }
    """)
    assert said.pop("system") is True
    # executables are not there either, and may be looked for before a process is started
    assert {name: value for name, value in said.items() if value not in ("EPERM", "EACCES", "ENOENT")} == {}
    assert {said["fork"], said["vfork"], said["exec"], said["multiprocessing"]} == {"EPERM"}
    assert descendants() == before


def test_no_other_process_can_be_seen_or_killed(probe):
    before = descendants()
    with subprocess.Popen(["sleep", "60"]) as victim:
        said = probe(f"""
            import signal
            import threading

            def probe():
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                return {{
                    "own number": [os.getpid(), os.getppid()],
                    "a process of the machine": tried(os.kill, {victim.pid}, signal.SIGKILL),
                    "the grader": tried(os.kill, {os.getpid()}, signal.SIGKILL),
                    "everybody": tried(os.kill, -1, signal.SIGKILL),
                    "its group": tried(os.kill, 0, signal.SIGTERM),
                    "the parent": tried(os.kill, os.getppid(), signal.SIGTERM),
                    # a number may be that of one of our own threads
                    "visible": [
                        pid
                        for pid in range(2, 100_000)
                        if tried(os.kill, pid, 0) != "ESRCH" and pid not in [t.native_id for t in threading.enumerate()]
                    ],
                    "priorities": tried(os.getpriority, os.PRIO_PROCESS, {victim.pid}),
                    "trace": call("ptrace", 16, {victim.pid}, 0, 0),
                    "memory": call("process_vm_readv", {victim.pid}, 0, 0, 0, 0, 0),
                }}
        """)
        assert victim.poll() is None
        victim.kill()
    assert said["own number"] == [1, 0]
    assert said["a process of the machine"] == said["the grader"] == said["everybody"] == "ESRCH"
    assert said["visible"] == []
    assert said["priorities"] == "ESRCH"
    assert said["trace"] == said["memory"] == "EPERM"
    assert descendants() == before


def test_a_handle_on_the_graders_process_leads_nowhere(probe):
    """Newer kernels hand one out to whoever has a socket whose other end the grader made."""
    said = probe("""
        import fcntl
        import socket
        import struct

        SO_PEERPIDFD = 77

        def probe():
            connection = socket.socket(fileno=os.dup(3))
            try:
                (handle,) = struct.unpack("i", connection.getsockopt(socket.SOL_SOCKET, SO_PEERPIDFD, 4))
            except OSError:
                return {}
            said = {f"namespace {number}": tried(fcntl.ioctl, handle, 0xFF00 + number) for number in range(1, 11)}
            said |= {name: call(name, handle, 9, 0, 0) for name in ("pidfd_send_signal", "pidfd_getfd", "setns")}
            said["memory"] = call("process_madvise", handle, 0, 0, 21, 0)
            said["waiting"] = tried(os.waitid, 3, handle, os.WEXITED)
            return said
    """)
    assert set(said.values()) <= {"EPERM", "EACCES", "ENOTTY", "EINVAL", "ECHILD"}


# writing ------------------------------------------------------------------------------------------------------------


def test_nothing_can_be_written_outside_its_own_folders(probe):
    files = [Path(os.__file__), Path(pytest.__file__), Path("/etc/ld.so.cache")]
    before = {path: (hashlib.sha256(path.read_bytes()).digest(), path.stat().st_mtime_ns) for path in files}
    null = os.stat("/dev/null")
    said = probe(f"""
        def write(path):
            with open(path, "wb") as file:
                file.write(b"owned")
            return "written"

        def probe():
            said = {{}}
            folders = ["/", "/dev", "/etc", "/usr", "/usr/lib", *{[str(path.parent) for path in files]!r}]
            for folder in folders:
                new = os.path.join(folder, "owned")
                said[f"new file in {{folder}}"] = tried(write, new)
                said[f"new folder in {{folder}}"] = tried(os.mkdir, new)
                said[f"new link in {{folder}}"] = tried(os.symlink, "/tmp", new)
                said[f"new fifo in {{folder}}"] = tried(os.mkfifo, new)
                said[f"rights of {{folder}}"] = tried(os.chmod, folder, 0o777)
            for path in {[str(path) for path in files]!r}:
                said[f"over {{path}}"] = tried(write, path)
                said[f"shorter {{path}}"] = tried(os.truncate, path, 0)
                said[f"without {{path}}"] = tried(os.unlink, path)
                said[f"renamed {{path}}"] = tried(os.rename, path, path + "-owned")
                said[f"rights of {{path}}"] = tried(os.chmod, path, 0o777)
                said[f"owner of {{path}}"] = tried(os.chown, path, 1, 1)
                said[f"times of {{path}}"] = tried(os.utime, path)
            for device in ("null", "zero", "full", "random", "urandom"):
                said[f"times of {{device}}"] = tried(os.utime, f"/dev/{{device}}")
                said[f"rights of {{device}}"] = tried(os.chmod, f"/dev/{{device}}", 0o777)
            said["device"] = call("mknodat", -100, b"/tmp/disk", 0o60666, 0xfe00)
            return said
    """)
    assert {what: value for what, value in said.items() if value not in ("EROFS", "EACCES", "EPERM")} == {}
    assert {path: (hashlib.sha256(path.read_bytes()).digest(), path.stat().st_mtime_ns) for path in files} == before
    assert os.stat("/dev/null").st_ctime_ns == null.st_ctime_ns


def test_links_do_not_lead_out(probe, tmp_path):
    target = tmp_path / "gradebook.sqlite"
    target.write_text("everybody passed", encoding="utf-8")
    said = probe(f"""
        def write(path):
            with open(path, "w") as file:
                file.write("owned")
            return "written"

        def probe():
            os.symlink({str(target)!r}, "link")
            os.symlink("../" * 20 + {str(target)!r}, "relative")
            os.symlink("/", "root")
            return {{
                "through a link": tried(write, "link"),
                "through a relative link": tried(write, "relative"),
                "above the root": tried(os.listdir, "root/../../../proc"),
                "a hard link to a library": tried(os.link, os.__file__, "os.py"),
                "over a library": tried(os.rename, "link", os.__file__),
                "above, by descriptor": tried(os.open, "../proc", os.O_RDONLY, dir_fd=os.open("/", os.O_RDONLY)),
                "program": os.path.exists(os.open("program", os.O_CREAT, 0o777)) and os.access("program", os.X_OK),
            }}
    """)
    assert said["through a link"] == said["through a relative link"] == "ENOENT"
    assert said["above the root"] == said["above, by descriptor"] == "ENOENT"
    assert said["a hard link to a library"] in ("EXDEV", "EPERM", "EROFS")
    assert said["over a library"] in ("EXDEV", "EROFS")
    assert said["program"] is False  # files of its own cannot be run
    assert target.read_text(encoding="utf-8") == "everybody passed"


# filling ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm"])
def test_its_folders_fill_up_and_the_next_run_has_them_empty(folder, probe):
    fill = f"""
        def own():
            # a virtual environment may lie in /tmp, and stays in sight
            return [path for path in os.scandir({folder!r}) if not path.is_dir()]

        def probe():
            before, written, files, said = len(own()), 0, 0, []
            piece = bytes(1_000_000)
            try:
                while True:
                    with open(f"{folder}/big{{files}}", "wb", buffering=0) as file:
                        files += 1
                        while written < files * 20_000_000:
                            written += file.write(piece)
            except OSError as error:
                said.append(errno.errorcode[error.errno])
            for path in own():
                os.unlink(path)
            files = 0
            try:
                while True:
                    open(f"{folder}/{{files}}", "w").close()
                    files += 1
            except OSError as error:
                said.append(errno.errorcode[error.errno])
            return [before, written, files, said]
    """
    for _ in range(2):
        before, written, files, said = probe(fill)
        assert before == 0
        assert isolation.DISK_LIMIT / 2 < written <= isolation.DISK_LIMIT + 1_000_000
        assert isolation.FILES_LIMIT / 2 < files <= isolation.FILES_LIMIT
        assert said == ["ENOSPC", "ENOSPC"]


def test_memory_threads_files_and_all_that_is_shared_have_an_end(probe):
    said = probe("""
        import mmap
        import resource
        import socket
        import threading

        def count(make, most):
            kept = []
            try:
                while len(kept) < most:
                    kept.append(make())
                return [len(kept), "no end"]
            except (OSError, RuntimeError, MemoryError, ValueError) as error:
                return [len(kept), errno.errorcode.get(getattr(error, "errno", None), type(error).__name__)]

        def thread():
            each = threading.Thread(target=wait.wait, daemon=True)
            each.start()
            return each

        wait = threading.Event()

        def probe():
            found = {
                "a large file": tried(os.truncate, os.open("sparse", os.O_CREAT | os.O_RDWR) and "sparse", 10**12),
                "memfd": tried(os.memfd_create, "memory"),
                "System V memory": call("shmget", 0, 1 << 30, 0o1600),
                "System V queues": call("msgget", 0, 0o1600),
                "System V semaphores": call("semget", 0, 10_000, 0o1600),
                "message queues": call("mq_open", b"queue", os.O_CREAT | os.O_RDWR, 0o600, None),
                "asynchronous requests": call("io_setup", 60_000, ctypes.byref(ctypes.c_ulong())),
                "memory": count(lambda: bytearray(10**8), 1000),
                "mappings": count(lambda: mmap.mmap(-1, 10**8), 1000),
                "threads": count(thread, 1000),
            }
            wait.set()
            found["files"] = count(lambda: os.open("/dev/null", os.O_RDONLY), 10_000)
            return found
    """)
    for name in ("memfd", "System V memory", "System V queues", "System V semaphores", "asynchronous requests"):
        assert said[name] == "EPERM", name
    assert said["message queues"] == "EMFILE"
    assert said["a large file"] == "EFBIG"
    most = isolation.MEMORY_LIMIT / 1e8
    for name in ("memory", "mappings"):
        pieces, end = said[name]
        assert most / 2 < pieces <= most
        assert end in ("MemoryError", "ENOMEM")
    assert said["threads"][0] < isolation.THREADS_LIMIT
    assert said["files"] == [isolation.OPEN_FILES_LIMIT - 5, "EMFILE"] or said["files"][0] < isolation.OPEN_FILES_LIMIT
