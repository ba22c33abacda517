import pytest
import torch

from utils.world import BACKGROUND, NUMBERS, Digits, digit_caption, handwritten_digits, tokenize
from utils.world.digits import TEST_SHARE


@pytest.fixture(scope="module")
def splits() -> dict[str, Digits]:
    return {split: handwritten_digits(split) for split in ("train", "test")}


def test_the_splits_share_no_picture_and_together_are_the_whole_data_set(splits):
    from sklearn.datasets import load_digits

    train, test = splits["train"], splits["test"]
    assert len(train) + len(test) == len(load_digits().target)
    rows = {split: {bytes(picture.numpy()) for picture in digits.pictures} for split, digits in splits.items()}
    assert not rows["train"] & rows["test"]


def test_each_digit_has_the_same_share_of_tests(splits):
    train, test = (torch.bincount(splits[split].labels, minlength=10) for split in ("train", "test"))
    assert torch.allclose(test / (train + test), torch.tensor(TEST_SHARE), atol=0.005)


def test_pictures_are_dark_ink_on_the_courses_paper(splits):
    for digits in splits.values():
        assert digits.pictures.dtype == torch.uint8
        assert digits.pictures.shape == (len(digits), 3, 32, 32)
        corners = digits.pictures[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]
        assert (corners.int() - torch.tensor(BACKGROUND).view(3, 1)).abs().max() <= 4
        assert (digits.pictures.flatten(1).min(1).values < 60).all(), "some digit has no ink"


def test_a_picture_shows_the_digit_of_its_label(splits):
    """The nearest mean picture of the training split names nine of ten test digits."""
    train, test = splits["train"], splits["test"]
    means = torch.stack([train.pictures[train.labels == digit].float().mean(0) for digit in range(10)])
    nearest = torch.cdist(test.pictures.float().flatten(1), means.flatten(1)).argmin(1)
    assert (nearest == test.labels).float().mean() > 0.85


def test_captions_say_the_label_in_words_of_the_vocabulary(splits):
    for digits in splits.values():
        assert digits.captions == [f"a handwritten {NUMBERS[label]}" for label in digits.labels]
    assert tokenize([digit_caption(digit) for digit in range(10)]).shape[0] == 10


def test_the_split_is_the_same_every_time(splits):
    again = handwritten_digits("test")
    assert torch.equal(again.pictures, splits["test"].pictures)
    assert again.labels[:12].tolist() == FIRST


FIRST = [1, 2, 6, 0, 3, 6, 1, 2, 5, 9, 9, 8]  # what checkpoints were tested on


def test_another_split_is_refused():
    with pytest.raises(ValueError, match='"train" or "test"'):
        handwritten_digits("valid")
