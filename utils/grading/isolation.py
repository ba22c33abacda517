"""The walls around an answer: what one process of Linux can take away from itself, and whether this machine lets it.

Why not bubblewrap, the well-kept tool for this: it isolates a program that it starts, and one that imports torch takes
1.5 s to start. Here a process that has torch loaded forks for each run, which costs 7 ms, and namespaces add less than
one; nothing that bubblewrap offers happens between a fork and what comes after it. So the forked process builds its
own walls, with the same kernel features, in this order:

- once, in the *zygote* (`utils.grading.zygote`), the process that is forked: a user namespace whose root is nobody
  outside it; mount, network, IPC, UTS and pid namespaces; a root file system that holds the interpreter and its
  libraries, read-only, and neither the course's own code, nor `/proc`, nor `/sys`;
- for each run, in the child: a new pid namespace, in which it is the only process; new mount and IPC namespaces with a
  small `/tmp` and `/dev/shm` in memory; another uid where uids can be had; no capabilities; limits; no-new-privs; the
  filter of system calls in `utils.grading.seccomp`.

The network namespace is made once, because it has no device that is up and nobody in it could raise one. Each slot
has its own uid, because the limit on threads counts by uid. Cgroups bound memory and number of tasks as well, where
they may be written.

Linux 5.14 or newer: `mount_setattr` is of 5.12, limits counted for each user namespace are of 5.14.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import platform
import re
import signal
import site
import sys
import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utils.grading import seccomp
from utils.lessons import ROOT

FIRST_UID = 1_879_048_192
"""Host uids from here on belong to slots, two to each: far above those of people, services and containers."""
SLOTS_LIMIT = 10_000
MEMORY_LIMIT = 2_000_000_000
"""Bytes of address space that a run may take beyond what the forked process has."""
DISK_LIMIT, FILES_LIMIT = 64_000_000, 2_000
"""Bytes and inodes of a run's `/tmp`; `/dev/shm` has as much."""
THREADS_LIMIT = 64
OPEN_FILES_LIMIT = 256

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
_ATTR_RDONLY, _ATTR_NOSUID, _ATTR_NODEV = 1, 2, 4
_AT_FDCWD, _AT_RECURSIVE, _MNT_DETACH = -100, 0x8000, 2
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_OPEN_TREE_CLONE, _FROM_HANDLE = 1, 4
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
_DEVICES = ("null", "zero", "full", "random", "urandom")
_STAGE = "/sys"
"""Where the new root is put together: a folder that every Linux has, and that holds nothing which is needed."""
_LATER_NAMESPACES = NEWPID | NEWNET | NEWIPC | NEWUTS


class IsolationError(RuntimeError):
    """Answers cannot be isolated here; the message says why and what to do."""


@dataclass(frozen=True)
class Plan:
    """What a zygote needs to know to build its walls; made in the trusted process, sent as JSON.

    `sources` are folders and files that stay visible, read-only, at their own paths; `masks` folders within them
    that become empty. `first_uid` is the slot's own, 0 where uids cannot be chosen. `trusted` builds no namespaces.
    """

    sources: tuple[str, ...]
    masks: tuple[str, ...]
    first_uid: int
    trusted: bool

    def to_json(self) -> str:
        """Return the plan as JSON."""
        return json.dumps(self.__dict__)

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """Return the plan that `to_json` made."""
        data = json.loads(text)
        return cls(tuple(data["sources"]), tuple(data["masks"]), data["first_uid"], data["trusted"])


def make_plan(slot: int, *, trusted: bool = False) -> Plan:
    """Return the plan for slot number `slot`, from 0. Raises ValueError where there are too many slots."""
    if not 0 <= slot < SLOTS_LIMIT:
        raise ValueError(f"slot {slot}: a machine has slots 0 to {SLOTS_LIMIT - 1}")
    # not all of sys.path: it may hold the folder in which somebody keeps a class's submissions
    libraries = [path for path in sys.path if os.path.basename(path) in ("site-packages", "dist-packages")]
    interpreter = [sysconfig.get_path("stdlib"), f"{sys.base_prefix}/lib", *libraries, *site.getsitepackages()]
    system = ["/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib"]
    system += ["/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo"]
    found = {os.path.realpath(path) for path in [*interpreter, *system] if path and os.path.exists(path)}
    # the course's own folder may be on sys.path; whatever else of it is on it is a virtual environment's
    found -= {"/", str(ROOT)}
    sources = {path for path in found if not any(path != other and _within(path, other) for other in found)}
    hidden = [str(ROOT / name) for name in ("utils", "solutions", "course", "assets", "tests", ".git")]
    masks = [path for path in hidden if os.path.isdir(path) and any(_within(path, source) for source in sources)]
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return Plan(tuple(sorted(sources)), tuple(masks), FIRST_UID + 2 * slot if as_root else 0, trusted)


def check_platform() -> None:
    """Raise IsolationError unless this is a Linux, on a processor, that can isolate at all."""
    if sys.platform != "linux":
        raise IsolationError(f"isolating other people's code needs Linux, and this is {platform.system()}")
    if platform.machine() not in seccomp.ARCHITECTURES:
        known = " and ".join(seccomp.ARCHITECTURES)
        raise IsolationError(f"the system call filter is written for {known}, and this is {platform.machine()}")
    release = tuple(map(int, re.findall(r"\d+", platform.release())[:2]))
    if release < (5, 14):
        raise IsolationError(f"isolation needs Linux 5.14 or newer, and this is {platform.release()}")


_proc: list[int] = []
"""The zygote's one handle of the /proc outside its walls; each child closes it before anything else."""


def enter(plan: Plan, map_uids: Callable[[], None]) -> None:
    """Build the walls that all runs of a zygote share. `map_uids` has the parent write this process' uid maps.

    Forks: what returns is the first process of the new pid namespace; the one that called waits for it and ends with
    it. Raises IsolationError, with the step that was refused.
    """
    _proc.append(os.open("/proc", os.O_RDONLY | os.O_DIRECTORY))
    if plan.first_uid:
        _call("making a mount namespace", "unshare", NEWNS)
        _build_root(plan)
        _call("making a user namespace", "unshare", NEWUSER | _LATER_NAMESPACES)
        map_uids()
        _as_user(0)
    else:
        uid, gid = os.getuid(), os.getgid()
        _call("making a user namespace", "unshare", NEWUSER | NEWNS | _LATER_NAMESPACES)
        for name, line in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            try:
                Path("/proc/self", name).write_text(line)
            except OSError as error:
                raise IsolationError(f"mapping users in a user namespace was refused: {error.strerror}") from error
        _build_root(plan)
    _libc().sethostname(b"grader", 6)
    first = os.fork()
    end_with_parent()
    if first:
        _end_with(first)


def end_with_parent() -> None:
    """Have the kernel end this process when its parent ends, however that is. A change of user undoes it."""
    _libc().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def write_uid_maps(pid: int, plan: Plan) -> None:
    """Give the user namespace of process `pid` the two uids of its slot, as 0 and 1. Needs root."""
    for name in ("uid_map", "gid_map"):
        Path(f"/proc/{pid}/{name}").write_text(f"0 {plan.first_uid} 2")


class PidNamespaces:
    """Lets a process put each of its children into a pid namespace of the child's own, again and again."""

    def __init__(self) -> None:
        self._own = os.open("self/ns/pid", os.O_RDONLY, dir_fd=_proc[0])

    def fork(self) -> int:
        """As `os.fork`; the child is process 1 of a new pid namespace."""
        _call("making a pid namespace", "unshare", NEWPID)
        pid = os.fork()
        if pid:  # the next child must not be put into the same one, which ends with this child
            _call("leaving a pid namespace", "setns", self._own, NEWPID)
        return pid


def confine(plan: Plan, cpu_seconds: int, memory: int) -> None:
    """Build the walls of one run around the calling process, for good; the last one is the system call filter.

    `memory` is the address space that it may have, in bytes. The caller has closed what the run must not hold.
    """
    import resource

    os.setsid()
    if not plan.trusted:
        _call("making a mount namespace", "unshare", NEWNS | NEWIPC)
        uid = 1 if plan.first_uid else 0
        options = f"size={DISK_LIMIT},nr_inodes={FILES_LIMIT},mode=700,uid={uid},gid={uid}"
        for folder in ("/tmp", "/dev/shm"):
            # a virtual environment may lie in /tmp: it has to stay in sight
            kept = [(path, _clone_mount(path)) for path in plan.sources if _within(path, folder)]
            _mount("tmpfs", folder, "tmpfs", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, options)
            for path, tree in kept:
                os.makedirs(path, exist_ok=True)
                _attach_mount(tree, path)
    for name, limit in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_FSIZE, DISK_LIMIT),
        (resource.RLIMIT_NOFILE, OPEN_FILES_LIMIT),
        (resource.RLIMIT_NPROC, THREADS_LIMIT),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(name, (limit, limit))
    _bound_capabilities()  # before the change of user, after which it would be refused
    if plan.first_uid and not plan.trusted:
        _as_user(1)
    elif plan.first_uid and _readable_by_others(plan.sources):
        _as_user(plan.first_uid)
    os.chdir("/tmp")
    _drop_capabilities()
    libc = _libc()
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise IsolationError("no-new-privs was refused")
    seccomp.apply_filter()


class Cgroup:
    """Bounds memory and number of tasks of all processes that it holds; without effect where cgroups are read-only.

    `made` says whether there is one. Version 2 is used where memory and pids belong to it, else version 1.
    """

    def __init__(self, slot: int, memory: int, tasks: int) -> None:
        self._folders: list[Path] = []
        for parent, limits in _cgroup_parents(memory, tasks):
            _remove_abandoned(parent)
            folder = parent / f"{_CGROUP}{os.getpid()}-{slot}"
            try:
                folder.mkdir(exist_ok=True)
                self._folders.append(folder)
                for file, value in limits.items():
                    (folder / file).write_text(str(value))
            except OSError:  # not ours to write: the limits of the process itself remain
                self.close()
                return

    @property
    def made(self) -> bool:
        """Whether this machine lets us make one."""
        return bool(self._folders)

    def add(self, pid: int) -> None:
        """Put process `pid`, and so its later children, into the cgroup."""
        for folder in self._folders:
            (folder / "cgroup.procs").write_text(str(pid))

    def close(self) -> None:
        """Remove the cgroup. Its processes must have ended."""
        for folder in self._folders:
            _remove(folder)
        self._folders = []


_CGROUP = "course-grade-"


def _remove(folder: Path) -> None:
    # a process that is just ending still counts; the next grader on this machine removes what stays behind
    with contextlib.suppress(OSError):
        folder.rmdir()


def _remove_abandoned(parent: Path) -> None:
    """Remove the cgroups of graders that were killed and could not do it themselves."""
    for folder in parent.glob(f"{_CGROUP}*-*"):
        owner = folder.name.removeprefix(_CGROUP).partition("-")[0]
        if not Path("/proc", owner).exists():
            _remove(folder)


def _cgroup_parents(memory: int, tasks: int) -> list[tuple[Path, dict[str, int]]]:
    """Return the folders in which cgroups can be made, each with the limits that are written there."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        own = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    except OSError:
        return []
    parents = {}
    for line in mounts:
        fields, _, rest = line.partition(" - ")
        kind, _, options = rest.split(" ", 2)
        point = Path(fields.split()[4])
        if kind == "cgroup2" and "memory" in _words(point / "cgroup.controllers"):
            return [(point, {"memory.max": memory, "memory.swap.max": 0, "pids.max": tasks})]
        if kind == "cgroup":
            for name in {"memory", "pids"} & set(options.split(",")):
                below = next((path for _, names, path in own if name in names.split(",")), "/")
                # in a container the mount may begin at our own cgroup already
                inside = point / below.lstrip("/")
                parents[name] = inside if inside.is_dir() else point
    limits = {"memory": {"memory.limit_in_bytes": memory}, "pids": {"pids.max": tasks}}
    return [(parents[name], limits[name]) for name in sorted(parents)]


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []


def _build_root(plan: Plan) -> None:
    """Put together a root that holds the plan's sources alone, and move into it."""
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE)
    _mount("tmpfs", _STAGE, "tmpfs", _MS_NOSUID, "size=1m,nr_inodes=4096,mode=755")
    for folder in ("/dev/shm", "/tmp"):
        os.makedirs(_STAGE + folder)
    _mount("tmpfs", f"{_STAGE}/tmp", "tmpfs", _MS_NOSUID | _MS_NODEV, f"size={DISK_LIMIT},mode=777")
    # outer folders first, so that what lies deeper comes on top; a mask hides what its folder brought along
    steps = sorted([(path, False) for path in plan.sources] + [(path, True) for path in plan.masks])
    for path, masked in steps:
        target = _STAGE + path
        if masked:
            _mount("tmpfs", target, "tmpfs", _MS_NOSUID, "size=4k,nr_inodes=2,mode=555")
            continue
        if os.path.isdir(path):
            os.makedirs(target, exist_ok=True)
        elif not os.path.exists(target):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY))
        _mount(path, target, None, _MS_BIND | _MS_REC)
        _read_only(target, _ATTR_NOSUID | _ATTR_NODEV, recursive=True)
    for link in ("/lib", "/lib32", "/lib64"):  # on most systems links into /usr
        if os.path.islink(link) and not os.path.lexists(_STAGE + link):
            os.symlink(os.readlink(link), _STAGE + link)
    for device in _DEVICES:
        target = f"{_STAGE}/dev/{device}"
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY))
        _mount(f"/dev/{device}", target, None, _MS_BIND)
        _read_only(target, _ATTR_NOSUID, recursive=False)  # it can be written to, and not be changed
    _read_only(_STAGE, _ATTR_NOSUID, recursive=False)
    os.chdir(_STAGE)
    if _libc().syscall(_PIVOT_ROOT[platform.machine()], b".", b".") != 0:
        raise IsolationError(f"changing the root folder was refused: {os.strerror(ctypes.get_errno())}")
    _call("leaving the old root", "umount2", b".", _MNT_DETACH)
    os.chdir("/")


def _read_only(target: str, flags: int, *, recursive: bool) -> None:
    """Make the mount at `target` read-only, and all below it where `recursive`. See mount_setattr(2)."""
    attributes = (ctypes.c_uint64 * 4)(_ATTR_RDONLY | flags, 0, 0, 0)
    result = _libc().syscall(
        _MOUNT_SETATTR, _AT_FDCWD, target.encode(), _AT_RECURSIVE if recursive else 0, attributes, 32
    )
    if result != 0:
        raise IsolationError(f"making {target} read-only was refused: {os.strerror(ctypes.get_errno())}")


def _clone_mount(path: str) -> int:
    """Return a handle of what is mounted at `path`, which outlives its being covered. See open_tree(2)."""
    tree = _libc().syscall(_OPEN_TREE, _AT_FDCWD, path.encode(), _OPEN_TREE_CLONE | _AT_RECURSIVE)
    if tree < 0:
        raise IsolationError(f"copying the mount of {path} was refused: {os.strerror(ctypes.get_errno())}")
    return tree


def _attach_mount(tree: int, path: str) -> None:
    """Mount at `path` what `_clone_mount` gave, and close its handle. See move_mount(2)."""
    result = _libc().syscall(_MOVE_MOUNT, tree, b"", _AT_FDCWD, path.encode(), _FROM_HANDLE)
    os.close(tree)
    if result != 0:
        raise IsolationError(f"mounting {path} again was refused: {os.strerror(ctypes.get_errno())}")


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str = "") -> None:
    arguments = [text.encode() if text is not None else None for text in (source, target, kind)]
    _call(f"mounting {target}", "mount", *arguments, ctypes.c_ulong(flags), options.encode() or None)


def _call(what: str, name: str, *arguments: Any) -> None:
    """Call a function of the C library; raise IsolationError, which says what was refused, where it fails."""
    if getattr(_libc(), name)(*arguments) != 0:
        raise IsolationError(f"{what} was refused: {os.strerror(ctypes.get_errno())}")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _as_user(uid: int) -> None:
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def _bound_capabilities() -> None:
    libc = _libc()
    capability = 0
    while libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) == 0:
        capability += 1


def _drop_capabilities() -> None:
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this process
    if _libc().capset(header, (ctypes.c_uint32 * 6)()) != 0:
        raise IsolationError("dropping capabilities was refused")


def address_space() -> int:
    """Return the bytes of address space that this process has. A zygote can ask, a run cannot."""
    import resource

    handle = os.open("self/statm", os.O_RDONLY, dir_fd=_proc[0]) if _proc else os.open("/proc/self/statm", os.O_RDONLY)
    with os.fdopen(handle) as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _readable_by_others(paths: Sequence[str]) -> bool:
    """Whether another user could read the interpreter: every folder above it must let others through."""
    return all(os.stat(parent).st_mode & 1 for path in paths for parent in Path(path).parents)


def _within(path: str, folder: str) -> bool:
    return Path(path).is_relative_to(folder)


def _end_with(pid: int) -> None:
    """Wait for `pid` and end as it ends; the calling process does nothing else any more."""
    os.closerange(3, 1024)
    _, status = os.waitpid(pid, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def remedy() -> str:
    """Return what may be done where isolation is refused."""
    if sys.platform != "linux":
        return "grade on Linux, or in a Linux virtual machine"
    return (
        "grade as root, or let users make namespaces: sysctl -w user.max_user_namespaces=10000, on Ubuntu also "
        "kernel.apparmor_restrict_unprivileged_userns=0, in a container --security-opt seccomp=unconfined"
    )
