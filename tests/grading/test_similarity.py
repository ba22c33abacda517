"""Copies are found under new names; what is short, common, natural or the course's own is not pointed at."""

from __future__ import annotations

import random
import subprocess
import sys
import tokenize

import pytest
from sample_class import HOSTILE, entry, exercise

from utils.exercises.registry import all_exercises, find_exercise
from utils.grading.results import class_results
from utils.grading.similarity import LEAST_SHARED, LONGEST, Similarity, compare, known_answers, similar_answers, tokens

UNUSUAL = '''\
def info_nce(images, texts, scale):
    """Mean loss over rows and columns."""
    rows = []
    for left in range(len(images)):
        line = []
        for right in range(len(texts)):
            total = 0.0
            for k in range(images.shape[1]):
                total += float(images[left][k]) * float(texts[right][k])
            line.append(total * scale)
        rows.append(line)
    losses = []
    for index, row in enumerate(rows):
        top = max(row)
        losses.append(top + math.log(sum(math.exp(value - top) for value in row)) - row[index])
    return torch.tensor(losses).mean()
'''
RENAMED = """\
def info_nce(a, b, s):  # all my own work
    "The loss."

    table = []
    for i in range(len(a)):
        current = []
        for j in range(len(b)):
            dot = 0
            for d in range(a.shape[1]):
                dot += float(a[i][d]) * float(b[j][d])  # multiply
            current.append(dot * s)
        table.append(current)
    print(table)
    results = []
    for n, numbers in enumerate(table):
        biggest = max(numbers)
        results.append(biggest + math.log(sum(math.exp(z - biggest) for z in numbers)) - numbers[n])
    return torch.tensor(results).mean()
"""
WAYS = [
    ["if x.ndim != 2:\n        raise ValueError('two dimensions')", "assert x.dim() == 2", "n, d = x.shape"],
    ["x = x.float()", "x = x.to(torch.float32)", "x = x * 1.0"],
    ["x = x / x.norm(dim=-1, keepdim=True)", "x = F.normalize(x, dim=-1)", "x = x / (x ** 2).sum(-1).sqrt()[:, None]"],
    ["y = y / y.norm(dim=-1, keepdim=True)", "y = F.normalize(y, dim=-1)", "y = y / (y ** 2).sum(-1).sqrt()[:, None]"],
    ["s = x @ y.T", "s = torch.matmul(x, y.t())", "s = torch.einsum('id,jd->ij', x, y)"],
    ["s = s * scale", "s *= scale", "s = s.mul(scale)"],
    ["t = torch.arange(len(s))", "t = torch.arange(s.shape[0])", "t = torch.tensor(range(s.size(0)))"],
    ["u = F.cross_entropy(s, t)", "u = F.nll_loss(s.log_softmax(1), t)", "u = (s.logsumexp(1) - s.diag()).mean()"],
    ["v = F.cross_entropy(s.T, t)", "v = F.nll_loss(s.T.log_softmax(1), t)", "v = (s.logsumexp(0) - s.diag()).mean()"],
    ["return (u + v) / 2", "return 0.5 * (u + v)", "loss = torch.stack([u, v]).mean()\n    return loss"],
]


OTHER_WAYS = [
    [f"v = x.{first}{step}(y, dim=-1) {sign} y.{second}(v).{first}()" for first, second, sign in ("ab+", "cd*", "ef@")]
    for step in range(10)
]


def alone(draw: random.Random, steps=WAYS) -> str:
    """An answer by someone who works alone, and does each step in one of the usual ways."""
    return "def f(x, y, scale):\n    " + "\n    ".join(draw.choice(ways) for ways in steps) + "\n"


def a_class(size: int, seed: int = 0) -> dict[str, str]:
    draw = random.Random(seed)
    return {f"learner{index:05}": alone(draw) for index in range(size)}


def people(answers, known=()) -> set[tuple[str, str]]:
    return {pair.learners for pair in compare("2.3.3", answers, known)[0]}


# --- what is found


@pytest.mark.parametrize("size", [10, 30, 200])
def test_a_copy_under_other_names_is_found(size):
    answers = {**a_class(size), "mallory": RENAMED, "ada": UNUSUAL}
    assert people(answers) == {("ada", "mallory")}


def test_a_pair_says_how_alike_it_is_and_whether_word_for_word():
    answers = {**a_class(20), "ada": UNUSUAL, "bob": UNUSUAL.replace("\n    losses", "\n\n\n    losses") + "  \n"}
    (pair,), common = compare("2.3.3", answers)
    assert (pair.exercise, pair.learners, pair.alike, pair.word_for_word) == ("2.3.3", ("ada", "bob"), 1.0, True)
    assert pair.shared >= LEAST_SHARED
    assert common == 0
    (pair,), _ = compare("2.3.3", {**a_class(20), "ada": UNUSUAL, "bob": RENAMED})
    assert 0.8 <= pair.alike < 1
    assert not pair.word_for_word


def test_the_order_of_the_class_does_not_matter():
    answers = {**a_class(30), "ada": UNUSUAL, "bob": RENAMED, "cy": RENAMED.replace("dot", "product")}
    shuffled = list(answers.items())
    random.Random(3).shuffle(shuffled)
    assert compare("2.3.3", answers) == compare("2.3.3", dict(shuffled))
    assert len(people(answers)) == 3


# --- what is not pointed at


@pytest.mark.parametrize("size", [2, 5, 20, 60, 200, 600])
def test_people_who_work_alone_in_the_usual_ways_are_left_in_peace(size):
    for seed in range(3):
        assert people(a_class(size, seed)) == set()


def test_what_the_course_itself_answers_is_nobodys_own():
    answers = {**a_class(20), "ada": UNUSUAL, "bob": RENAMED}
    assert people(answers, known=[UNUSUAL]) == set()


def test_short_answers_cannot_show_anything():
    short = "def brightness(picture):\n    return picture.float().mean().item() / 255\n"
    longer = "".join(f"{line}\n" for line in UNUSUAL.splitlines()[:8])
    for same in (short, longer):
        assert people({**a_class(30), "ada": same, "bob": same}) == set()


def test_an_answer_that_many_share_is_counted_and_not_shown():
    ring = {f"friend{index}": RENAMED for index in range(8)}
    _, common_without = compare("2.3.3", a_class(200))
    pairs, common = compare("2.3.3", {**a_class(200), **ring})
    assert pairs == []
    assert common - common_without == len(ring)


def test_where_many_pairs_are_alike_it_is_the_exercise():
    # half the class in pairs: each pair has an own way, as if there were few ways to do it
    answers = a_class(10, seed=1)
    for pair in range(5):
        own = "\n".join(f"    x.a{pair}.b{pair}(x.c{pair}, x.d{line})" for line in range(30))
        answers |= {f"a{pair}": f"def f(x):\n{own}\n", f"b{pair}": f"def f(y):\n{own}\n"}
        two = {name: answers[name] for name in (f"a{pair}", f"b{pair}")}
        assert len(people({**a_class(30, seed=1), **two})) == 1
    pairs, common = compare("2.3.3", answers)
    assert pairs == []
    assert common == 10


def test_in_a_class_of_a_handful_nothing_is_known_to_be_rare():
    assert people({**a_class(2), "ada": UNUSUAL, "bob": RENAMED}) == set()


@pytest.mark.parametrize("seed", range(5))
def test_people_who_chose_another_way_than_most_are_left_in_peace(seed):
    draw = random.Random(seed)
    usual = a_class(40, seed)
    others = {f"other{index}": alone(draw, OTHER_WAYS) for index in range(20)}
    assert people({**usual, **others}) == set()


def test_nobody_is_like_themselves_and_an_empty_or_single_class_has_no_pairs():
    assert compare("2.3.3", {}) == ([], 0)
    assert compare("2.3.3", {"ada": UNUSUAL}) == ([], 0)
    assert compare("2.3.3", {"ada": "", "bob": ""}) == ([], 0)


@pytest.mark.parametrize("identifier", [one.id for one in all_exercises()])
def test_two_who_hand_in_an_answer_that_the_course_knows_are_not_a_pair(identifier):
    known = known_answers(identifier)
    assert len(known) >= 2  # the stub and the solution at least
    for answer in known:
        assert people({**a_class(20), "ada": answer, "bob": answer + "\n# mine\n"}, known) == set()


def test_the_stub_and_the_solution_are_known_and_so_are_the_misconceptions():
    known = known_answers("2.3.3")
    assert any("NotImplementedError" in source for source in known)
    assert sum(f"def {find_exercise('2.3.3').entry}" in source for source in known) >= 2
    assert len(known) > 5
    assert known_answers("9.9.9") == []


# --- tokens


def test_names_literals_comments_and_layout_do_not_count():
    assert tokens("total = picture.mean() + 255  # sum\n") == tokens("s  =  p.mean()+1\n\n\n")
    assert tokens("print('a')") == tokens('print("""b""")')
    assert tokens("x.mean()") != tokens("x.sum()")
    assert tokens("max(x)") != tokens("min(x)")
    assert tokens("self.weight = 1") == tokens("self.w = 2")


NOT_PYTHON = {
    "an open bracket": "x = (1 + \n",
    "an open string": "x = 'abc\ny = 2\n",
    "an open long string": 'x = """abc\n',
    "an odd indent": "if x:\n        y\n    z\n",
    "magic": "%timeit x\n!ls\n?help\n",
    "prose": "I don't know how to do this, sorry!\n",
    "only quotes": "'\n\"\n'''\n",
    **HOSTILE,
}


@pytest.mark.parametrize("kind", NOT_PYTHON)
def test_what_is_not_python_is_taken_apart_too(kind):
    found = tokens(NOT_PYTHON[kind])
    assert all(isinstance(token, str) and token.strip() for token in found)
    compare("2.3.3", {"ada": NOT_PYTHON[kind], "bob": NOT_PYTHON[kind], "cy": UNUSUAL})


@pytest.mark.parametrize("kind", NOT_PYTHON)
def test_so_it_is_where_python_refuses_the_whole_of_it(kind, monkeypatch):
    def refuse(_):
        raise ValueError("as newer versions do for some of these")

    monkeypatch.setattr(tokenize, "generate_tokens", refuse)
    text = NOT_PYTHON[kind]
    assert all(token.strip() for token in tokens(text))
    compare("2.3.3", {"ada": text * 50, "bob": text * 50})


def test_a_copy_that_was_broken_is_still_found():
    broken = RENAMED.replace("return torch.tensor(results).mean()", "return torch.tensor(results).mean(")
    assert people({**a_class(20), "ada": UNUSUAL, "bob": broken}) == {("ada", "bob")}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("unit", ["x = 1\n", "(", "'''\n", "\\\n", "a", '"', "{\n", "f'{", "if x:\n", " x\n"])
def test_a_huge_answer_takes_no_more_than_its_beginning(unit):
    assert len(tokens(unit * 1_000_000)) <= LONGEST


# --- a whole class


def test_the_answers_of_a_class_are_compared_exercise_by_exercise():
    draw = random.Random(1)
    entries = [entry(f"l{i}", exercise("2.3.3", answer=alone(draw)), exercise("2.3.5")) for i in range(20)]
    entries += [
        entry("ada", exercise("2.3.3", answer=UNUSUAL), exercise("2.3.5", answer=RENAMED)),
        entry("bob", exercise("2.3.3", answer=RENAMED), exercise("2.3.5", answer=" \n")),
    ]
    found = similar_answers(class_results(entries, []))
    assert [(pair.exercise, pair.learners) for pair in found.pairs] == [("2.3.3", ("ada", "bob"))]
    assert found.common == {}
    assert similar_answers(class_results([], [])) == Similarity()


@pytest.mark.timeout(60)
def test_a_large_class_is_compared_in_seconds(measured):
    import time

    answers = {**a_class(3000), "ada": UNUSUAL, "bob": RENAMED}
    start = time.perf_counter()
    assert ("ada", "bob") in people(answers)
    measured(f"similarity: {len(answers)} answers compared in {time.perf_counter() - start:.1f} s")


def test_importing_it_does_not_wait_for_torch_or_scikit_learn():
    code = "import sys; import utils.grading.similarity; print({'torch', 'sklearn', 'scipy'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
