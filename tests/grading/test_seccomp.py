"""The system call filter denies what it names, and nothing that honest work needs."""

import errno
import json
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from utils.grading import seccomp
from utils.grading.seccomp import (
    ARCHITECTURES,
    CALLS,
    CLONE,
    CLONE3,
    CLONE_NEW,
    CLONE_THREAD,
    SOCKET,
    SOCKETPAIR,
    build_filter,
)

MACHINES = tuple(ARCHITECTURES)
INCLUDE = Path("/usr/include")
HEADERS = {
    "x86_64": [INCLUDE / "x86_64-linux-gnu/asm/unistd_64.h", INCLUDE / "asm/unistd_64.h"],
    "aarch64": [INCLUDE / "asm-generic/unistd.h"],
}
linux = pytest.mark.skipif(
    sys.platform != "linux" or seccomp.platform.machine() not in ARCHITECTURES, reason="the filter is Linux' own"
)

ALLOW, KILL = 0x7FFF0000, 0x80000000
DENY, NO_SUCH_CALL = 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS


def numbers_of(machine: str) -> dict[str, int]:
    """The system's own numbers, by name; skips the test where its headers are not installed."""
    header = next((path for path in HEADERS[machine] if path.exists()), None)
    if header is None:
        pytest.skip(f"no kernel headers of {machine} are installed")
    return {name: int(number) for name, number in re.findall(r"#define __NR_(\w+)\s+(\d+)", header.read_text())}


def decide(machine: str, number: int, argument: int = 0, *, architecture: int | None = None) -> int:
    """What the kernel would make of one call: the filter's program, run as seccomp(2) describes it."""
    call = ARCHITECTURES[machine] if architecture is None else architecture
    data = struct.pack("<IIQ6Q", number & 0xFFFFFFFF, call, 0, argument, *[0] * 5)
    program = list(struct.iter_unpack("HBBI", build_filter(machine)))
    loaded = place = 0
    while True:
        code, if_true, if_false, value = program[place]
        place += 1
        if code == 0x20:
            loaded = struct.unpack_from("<I", data, value)[0]
        elif code == 0x06:
            return value
        else:
            holds = {0x15: loaded == value, 0x35: loaded >= value, 0x45: bool(loaded & value)}[code]
            place += if_true if holds else if_false


@pytest.mark.parametrize("machine", MACHINES)
def test_every_number_is_the_one_of_the_systems_own_headers(machine):
    known = numbers_of(machine)
    column = MACHINES.index(machine)
    ours = {name: numbers[column] for name, numbers in CALLS.items()}
    ours |= {"clone": CLONE[machine], "socket": SOCKET[machine], "socketpair": SOCKETPAIR[machine], "clone3": CLONE3}
    # a header that is older than a call does not have it
    wrong = {name: number for name, number in ours.items() if number is not None and known.get(name, number) != number}
    assert wrong == {}
    assert {name for name, number in ours.items() if number is None and known.get(name, 1024) < 1024} == set()
    assert len(ours.keys() & known.keys()) > 50


@pytest.mark.parametrize("machine", MACHINES)
def test_every_call_that_is_named_is_denied(machine):
    numbers = {name: numbers[MACHINES.index(machine)] for name, numbers in CALLS.items()}
    assert {name: decide(machine, number) for name, number in numbers.items() if number is not None} == {
        name: DENY for name, number in numbers.items() if number is not None
    }


@pytest.mark.parametrize("machine", MACHINES)
def test_calls_that_are_not_named_are_allowed(machine):
    known = numbers_of(machine)
    for name in ("read", "write", "openat", "munmap", "futex", "getrandom", "exit_group", "kill"):
        assert decide(machine, known[name]) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
def test_threads_may_be_made_and_processes_and_namespaces_may_not(machine):
    thread = CLONE_THREAD | 0x3D0F00  # as the C library asks for one
    assert decide(machine, CLONE[machine], thread) == ALLOW
    assert decide(machine, CLONE[machine], 17) == DENY  # SIGCHLD: a process
    assert decide(machine, CLONE[machine], 0) == DENY
    for flag in (1 << bit for bit in range(32) if CLONE_NEW >> bit & 1):
        assert decide(machine, CLONE[machine], thread | flag) == DENY
    assert decide(machine, CLONE3) == NO_SUCH_CALL


@pytest.mark.parametrize("machine", MACHINES)
def test_sockets_stay_on_the_machine(machine):
    for number in (SOCKET[machine], SOCKETPAIR[machine]):
        families = {family: decide(machine, number, family) for family in range(46)}
        assert [family for family, decision in families.items() if decision == ALLOW] == [seccomp.AF_UNIX]
        assert {decision for family, decision in families.items() if family != seccomp.AF_UNIX} == {DENY}


@pytest.mark.parametrize("machine", MACHINES)
def test_other_sets_of_numbers_for_the_same_calls_are_no_way_around(machine):
    others = [number for name, number in ARCHITECTURES.items() if name != machine] + [0x40000003]  # 32 bits
    assert {decide(machine, 0, architecture=other) for other in others} == {KILL}
    x32 = 0x40000000
    assert decide(machine, x32 | 0) == DENY
    assert decide(machine, x32 | 520) == DENY  # execve there
    assert decide(machine, -1) == DENY


def test_an_unknown_processor_is_refused_by_its_name():
    with pytest.raises(ValueError, match=r"no system call filter for riscv64: it is written for x86_64 and aarch64"):
        build_filter("riscv64")


WITHIN = """
import ctypes, errno, json, os, platform, socket, subprocess, sys, threading

from utils.grading import seccomp

libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0  # no-new-privs
seccomp.apply_filter()
assert libc.prctl(21, 0, 0, 0, 0) == 2  # a filter is at work, or the calls below would do harm

def refused(call):
    try:
        call()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "allowed"

column = list(seccomp.ARCHITECTURES).index(platform.machine())
calls = {}
for name, numbers in seccomp.CALLS.items():
    if numbers[column] is not None:
        ctypes.set_errno(0)
        result = libc.syscall(ctypes.c_long(numbers[column]), *[ctypes.c_long(-1)] * 5)
        calls[name] = errno.errorcode[ctypes.get_errno()] if result == -1 else "allowed"

worked = []
thread = threading.Thread(target=worked.append, args=("a thread",))
thread.start()
thread.join()
ours, theirs = socket.socketpair()
ours.send(b"a socket")
worked.append(theirs.recv(100).decode())
with socket.socket(socket.AF_UNIX) as made:
    made.close()
families = {name: getattr(socket, name) for name in ("AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET")}
print(json.dumps({
    "calls": calls,
    "worked": worked,
    "families": {name: refused(lambda: socket.socket(family)) for name, family in families.items()},
    "fork": refused(os.fork),
    "spawn": refused(lambda: os.posix_spawn("/bin/true", ["true"], {})),
    "subprocess": refused(lambda: subprocess.run(["/bin/true"])),
    "memory file": refused(lambda: os.memfd_create("x")),
}))
"""


@linux
def test_in_a_process_that_has_it_the_kernel_denies_each_call_and_threads_and_local_sockets_work():
    done = subprocess.run([sys.executable, "-c", WITHIN], capture_output=True, text=True, timeout=60, check=True)
    found = json.loads(done.stdout)
    assert {name: code for name, code in found.pop("calls").items() if code != "EPERM"} == {}
    assert found == {
        "worked": ["a thread", "a socket"],
        "families": dict.fromkeys(("AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET"), "EPERM"),
        "fork": "EPERM",
        "spawn": "EPERM",
        "subprocess": "EPERM",
        "memory file": "EPERM",
    }


@linux
def test_without_no_new_privileges_an_ordinary_user_is_told_that_the_filter_is_refused():
    script = (
        "import os\nfrom utils.grading import isolation, seccomp\nisolation._drop_capabilities()\n"
        "try:\n    seccomp.apply_filter()\nexcept OSError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert "the system call filter was refused" in done.stdout
