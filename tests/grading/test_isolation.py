"""What the walls are made of: the plan, the cgroups, and what is said where a machine cannot build them."""

import os
import platform
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from utils.grading import isolation
from utils.grading.isolation import SLOTS_LIMIT, Cgroup, IsolationError, Plan, check_platform, make_plan, remedy
from utils.lessons import ROOT

FOLDERS = [ROOT / name for name in ("utils", "solutions", "course", "assets", "tests", ".git")]
HIDDEN = FOLDERS + [path for name in ("solutions", "utils") for path in (ROOT / name).rglob("*")]


def visible(path: Path, plan: Plan) -> bool:
    """Whether a process behind these walls would find `path`: the deepest mount above it decides."""
    mounts = [(Path(source), True) for source in plan.sources] + [(Path(mask), False) for mask in plan.masks]
    above = [(len(mount.parts), not seen) for mount, seen in mounts if path.is_relative_to(mount)]
    return bool(above) and not max(above)[1]


# the plan -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trusted", [True, False])
def test_a_plan_travels_as_json(trusted):
    plan = make_plan(3, trusted=trusted)
    assert Plan.from_json(plan.to_json()) == plan
    assert plan.trusted == trusted


@pytest.mark.parametrize("slot", [-1, SLOTS_LIMIT])
def test_more_slots_than_there_are_users_are_refused(slot):
    with pytest.raises(ValueError, match=f"slot {slot}: a machine has slots 0 to {SLOTS_LIMIT - 1}"):
        make_plan(slot)


def test_no_two_slots_share_a_user_and_none_is_anybody_elses(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    first = [make_plan(slot).first_uid for slot in (0, 1, 2, SLOTS_LIMIT - 1)]
    assert all(later - earlier >= 2 for earlier, later in pairwise(first))
    assert first[0] > 1_000_000_000
    assert first[-1] + 1 < 2**31


def test_an_ordinary_user_and_a_system_without_users_get_no_others(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    assert make_plan(0).first_uid == 0
    monkeypatch.delattr(os, "geteuid")
    assert make_plan(0).first_uid == 0


PATHS = {
    "as this test has it": lambda: None,
    "the course itself": lambda: str(ROOT),
    "the folder above the course": lambda: str(ROOT.parent),
    "the solutions": lambda: str(ROOT / "solutions"),
    "the package": lambda: str(ROOT / "utils"),
    "the root": lambda: "/",
    "nothing": lambda: "",
    "a folder that is not there": lambda: "/no/such/folder",
}


def test_nothing_of_the_course_is_visible_where_python_looks_for_modules_in_a_part_of_it(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT / "solutions" / "0_start"), *sys.path])
    plan = make_plan(0)
    assert [path for path in HIDDEN if visible(path, plan)] == []


@pytest.mark.parametrize("where", PATHS)
def test_nothing_of_the_course_is_visible_wherever_python_looks_for_modules(where, monkeypatch):
    if PATHS[where]() is not None:
        monkeypatch.setattr(sys, "path", [PATHS[where](), *sys.path])
    plan = make_plan(0)
    assert [path for path in HIDDEN if path.exists() and visible(path, plan)] == []


def test_a_folder_of_submissions_is_not_visible_even_if_python_looks_there_for_modules(tmp_path, monkeypatch):
    """As with `python -m` in that folder, or a PYTHONPATH."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert not visible(tmp_path / "gradebook.sqlite", make_plan(0))


def test_the_interpreter_and_its_libraries_are_visible():
    import numpy
    import torch

    plan = make_plan(0)
    for module in (os, numpy, torch, pytest):
        assert visible(Path(module.__file__).resolve(), plan)


def test_sources_are_real_folders_none_within_another():
    sources = make_plan(0).sources
    assert all(os.path.realpath(source) == source and os.path.exists(source) for source in sources)
    assert not [one for one in sources for other in sources if one != other and Path(one).is_relative_to(other)]


def test_home_folders_and_secrets_of_the_system_are_no_sources():
    plan = make_plan(0)
    for path in ("/etc/passwd", "/etc/shadow", "/home", "/var", "/proc/self/environ", "/sys", "/run", "/boot"):
        assert not visible(Path(path), plan)


def test_whether_others_can_read_an_interpreter_is_asked_of_every_folder_above_it(tmp_path):
    closed = tmp_path / "home"
    (closed / "venv" / "lib").mkdir(parents=True)
    closed.chmod(0o700)
    assert not isolation._readable_by_others(["/usr/lib", str(closed / "venv" / "lib")])
    assert isolation._readable_by_others(["/usr/lib"])


# where it cannot be had ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "name", "said"),
    [("darwin", "Darwin", "needs Linux, and this is Darwin"), ("win32", "Windows", "needs Linux, and this is Windows")],
)
def test_another_system_is_told_by_its_name(system, name, said, monkeypatch):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "system", lambda: name)
    with pytest.raises(IsolationError, match=said):
        check_platform()
    assert remedy() == "grade on Linux, or in a Linux virtual machine"


@pytest.mark.parametrize("release", ["4.19.0-generic", "5.4.0-150-generic", "5.13.19"])
def test_a_kernel_that_is_too_old_is_told_with_its_version(release, monkeypatch):
    of_linux(monkeypatch, release=release)
    with pytest.raises(IsolationError, match=f"needs Linux 5.14 or newer, and this is {release}"):
        check_platform()


@pytest.mark.parametrize("release", ["5.14.0", "5.15.90.1-microsoft-standard-WSL2", "6.1.0", "6.18.44+", "10.0-rc1"])
def test_a_kernel_that_is_new_enough_is_welcome(release, monkeypatch):
    of_linux(monkeypatch, release=release)
    check_platform()


def test_another_processor_is_told_by_its_name(monkeypatch):
    of_linux(monkeypatch, machine="riscv64")
    with pytest.raises(IsolationError, match="written for x86_64 and aarch64, and this is riscv64"):
        check_platform()


def test_the_remedy_on_linux_names_what_an_operator_can_set(monkeypatch):
    of_linux(monkeypatch)
    for word in ("root", "user.max_user_namespaces", "apparmor_restrict_unprivileged_userns", "seccomp=unconfined"):
        assert word in remedy()


def of_linux(monkeypatch, *, release: str = "6.1.0", machine: str = "x86_64") -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "release", lambda: release)
    monkeypatch.setattr(platform, "machine", lambda: machine)


# cgroups ------------------------------------------------------------------------------------------------------------

ALIVE = os.getpid()


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """A function that has this process find other cgroups mounted: mountinfo's last columns, and its own cgroups."""

    def pretend(mounts: dict[str, str], own: str) -> None:
        lines = [
            f"{40 + number} 31 0:{30 + number} / {tmp_path / folder} rw,nosuid shared:9 - {rest}"
            for number, (folder, rest) in enumerate(mounts.items())
        ]
        texts = {"/proc/self/mountinfo": "22 1 8:1 / / rw - ext4 /dev/root rw\n" + "\n".join(lines)}
        texts["/proc/self/cgroup"] = own
        read_text = Path.read_text

        def pretended(path: Path, *options) -> str:
            return texts[str(path)] if str(path) in texts else read_text(path, *options)

        monkeypatch.setattr(Path, "read_text", pretended)
        for folder in mounts:
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)

    return pretend


def limits_in(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


def test_cgroups_of_version_2_bound_memory_swap_and_tasks(kernel, tmp_path):
    kernel({"cgroup": "cgroup2 cgroup2 rw"}, "0::/user.slice")
    (tmp_path / "cgroup/cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    cgroup = Cgroup(7, 1000, 20)
    assert cgroup.made
    cgroup.add(4242)
    assert limits_in(tmp_path / f"cgroup/course-grade-{ALIVE}-7") == {
        "memory.max": "1000",
        "memory.swap.max": "0",
        "pids.max": "20",
        "cgroup.procs": "4242",
    }


V1 = {"memory": "cgroup cgroup rw,memory", "pids": "cgroup cgroup rw,pids", "cpu": "cgroup cgroup rw,cpu,cpuacct"}
V1_LIMITS = [("memory", {"memory.limit_in_bytes": "1000"}), ("pids", {"pids.max": "20"})]


@pytest.mark.parametrize(("kind", "limit"), V1_LIMITS)
def test_cgroups_of_version_1_lie_below_our_own(kind, limit, kernel, tmp_path):
    kernel(V1, "12:cpu,cpuacct:/\n5:pids:/user.slice/s1\n4:memory:/user.slice/s1\n0::/user.slice")
    for name in ("memory", "pids"):
        (tmp_path / name / "user.slice/s1").mkdir(parents=True)
    cgroup = Cgroup(0, 1000, 20)
    cgroup.add(4242)
    made = limits_in(tmp_path / kind / f"user.slice/s1/course-grade-{ALIVE}-0")
    assert made == limit | {"cgroup.procs": "4242"}
    assert list((tmp_path / "cpu").iterdir()) == []


@pytest.mark.parametrize(("kind", "limit"), V1_LIMITS)
def test_in_a_container_whose_mount_begins_at_our_own_cgroup_they_lie_there(kind, limit, kernel, tmp_path):
    kernel(V1, "5:pids:/docker/abc\n4:memory:/docker/abc\n")
    Cgroup(0, 1000, 20)
    assert limits_in(tmp_path / kind / f"course-grade-{ALIVE}-0") == limit


def test_memory_and_pids_may_share_one_mount_of_version_1(kernel, tmp_path):
    kernel({"both": "cgroup cgroup rw,pids,memory"}, "4:pids,memory:/\n")
    Cgroup(0, 1000, 20)
    made = limits_in(tmp_path / "both" / f"course-grade-{ALIVE}-0")
    assert made == {"memory.limit_in_bytes": "1000", "pids.max": "20"}


def test_version_1_is_used_where_version_2_has_no_controllers(kernel, tmp_path):
    kernel({"unified": "cgroup2 cgroup2 rw", **V1}, "4:memory:/\n5:pids:/\n0::/")
    (tmp_path / "unified/cgroup.controllers").write_text("")
    assert Cgroup(0, 1000, 20).made
    assert list((tmp_path / "memory").glob("course-grade-*"))
    assert not list((tmp_path / "unified").glob("course-grade-*"))


def test_without_cgroups_there_is_none_and_nothing_fails(kernel):
    kernel({}, "")
    cgroup = Cgroup(0, 1000, 20)
    assert not cgroup.made
    cgroup.add(4242)
    cgroup.close()


def test_cgroups_that_cannot_be_written_are_left_alone(kernel, tmp_path, monkeypatch):
    kernel({"cgroup": "cgroup2 cgroup2 ro"}, "0::/")
    (tmp_path / "cgroup/cgroup.controllers").write_text("memory pids")

    def refuse(path, text):
        raise PermissionError("read-only")

    monkeypatch.setattr(Path, "write_text", refuse)
    assert not Cgroup(0, 1000, 20).made
    assert not list((tmp_path / "cgroup").glob("course-grade-*"))


def test_a_closed_cgroup_is_gone(kernel, tmp_path):
    kernel({"cgroup": "cgroup2 cgroup2 rw"}, "0::/")
    (tmp_path / "cgroup/cgroup.controllers").write_text("memory pids")
    cgroup = Cgroup(0, 1000, 20)
    (folder,) = (tmp_path / "cgroup").glob("course-grade-*")
    for file in folder.iterdir():  # the kernel's own files go with their folder
        file.unlink()
    cgroup.close()
    assert not folder.exists()
    assert not cgroup.made


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_cgroups_of_graders_that_were_killed_are_removed_and_those_of_living_ones_stay(kernel, tmp_path):
    kernel({"cgroup": "cgroup2 cgroup2 rw"}, "0::/")
    (tmp_path / "cgroup/cgroup.controllers").write_text("memory pids")
    dead, living = (tmp_path / "cgroup" / f"course-grade-{pid}-3" for pid in (2**30, os.getppid()))
    dead.mkdir()
    living.mkdir()
    Cgroup(0, 1000, 20)
    assert not dead.exists()
    assert living.exists()


# limits -------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_address_space_that_limits_build_on_is_the_kernels_own_figure():
    status = Path("/proc/self/status").read_text()
    kilobytes = int(next(line for line in status.splitlines() if line.startswith("VmSize")).split()[1])
    assert isolation.address_space() == pytest.approx(kilobytes * 1024, rel=0.05)
