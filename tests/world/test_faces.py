import pytest
import torch
from sklearn.linear_model import RidgeClassifier

from utils.world.faces import EMOTIONS, HELD_OUT_PEOPLE, PEOPLE, SEEN_PEOPLE, Faces, render_faces, sample_faces


def everyone(strength=1.0):
    """Each person with each emotion, in the middle of the picture: [people * emotions]."""
    number = PEOPLE * len(EMOTIONS)
    return Faces(
        emotion=torch.arange(len(EMOTIONS)).repeat(PEOPLE),
        person=torch.arange(PEOPLE).repeat_interleave(len(EMOTIONS)),
        strength=torch.full((number,), strength),
        x=torch.full((number,), 15.5),
        y=torch.full((number,), 15.5),
    )


def test_an_expression_shows_in_every_face_whatever_its_colours():
    pictures = render_faces(everyone()).view(PEOPLE, len(EMOTIONS), -1).float()
    for one in range(len(EMOTIONS)):
        for other in range(one):
            changed = (pictures[:, one] - pictures[:, other]).abs().sum(1) / 255
            assert changed.min() > 8, f"{EMOTIONS[one]} and {EMOTIONS[other]} look alike on person {changed.argmin()}"


def test_without_strength_no_face_tells_anything():
    pictures = render_faces(everyone(0.0)).view(PEOPLE, len(EMOTIONS), -1)
    assert (pictures == pictures[:, :1]).all()


def test_all_people_look_different():
    pictures = render_faces(everyone(0.0)).view(PEOPLE, len(EMOTIONS), -1)[:, 0]
    assert len(pictures.unique(dim=0)) == PEOPLE


def test_a_face_in_the_middle_is_the_same_on_both_sides():
    pictures = render_faces(everyone()).int()
    assert (pictures - pictures.flip(3)).abs().max() <= 1


def test_an_expression_can_be_read_from_people_never_seen_and_less_well_if_weak():
    def accuracy(strength):
        train, test = (
            sample_faces(number, seed=0, people=people, strength=strength)
            for number, people in ((1500, "seen"), (400, "held_out"))
        )
        model = RidgeClassifier(alpha=100).fit(render_faces(train).flatten(1) / 255, train.emotion)
        return model.score(render_faces(test).flatten(1) / 255, test.emotion)

    strong, weak = accuracy((0.9, 1.0)), accuracy((0.0, 0.3))
    assert strong > 0.7
    assert 1 / len(EMOTIONS) < weak < strong


def test_samples_hold_what_was_asked_for_and_a_seed_gives_the_same_again():
    faces, again = sample_faces(4000, seed=0, strength=(0.2, 0.6)), sample_faces(4000, seed=0, strength=(0.2, 0.6))
    assert torch.equal(render_faces(faces[:20]), render_faces(again[:20]))
    assert not torch.equal(faces.person, sample_faces(4000, seed=1).person)
    assert set(faces.person.tolist()) == set(SEEN_PEOPLE)
    assert set(sample_faces(4000, seed=0, people="held_out").person.tolist()) == set(HELD_OUT_PEOPLE)
    assert not set(SEEN_PEOPLE) & set(HELD_OUT_PEOPLE)
    assert torch.allclose(torch.bincount(faces.emotion) / 4000, torch.full((5,), 0.2), atol=0.03)
    assert 0.2 <= faces.strength.min() < 0.21 < 0.59 < faces.strength.max() <= 0.6


def test_a_face_does_not_depend_on_its_batch():
    faces = sample_faces(1003, seed=3)
    pictures = render_faces(faces)
    assert pictures.dtype == torch.uint8
    assert pictures.shape == (1003, 3, 32, 32)
    assert torch.equal(render_faces(faces[998:1002]), pictures[998:1002])
    assert render_faces(faces[:0]).shape == (0, 3, 32, 32)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"people": "strangers"}, "seen, held_out, all, not 'strangers'"),
        ({"strength": (0.5, 1.5)}, r"least <= greatest <= 1, not \(0.5, 1.5\)"),
        ({"strength": (0.9, 0.5)}, "least <= greatest"),
    ],
)
def test_what_cannot_be_sampled_is_named(settings, message):
    with pytest.raises(ValueError, match=message):
        sample_faces(1, seed=0, **settings)
