"""A hostile zip or folder harms nobody: it becomes a sentence that names it, and the rest of the class is found."""

from __future__ import annotations

import os
import re
import stat
import struct
import sys
import tempfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import NOTEBOOK, plant, zipped

from utils.grading import archives
from utils.grading.records import Submission, SubmissionError, Unusable
from utils.grading.submissions import find_submissions

MEGABYTE = 1_000_000
LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


def member(name: str, mode: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, date_time=(2026, 1, 31, 12, 0, 0))
    info.external_attr = mode << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def patched(data: bytes, signature: bytes, offset: int, layout: str, *values: int) -> bytes:
    """Return the zip with fields of its last header of that signature overwritten."""
    changed = bytearray(data)
    struct.pack_into(layout, changed, data.rindex(signature) + offset, *values)
    return bytes(changed)


def renamed(data: bytes, old: bytes, new: bytes) -> bytes:
    assert len(old) == len(new)
    return data.replace(old, new)


SOUND = zipped({"work.ipynb": NOTEBOOK})
ZEROS = b"\0" * 50 * MEGABYTE
LYING = patched(patched(zipped({"work.ipynb": ZEROS}), CENTRAL, 24, "<L", 1_000), LOCAL, 22, "<L", 1_000)
ZIP64_EXTRA = struct.pack("<HHQQQ", 1, 24, 2**63, 2**63, 2**63)


def with_zip64_sizes() -> bytes:
    info = member("work.ipynb")
    info.extra = ZIP64_EXTRA
    data = zipped([(info, NOTEBOOK)])
    return patched(data, CENTRAL, 20, "<LL", 0xFFFFFFFF, 0xFFFFFFFF)


def with_overlapping_members() -> bytes:
    """Twenty entries in the table of contents, and all of them are the same bytes."""
    data = zipped({"work.ipynb": os.urandom(5_000)})
    start, end = data.index(CENTRAL), data.index(END)
    entry = data[start:end]
    directory = b"".join(renamed(entry, b"work.ipynb", b"work%02d.ipy" % number) for number in range(20))
    tail = struct.pack("<4s4H2LH", END, 0, 0, 20, 20, len(directory), start, 0)
    return data[:start] + directory + tail


# each: the zip that mallory hands in, and what is said of it
REFUSED = {
    "climbs out": (zipped({"../../evil.ipynb": NOTEBOOK}), "evil.ipynb is meant to land outside the folder"),
    "climbs out, with backslashes": (zipped({"..\\..\\evil.ipynb": NOTEBOOK}), "is meant to land outside"),
    "is absolute": (zipped({"/etc/evil.ipynb": NOTEBOOK}), "is meant to land outside"),
    "names a drive": (zipped({"C:\\evil.ipynb": NOTEBOOK}), "is meant to land outside"),
    "names a server": (zipped({"\\\\host\\share\\evil.ipynb": NOTEBOOK}), "is meant to land outside"),
    "a link": (zipped([(member("a.ipynb", stat.S_IFLNK | 0o777), b"/etc/passwd")]), "is a link, and links are not"),
    "a pipe": (zipped([(member("a.ipynb", stat.S_IFIFO | 0o644), b"")]), "is not a regular file"),
    "a device": (zipped([(member("a.ipynb", stat.S_IFCHR | 0o644), b"")]), "is not a regular file"),
    "encrypted": (
        patched(patched(SOUND, CENTRAL, 8, "<H", 1), LOCAL, 6, "<H", 1),
        "work.ipynb is encrypted: zip it without a password",
    ),
    "bzip2": (zipped({"work.ipynb": NOTEBOOK}, zipfile.ZIP_BZIP2), "is compressed in an unusual way"),
    "lzma": (zipped({"work.ipynb": NOTEBOOK}, zipfile.ZIP_LZMA), "is compressed in an unusual way"),
    "a bomb": (zipped({"work.ipynb": ZEROS}), "times its size: in JupyterLab take Edit > Clear Outputs"),
    "a bomb of zips": (zipped({"inner.zip": zipped({"a.ipynb": ZEROS}) + ZEROS}), "would grow to"),
    "many bombs": (
        zipped({f"{number}.ipynb": b"\0" * 900_000 for number in range(300)}),
        "would grow to 270 MB of notebooks, the limit is 256 MB: hand in the .ipynb itself",
    ),
    "members that overlap": (with_overlapping_members(), "is not a sound zip (its members overlap)"),
    "zips in zips in zips": (
        zipped({"a.zip": zipped({"b.zip": SOUND})}),
        ".zip is a zip too deep inside other zips",
    ),
    "a table of contents of 4 GB": (
        patched(SOUND, END, 12, "<L", 0xFFFFFFF0),
        "mallory.zip is not a sound zip",
    ),
    "sizes beyond any disk": (with_zip64_sizes(), "mallory.zip is not a sound zip"),
    "zip64 that points nowhere": (
        SOUND[: SOUND.index(END)] + struct.pack("<4sLQL", b"PK\x06\x07", 0, 2**62, 1) + SOUND[SOUND.index(END) :],
        "mallory.zip is not a sound zip",
    ),
    "a name that is not what it says to be": (
        renamed(patched(patched(SOUND, CENTRAL, 8, "<H", 0x800), LOCAL, 6, "<H", 0x800), b"work", b"\xff\xfe\xff\xfe"),
        "mallory.zip is not a sound zip",
    ),
    "a null byte in a name": (renamed(SOUND, b"work", b"wo\0k"), "has a name that no file can have"),
    "a name too long": (zipped({"a" * 5_000 + ".ipynb": NOTEBOOK}), "has a name that no file can have"),
    "too many folders": (zipped({"a/" * 100 + "x.ipynb": NOTEBOOK}), "has a name that no file can have"),
    "cut off": (SOUND[:-30], "mallory.zip is not a sound zip"),
    "the first half": (SOUND[: len(SOUND) // 2], "mallory.zip is not a sound zip"),
    "nothing": (b"", "mallory.zip is not a sound zip"),
    "a rar by another name": (b"Rar!\x1a\x07\x01\0" + bytes(99), "mallory.zip is not a sound zip"),
}

# each: a zip whose damage shows when its notebook is read, and what is said then
UNREADABLE = {
    "a wrong checksum": (patched(SOUND, CENTRAL, 16, "<L", 7), "damaged"),
    "bytes that are not deflated": (renamed(SOUND, SOUND[40:60], b"\xff" * 20), "damaged"),
    "larger than it says": (LYING, "damaged"),
    "smaller than it says": (patched(SOUND, CENTRAL, 24, "<L", 500), "damaged"),
    "only a table of contents": (SOUND[SOUND.index(CENTRAL) :], "damaged"),
    "another name inside": (SOUND.replace(b"work", b"walk", 1), "damaged"),
}


def found_in(path) -> tuple[list[Submission], list[Unusable]]:
    records = list(find_submissions(path))
    submissions = [record for record in records if isinstance(record, Submission)]
    return submissions, [record for record in records if isinstance(record, Unusable)]


@pytest.fixture(params=["on disk", "in a zip"])
def class_with(request, tmp_path):
    """A function that puts mallory's zip among the work of others, as a folder or inside Canvas's zip."""

    def make(hostile: bytes) -> Path:
        if request.param == "on disk":
            return plant(tmp_path / "class", {"ada.ipynb": NOTEBOOK, "mallory.zip": hostile, "zoe.zip": SOUND})
        path = tmp_path / "submissions.zip"
        path.write_bytes(
            zipped(
                {
                    "ada_17_9300_work.ipynb": NOTEBOOK,
                    "mallory_66_9301_mallory.zip": hostile,
                    "zoe_18_9302_work.zip": SOUND,
                },
                zipfile.ZIP_STORED,
            )
        )
        return path

    return make


class TestHostileZips:
    @pytest.mark.parametrize(("hostile", "said"), REFUSED.values(), ids=REFUSED)
    def test_it_is_refused_by_a_sentence_and_the_others_are_found(self, hostile, said, class_with):
        submissions, [unusable] = found_in(class_with(hostile))
        assert [submission.read() for submission in submissions] == [NOTEBOOK] * 2
        assert unusable.learner in ("mallory", "66")
        assert said in unusable.problem
        assert "mallory.zip" in unusable.problem
        assert re.search(r": (hand in|make the zip|zip |in JupyterLab)", unusable.problem), "says what to do"
        assert unusable.problem.isprintable()

    @pytest.mark.parametrize(("hostile", "said"), UNREADABLE.values(), ids=UNREADABLE)
    def test_damage_inside_is_told_when_it_is_read_and_the_others_are_read(self, hostile, said, class_with):
        submissions, unusable = found_in(class_with(hostile))
        assert not unusable
        [mallorys] = [one for one in submissions if one.learner in ("mallory", "66")]
        with pytest.raises(SubmissionError, match=rf"mallory\.zip: work\.ipynb is {said} .*: make the zip again"):
            mallorys.read()
        assert [one.read() for one in submissions if one is not mallorys] == [NOTEBOOK] * 2

    def test_beside_a_refused_member_the_sound_ones_are_taken(self, class_with):
        mixed = zipped({"../evil.ipynb": b"{}", "good.ipynb": NOTEBOOK})
        submissions, [unusable] = found_in(class_with(mixed))
        assert [submission.read() for submission in submissions] == [NOTEBOOK] * 3
        assert "../evil.ipynb is meant to land outside" in unusable.problem

    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_of_two_members_with_one_name_the_last_is_taken_and_the_other_told(self, class_with):
        twice = zipped([("work.ipynb", b"{}"), ("work.ipynb", NOTEBOOK)])
        submissions, [unusable] = found_in(class_with(twice))
        assert [submission.read() for submission in submissions] == [NOTEBOOK] * 3
        assert "work.ipynb (member 1) has the same name as a later member, and that one counts" in unusable.problem

    def test_too_many_members_are_refused(self, class_with, monkeypatch):
        monkeypatch.setattr(archives, "MEMBER_LIMIT", 100)
        many = zipped({f"{number}.txt": b"" for number in range(101)})
        submissions, [unusable] = found_in(class_with(many))
        assert len(submissions) == 2
        assert "mallory.zip has 101 members, the limit is 100" in unusable.problem

    def test_what_is_never_read_may_be_of_any_size_or_kind(self, class_with):
        harmless = zipped({"data/zeros.csv": ZEROS, "work.ipynb": NOTEBOOK})
        submissions, unusable = found_in(class_with(harmless))
        assert [submission.read() for submission in submissions] == [NOTEBOOK] * 3
        assert not unusable

    @pytest.mark.parametrize("bomb", ["a bomb", "a bomb of zips", "many bombs", "larger than it says"])
    def test_memory_stays_bounded_at_a_bomb(self, bomb, class_with):
        path = class_with((REFUSED | UNREADABLE)[bomb][0])
        tracemalloc.start()
        try:
            for submission in found_in(path)[0]:
                try:
                    submission.read()
                except SubmissionError:
                    assert submission.learner in ("mallory", "66")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 10 * MEGABYTE


class TestNamesInZips:
    @pytest.mark.parametrize(
        ("stored", "flag", "learner"),
        [
            ("Zoë".encode(), 0x800, "Zoë"),
            ("Zoë".encode(), 0, "Zoë"),  # macOS, and Canvas
            ("Zoë".encode("cp437"), 0, "Zoë"),
            ("王小明".encode(), 0, "王小明"),
        ],
        ids=["as the format has it", "UTF-8 without the flag", "code page 437", "Chinese without the flag"],
    )
    def test_a_learners_name_is_read_as_its_maker_wrote_it(self, stored, flag, learner, tmp_path):
        placeholder = b"~" * len(stored)
        data = zipped({placeholder.decode() + ".ipynb": NOTEBOOK, "ada.ipynb": NOTEBOOK})
        data = renamed(data, placeholder, stored)
        data = bytearray(data)
        for signature, offset in ((LOCAL, 6), (CENTRAL, 8)):
            struct.pack_into("<H", data, data.index(signature) + offset, flag)
        (tmp_path / "class.zip").write_bytes(data)
        submissions, _ = found_in(tmp_path / "class.zip")
        assert {submission.learner for submission in submissions} == {"ada", learner}
        assert all(submission.read() == NOTEBOOK for submission in submissions)

    def test_backslashes_that_old_windows_tools_write_separate_folders(self, tmp_path):
        (tmp_path / "class.zip").write_bytes(zipped({"ada\\work.ipynb": NOTEBOOK, "bob\\work.ipynb": NOTEBOOK}))
        submissions, unusable = found_in(tmp_path / "class.zip")
        assert [submission.learner for submission in submissions] == ["ada", "bob"]
        assert not unusable

    def test_escapes_in_names_are_printed_as_text(self, tmp_path):
        (tmp_path / "class.zip").write_bytes(
            zipped({"ada.ipynb": NOTEBOOK, "\x1b[2J\n.pdf": b"", "../\x1b.ipynb": b""})
        )
        _, unusable = found_in(tmp_path / "class.zip")
        assert len(unusable) == 2
        assert all(text.isprintable() for one in unusable for text in (one.source, one.problem, one.learner))


class TestReadingManyMembers:
    @pytest.fixture
    def openings(self, monkeypatch):
        """A list with an item for each time that a table of contents was read."""
        opened = []

        class Counted(archives._Zip):
            def __init__(self, raw):
                opened.append(raw)
                super().__init__(raw)

        monkeypatch.setattr(archives, "_Zip", Counted)
        return opened

    def test_a_table_of_contents_is_read_once_for_all_members(self, tmp_path, openings):
        (tmp_path / "class.zip").write_bytes(zipped({f"{number}.ipynb": NOTEBOOK for number in range(500)}))
        submissions, _ = found_in(tmp_path / "class.zip")
        assert [submission.read() for submission in submissions] == [NOTEBOOK] * 500
        assert len(openings) == 1

    def test_a_zip_inside_is_opened_once_to_find_and_once_to_read(self, tmp_path, openings):
        inner = zipped({f"{number}.ipynb": NOTEBOOK for number in range(50)})
        outer = {f"l_{number}_{number + 9_000}_x.zip": inner for number in range(20)}
        (tmp_path / "class.zip").write_bytes(zipped(outer))
        submissions, _ = found_in(tmp_path / "class.zip")
        assert [submission.read() for submission in submissions] == [NOTEBOOK] * 1_000
        assert len(openings) <= 1 + 2 * 20

    @pytest.mark.skipif(sys.platform != "linux", reason="counts open files by Linux's means")
    def test_a_folder_of_zips_does_not_use_up_the_open_files(self, tmp_path):
        folder = plant(tmp_path / "class", {f"{number}.zip": SOUND for number in range(100)})
        before = len(os.listdir("/proc/self/fd"))
        submissions, _ = found_in(folder)
        assert [submission.read() for submission in submissions] == [NOTEBOOK] * 100
        assert len(os.listdir("/proc/self/fd")) <= before + archives._OPEN_ARCHIVES

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
    def test_a_forked_process_reads_without_disturbing_its_parent(self, tmp_path):
        (tmp_path / "class.zip").write_bytes(zipped({f"{number}.ipynb": NOTEBOOK for number in range(50)}))
        submissions, _ = found_in(tmp_path / "class.zip")
        child = os.fork()
        contents = [submission.read() == NOTEBOOK for submission in submissions]
        if child == 0:
            os._exit(0 if all(contents) else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert all(contents)


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes are made in another way there")
class TestHostileFolders:
    def refused(self, folder: Path, said: str) -> None:
        submissions, [unusable] = found_in(folder)
        assert [submission.learner for submission in submissions] == ["ada"]
        assert said in unusable.problem

    @pytest.fixture
    def folder(self, tmp_path):
        return plant(tmp_path / "class", {"ada/work.ipynb": NOTEBOOK, "mallory/notes/": b""})

    def test_a_link_to_a_file_outside_is_not_followed(self, folder, tmp_path):
        secret = tmp_path / "solution.ipynb"
        secret.write_bytes(NOTEBOOK)
        (folder / "mallory" / "work.ipynb").symlink_to(secret)
        self.refused(folder, "class/mallory/work.ipynb is a link, and links are not followed")

    def test_a_link_to_a_folder_outside_is_not_followed(self, folder, tmp_path):
        plant(tmp_path / "private", {"solution.ipynb": NOTEBOOK})
        (folder / "mallory" / "all").symlink_to(tmp_path / "private")
        self.refused(folder, "class/mallory/all is a link")

    def test_a_link_to_a_zip_is_not_followed(self, folder, tmp_path):
        (tmp_path / "solutions.zip").write_bytes(SOUND)
        (folder / "mallory.zip").symlink_to(tmp_path / "solutions.zip")
        submissions, unusable = found_in(folder)
        assert len(submissions) == 1
        assert any("class/mallory.zip is a link" in one.problem for one in unusable)

    def test_folders_that_contain_themselves_end(self, folder):
        (folder / "mallory" / "again").symlink_to(folder)
        self.refused(folder, "again is a link")

    def test_a_pipe_is_not_opened(self, folder):
        os.mkfifo(folder / "mallory" / "work.ipynb")
        self.refused(folder, "work.ipynb is neither a file nor a folder (a pipe or a device)")

    def test_folders_without_end_are_left(self, folder):
        deep = folder / "mallory" / "/".join("d" * (archives.DEPTH_LIMIT + 10))
        deep.mkdir(parents=True)
        (deep / "work.ipynb").write_bytes(NOTEBOOK)
        self.refused(folder, "lies more than 40 folders deep")

    @pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="nothing is locked for root")
    def test_a_locked_folder_is_told(self, folder):
        (folder / "mallory").chmod(0)
        try:
            self.refused(folder, "class/mallory cannot be opened: Permission denied")
        finally:
            (folder / "mallory").chmod(0o700)

    @pytest.mark.parametrize("kind", ["link", "pipe", "folder", "nothing"])
    def test_what_takes_a_files_place_after_it_was_found_is_not_read(self, kind, tmp_path):
        folder = plant(tmp_path / "class", {"mallory.ipynb": NOTEBOOK})
        [submission], _ = found_in(folder)
        path = folder / "mallory.ipynb"
        path.unlink()
        if kind == "link":
            path.symlink_to("/etc/hostname")
        elif kind == "pipe":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
        with pytest.raises(SubmissionError, match=r"class/mallory\.ipynb cannot be read"):
            submission.read()

    def test_the_link_that_the_operator_names_is_followed(self, folder, tmp_path):
        link = tmp_path / "link to class"
        link.symlink_to(folder)
        submissions, _ = found_in(link)
        assert [submission.source for submission in submissions] == ["link to class/ada/work.ipynb"]

    def test_a_pipe_that_the_operator_names_is_refused(self, tmp_path):
        os.mkfifo(tmp_path / "class.zip")
        with pytest.raises(SubmissionError, match=r"class\.zip is neither a file nor a folder"):
            find_submissions(tmp_path / "class.zip")


def look_at_everything(path: Path) -> None:
    """Find and read all of it; nothing but `SubmissionError` may come of that."""
    shown = []
    records = []
    try:
        records = list(find_submissions(path))
    except SubmissionError as error:
        shown.append(str(error))
    for record in records:
        shown += [record.source, record.learner]
        if isinstance(record, Unusable):
            shown.append(record.problem)
            continue
        try:
            record.read()
        except SubmissionError as error:
            shown.append(str(error))
    assert all(text.isprintable() for text in shown)
    assert len({record.source for record in records}) == len(records)


VICTIM = zipped(
    {
        "ada_17_9300_work.ipynb": NOTEBOOK,
        "zoë_18_9301_work.zip": zipped({"a/work.ipynb": NOTEBOOK, "b.pdf": b"%PDF"}),
        "folder/": b"",
    }
)
WORDS = [
    "/",
    "\\",
    "..",
    ".",
    "\0",
    "C:",
    "ada",
    ".ipynb",
    ".zip",
    "_17_9300_",
    "_assignsubmission_file_",
    "submitted/",
]


@pytest.fixture(scope="module")
def path():
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "class.zip"


class TestFuzz:
    @given(data=st.binary(max_size=400))
    @settings(max_examples=300, deadline=None)
    def test_random_bytes_raise_nothing_unforeseen(self, path, data):
        path.write_bytes(data)
        look_at_everything(path)

    @given(data=st.data())
    @settings(max_examples=800, deadline=None)
    def test_a_changed_zip_raises_nothing_unforeseen(self, path, data):
        changed = bytearray(VICTIM)
        for _ in range(data.draw(st.integers(1, 6))):
            place = data.draw(st.integers(0, len(VICTIM) - 1))
            piece = data.draw(st.binary(min_size=1, max_size=8))
            if data.draw(st.booleans()):
                changed[place : place + len(piece)] = piece
            else:
                changed[place:place] = piece
        path.write_bytes(changed)
        look_at_everything(path)

    @given(names=st.lists(st.one_of(st.text(max_size=20), st.lists(st.sampled_from(WORDS)).map("".join)), max_size=6))
    @settings(max_examples=400, deadline=None)
    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_names_of_any_kind_raise_nothing_unforeseen(self, path, names):
        infos = []
        for name in [name.encode("utf-8", "replace").decode() + end for name in names for end in ("", ".ipynb")]:
            info = member("placeholder")
            info.filename = name  # ZipInfo would cut it at a null byte
            infos.append((info, NOTEBOOK))
        path.write_bytes(zipped(infos))
        look_at_everything(path)
