"""Following a folder: what is half written waits, and the pages are for nobody else."""

import contextlib
import http.client
import os
import socket

import pytest

from utils.grading.watching import ClassPages, changes

# --- what changes


class Enough(Exception):
    """The script has ended."""


def told(path, *steps) -> list:
    """What `changes` tells at each look, None where nothing; each step is done before its look."""
    answers, script = [], iter(steps)

    def sleep(_seconds):
        for step in script:
            answers.append(None)
            if step is not None:
                step()
            return
        raise Enough

    with contextlib.suppress(Enough):
        for restless in changes(path, sleep=sleep):
            answers[-1] = restless
    return answers


NOTHING = frozenset()


def test_a_folder_at_rest_is_told_once(tmp_path):
    (tmp_path / "ada.ipynb").write_text("1")
    assert told(tmp_path, None, None, None) == [NOTHING, None, None]


def test_a_file_that_arrives_is_told_when_it_has_come_to_rest(tmp_path):
    file = tmp_path / "week1" / "ada.ipynb"

    def begin():
        file.parent.mkdir()
        file.write_text("half")

    def go_on():
        file.write_text("half and half")

    answers = told(tmp_path, None, begin, go_on, None, None)
    assert answers == [NOTHING, None, None, NOTHING, None]


def test_others_do_not_wait_for_one_that_is_still_being_written(tmp_path):
    slow, quick = tmp_path / "slow.ipynb", tmp_path / "quick.ipynb"

    def grow():
        with slow.open("a") as file:
            file.write("more")

    def both():
        grow()
        quick.write_text("all")

    answers = told(tmp_path, None, both, grow, grow, None)
    assert answers == [NOTHING, None, {"slow.ipynb"}, None, NOTHING]


def test_a_change_a_replacement_and_a_removal_are_told(tmp_path):
    file = tmp_path / "ada.ipynb"
    file.write_text("1")

    def change():
        file.write_text("22")

    def replace():
        stamp = file.stat().st_mtime_ns
        other = tmp_path / "upload"
        other.write_text("33")
        os.utime(other, ns=(stamp, stamp))  # same size, same time: another file all the same
        other.replace(file)

    answers = told(tmp_path, None, change, None, replace, None, file.unlink, None)
    assert answers == [NOTHING, {"ada.ipynb"}, NOTHING, {"ada.ipynb"}, NOTHING, NOTHING, None]


def test_a_single_file_can_be_followed(tmp_path):
    file = tmp_path / "week1.zip"
    file.write_bytes(b"PK")
    assert told(file, None, lambda: file.write_bytes(b"PK.."), None) == [NOTHING, {""}, NOTHING]


def test_a_folder_that_is_not_there_is_waited_for(tmp_path):
    folder = tmp_path / "later"
    file = folder / "ada.ipynb"
    answers = told(folder, None, folder.mkdir, lambda: file.write_text("1"), None)
    assert answers == [NOTHING, None, None, NOTHING]


def test_hidden_files_are_nobodys_work(tmp_path):
    def hide():
        (tmp_path / ".upload.part").write_text("1")
        (tmp_path / ".ipynb_checkpoints").mkdir()
        (tmp_path / ".ipynb_checkpoints" / "ada.ipynb").write_text("1")

    assert told(tmp_path, None, hide, None) == [NOTHING, None, None]


def test_a_link_is_not_followed(tmp_path):
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (inside / "link").symlink_to(outside)
    assert told(inside, None, lambda: (outside / "x").write_text("1"), None) == [NOTHING, None, None]


# --- what is shown


@pytest.fixture
def folder(tmp_path):
    out = tmp_path / "out"
    (out / "reports").mkdir(parents=True)
    (out / "class.html").write_text("<p>the class", encoding="utf-8")
    (out / "reports" / "ada-1f.html").write_text("<p>Ada", encoding="utf-8")
    (out / "reports" / "notes.txt").write_text("text")
    (out / "gradebook.sqlite").write_text("secret")
    (out / "grades.csv").write_text("secret")
    (tmp_path / "outside.html").write_text("secret")
    (out / "reports" / "link.html").symlink_to(tmp_path / "outside.html")
    return out


@pytest.fixture
def pages(folder):
    with ClassPages(folder) as found:
        yield found


def ask(pages, target, *, method="GET", **headers) -> tuple[int, dict, str]:
    connection = http.client.HTTPConnection("127.0.0.1", pages.port, timeout=10)
    connection.request(method, target, headers=headers)
    answer = connection.getresponse()
    content = answer.read().decode()
    connection.close()
    return answer.status, dict(answer.getheaders()), content


def secret(pages) -> str:
    return pages.address.rstrip("/").rpartition("/")[2]


def test_the_class_page_and_the_reports_are_shown(pages):
    begin = f"/{secret(pages)}"
    assert pages.address == f"http://127.0.0.1:{pages.port}{begin}/"
    assert ask(pages, f"{begin}/")[::2] == (200, "<p>the class")
    assert ask(pages, f"{begin}/class.html")[::2] == (200, "<p>the class")
    assert ask(pages, f"{begin}/reports/ada-1f.html")[::2] == (200, "<p>Ada")
    assert ask(pages, f"{begin}/", method="HEAD")[::2] == (200, "")


def test_the_class_page_keeps_up_to_date_and_by_its_name_stands_still(pages):
    begin = f"/{secret(pages)}"
    assert ask(pages, f"{begin}/")[1]["Refresh"] == "5"
    assert "Refresh" not in ask(pages, f"{begin}/class.html")[1]
    assert "Refresh" not in ask(pages, f"{begin}/reports/ada-1f.html")[1]


@pytest.mark.parametrize(
    "name",
    [
        "gradebook.sqlite",
        "grades.csv",
        "reports/",
        "reports/notes.txt",
        "reports/nobody.html",
        "reports/link.html",
        "reports/../gradebook.sqlite",
        "reports/../../outside.html",
        "reports/..%2f..%2foutside.html",
        "../outside.html",
        "reports/.hidden.html",
        "class.html/",
        "class.html\x00",
    ],
)
def test_nothing_else_is_shown(pages, name):
    with socket.create_connection(("127.0.0.1", pages.port), timeout=10) as connection:  # a client that tidies nothing
        request = f"GET /{secret(pages)}/{name} HTTP/1.0\r\nHost: 127.0.0.1:{pages.port}\r\n\r\n"
        connection.sendall(request.encode())
        answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    assert answer.split()[1] in ("400", "404")
    assert "secret" not in answer.lower().replace(secret(pages).lower(), "")


@pytest.mark.parametrize("target", ["/", "/class.html", "/reports/ada-1f.html", "/wrong/", "", "*"])
def test_who_does_not_know_the_address_sees_nothing(pages, target):
    assert ask(pages, target or "/")[0] == 404


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "[::1]:{port}", "0.0.0.0:{port}"])
def test_a_page_elsewhere_whose_name_leads_here_is_refused(pages, host):
    assert ask(pages, f"/{secret(pages)}/", Host=host.format(port=pages.port))[0] == 421


def test_the_machines_own_name_for_itself_is_fine(pages):
    assert ask(pages, f"/{secret(pages)}/", Host=f"localhost:{pages.port}")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_can_be_sent(pages, method):
    assert ask(pages, f"/{secret(pages)}/", method=method)[0] == 501


@pytest.mark.parametrize("target", ["{begin}/", "{begin}/reports/ada-1f.html", "/nothing"])
def test_every_answer_forbids_scripts_sniffing_frames_and_copies(pages, target):
    _, headers, _ = ask(pages, target.format(begin=f"/{secret(pages)}"))
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "script" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "Python" not in headers["Server"]


def test_before_the_first_grade_the_page_waits_for_it(tmp_path):
    with ClassPages(tmp_path) as pages:
        status, headers, content = ask(pages, f"/{secret(pages)}/")
        assert (status, headers["Refresh"]) == (200, "5")
        assert "Nothing is graded yet" in content


def test_only_this_machine_is_listened_to(pages):
    assert pages._server.server_address[0] == "127.0.0.1"


def test_the_port_is_free_again_when_it_ends(folder):
    with ClassPages(folder) as first:
        port = first.port
        with pytest.raises(OSError, match="in use"):
            ClassPages(folder, port)
    with ClassPages(folder, port) as second:
        assert second.port == port
        assert second.address != first.address
