import pytest

from utils.publishing.regions import RegionError, clear_solution


def test_a_region_becomes_an_error_that_names_the_exercise_at_its_indentation():
    source = "def f(x):\n    ### BEGIN SOLUTION\n    y = x\n    return y\n    ### END SOLUTION\n\nafter = 1"
    expected = 'def f(x):\n    raise NotImplementedError("exercise 2.3.1")\n\nafter = 1'
    assert clear_solution(source, "2.3.1") == expected


def test_a_stub_takes_the_place_of_the_error_with_its_own_indentation():
    source = "\n".join(
        [
            "def f(x):",
            "    ### BEGIN SOLUTION",
            "    return x",
            "    ### STUB",
            "    # if x:",
            "    #     return -x",
            "    #",
            "",
            "    # return ...",
            "    ### END SOLUTION",
        ]
    )
    assert clear_solution(source, "2.3.1") == "def f(x):\n    if x:\n        return -x\n\n\n    return ..."


def test_a_cell_may_hold_two_regions():
    region = "### BEGIN SOLUTION\na = 1\n### STUB\n# a = ...\n### END SOLUTION"
    assert clear_solution(f"{region}\nb = 2\n{region}", "1.1.1") == "a = ...\nb = 2\na = ..."


def test_what_has_no_region_stays_as_it_is():
    assert (
        clear_solution("a = 1  # ### BEGIN SOLUTION in a comment", "1.1.1")
        == "a = 1  # ### BEGIN SOLUTION in a comment"
    )


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("a\n### BEGIN SOLUTION\nb", 2),
        ("a\n### END SOLUTION", 2),
        ("### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION", 2),
        ("### STUB\n# a\n### END SOLUTION", 1),
        ("### BEGIN SOLUTION\n### STUB\n### STUB\n### END SOLUTION", 3),
        ("### BEGIN SOLUTION\na = 1\n### STUB\na = ...\n### END SOLUTION", 4),
        ("### BEGIN SOLUTION\na = 1\n### STUB\n#a = ...\n### END SOLUTION", 4),
    ],
    ids=["no end", "no begin", "nested", "stub outside", "two stubs", "stub not commented", "stub without a space"],
)
def test_malformed_regions_are_refused_with_their_line(source, line):
    with pytest.raises(RegionError) as caught:
        clear_solution(source, "1.1.1")
    assert caught.value.line == line
    assert f"line {line}" in str(caught.value)
