"""The exercises of lesson 2.3, contrastive alignment."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from utils.exercises.definition import Case, Exercise, Misconception, exact, integers, normal

# 2.3.1 -------------------------------------------------------------------------------------------------------------

WRONG_PAIRS = Exercise(
    id="2.3.1",
    title="What a batch teaches",
    kind="number",
    entry="wrong_pairs",
    points=1,
    difficulty=1,
    importance=3,
    minutes=3,
    reference=128 * 127,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="one picture only",
            sentence="That is how many wrong captions one picture meets; the batch has 128 pictures.",
            answer=127,
        ),
        Misconception(
            name="counts the right pairs too",
            sentence="That is every cell of the matrix; the 128 cells of the diagonal are right pairs.",
            answer=128 * 128,
        ),
        Misconception(
            name="each couple once",
            sentence="You counted (picture 1, caption 2) and (picture 2, caption 1) as one; they are two cells, and two "
            "things to learn.",
            answer=128 * 127 // 2,
        ),
        Misconception(
            name="counts the right pairs",
            sentence="That is how many right pairs there are; the question is how many wrong ones.",
            answer=128,
        ),
    ),
    hints=(
        "How many cells has a table with a row for each picture and a column for each caption?",
        "Of those cells, the ones on the diagonal are right.",
        "128 * 128 cells, less the 128 of the diagonal.",
    ),
)

# 2.3.2 -------------------------------------------------------------------------------------------------------------


def cosine_similarities(images, texts):
    """Normalise both, then one matrix product."""
    return F.normalize(images, dim=-1) @ F.normalize(texts, dim=-1).T


def _cosine_by_broadcasting(images, texts):
    return F.cosine_similarity(images[:, None], texts[None], dim=-1)


def _cosine_by_norms(images, texts):
    return (images @ texts.T) / (images.norm(dim=1)[:, None] * texts.norm(dim=1))


def _no_normalisation(images, texts):
    return images @ texts.T


def _normalises_columns(images, texts):
    return F.normalize(images, dim=0) @ F.normalize(texts, dim=0).T


def _texts_by_images(images, texts):
    return F.normalize(texts, dim=-1) @ F.normalize(images, dim=-1).T


def _squared_norms(images, texts):
    return (images / images.square().sum(1, keepdim=True)) @ (texts / texts.square().sum(1, keepdim=True)).T


def _only_the_images(images, texts):
    return F.normalize(images, dim=-1) @ texts.T


def _cosine_cases(rng):
    return [Case(args=(normal(rng, 4, 8), 3 * normal(rng, 5, 8))), Case(args=(normal(rng, 6, 3), normal(rng, 2, 3)))]


COSINE_SIMILARITIES = Exercise(
    id="2.3.2",
    title="Every picture against every caption",
    kind="function",
    entry="cosine_similarities",
    points=2,
    difficulty=2,
    importance=4,
    minutes=8,
    reference=cosine_similarities,
    alternatives=(_cosine_by_broadcasting, _cosine_by_norms),
    cases=_cosine_cases,
    misconceptions=(
        Misconception(
            name="dot products, not cosines",
            sentence="Your numbers are plain dot products: a long vector looks similar to everything. Give every vector "
            "length 1 first.",
            answer=_no_normalisation,
        ),
        Misconception(
            name="normalised along the batch",
            sentence="You gave each column length 1, across the batch; it is each row, one sample's vector, that needs "
            "length 1.",
            answer=_normalises_columns,
        ),
        Misconception(
            name="captions in the rows",
            sentence="Your matrix has a row for each caption; the convention here is a row for each picture.",
            answer=_texts_by_images,
        ),
        Misconception(
            name="divided by the squared length",
            sentence="You divided by the sum of squares; the length is its square root.",
            answer=_squared_norms,
        ),
        Misconception(
            name="only the pictures normalised",
            sentence="Your pictures have length 1 but your captions do not, so long captions win.",
            answer=_only_the_images,
        ),
    ),
    hints=(
        "What is the cosine of two vectors that already have length 1?",
        "`F.normalize(x, dim=-1)` gives every row length 1; `@` with a transpose compares all rows with all rows.",
        "F.normalize(images, dim=-1) @ F.normalize(texts, dim=-1).T",
    ),
)

# 2.3.3 -------------------------------------------------------------------------------------------------------------


def contrastive_loss(similarities, temperature):
    """Mean of both cross-entropies over the diagonal."""
    logits = similarities / temperature
    pair = torch.arange(len(logits))
    return (F.cross_entropy(logits, pair) + F.cross_entropy(logits.T, pair)) / 2


def _loss_from_log_softmax(similarities, temperature):
    logits = similarities / temperature
    rows, columns = logits.log_softmax(dim=1).diagonal(), logits.log_softmax(dim=0).diagonal()
    return -(rows + columns).mean() / 2


def _loss_in_a_loop(similarities, temperature):
    total = 0.0
    for matrix in (similarities, similarities.T):
        for i, row in enumerate(matrix / temperature):
            total = total + torch.logsumexp(row, dim=0) - row[i]
    return total / (2 * len(similarities))


def _one_direction(similarities, temperature):
    return F.cross_entropy(similarities / temperature, torch.arange(len(similarities)))


def _multiplies_by_temperature(similarities, temperature):
    return contrastive_loss(similarities, 1 / temperature)


def _ignores_temperature(similarities, temperature):
    return contrastive_loss(similarities, 1.0)


def _sum_of_directions(similarities, temperature):
    return 2 * contrastive_loss(similarities, temperature)


def _sum_over_the_batch(similarities, temperature):
    return len(similarities) * contrastive_loss(similarities, temperature)


def _forgets_the_logarithm(similarities, temperature):
    logits = similarities / temperature
    return -(logits.softmax(dim=1).diagonal().mean() + logits.softmax(dim=0).diagonal().mean()) / 2


def _forgets_the_minus(similarities, temperature):
    return -contrastive_loss(similarities, temperature)


def _softmax_before_cross_entropy(similarities, temperature):
    logits, pair = similarities / temperature, torch.arange(len(similarities))
    return (F.cross_entropy(logits.softmax(1), pair) + F.cross_entropy(logits.T.softmax(1), pair)) / 2


def _loss_cases(rng):
    def similarities(n):
        return F.normalize(normal(rng, n, 6), dim=-1) @ F.normalize(normal(rng, n, 6), dim=-1).T

    return [Case(args=(similarities(3), 0.5)), Case(args=(similarities(5), 0.1)), Case(args=(similarities(8), 0.07))]


CONTRASTIVE_LOSS = Exercise(
    id="2.3.3",
    title="The contrastive loss, vectorised",
    kind="function",
    entry="contrastive_loss",
    points=3,
    difficulty=3,
    importance=5,
    minutes=12,
    reference=contrastive_loss,
    alternatives=(_loss_from_log_softmax, _loss_in_a_loop),
    cases=_loss_cases,
    misconceptions=(
        Misconception(
            name="one direction only",
            sentence="Your pictures choose among captions, but captions never choose among pictures. Do the same with "
            "the transposed matrix and take the mean.",
            answer=_one_direction,
        ),
        Misconception(
            name="multiplied by the temperature",
            sentence="You multiplied by the temperature. Dividing by a small temperature is what makes differences large.",
            answer=_multiplies_by_temperature,
        ),
        Misconception(
            name="temperature forgotten",
            sentence="Your numbers are those at temperature 1: the second argument is not used.",
            answer=_ignores_temperature,
        ),
        Misconception(
            name="sum of the two directions",
            sentence="You added the two directions; CLIP takes their mean, so yours is twice as large.",
            answer=_sum_of_directions,
        ),
        Misconception(
            name="summed over the batch",
            sentence="You summed over the pairs, so the loss grows with the batch; take the mean.",
            answer=_sum_over_the_batch,
        ),
        Misconception(
            name="no logarithm",
            sentence="You averaged the probabilities themselves. The loss is minus their logarithm: a confident mistake "
            "must cost far more than an unsure one.",
            answer=_forgets_the_logarithm,
        ),
        Misconception(
            name="no minus",
            sentence="Your loss is negative, and training would make the right pairs less likely: a minus is missing.",
            answer=_forgets_the_minus,
        ),
        Misconception(
            name="softmax twice",
            sentence="`F.cross_entropy` applies the softmax itself; give it logits, not probabilities.",
            answer=_softmax_before_cross_entropy,
        ),
    ),
    hints=(
        "Which column is the right answer for row 0? For row 1? For row i?",
        "`F.cross_entropy(logits, targets)` takes the softmax, the logarithm, the minus and the mean at once.",
        "pair = torch.arange(len(logits)); then the mean of F.cross_entropy(logits, pair) and of the same with logits.T",
    ),
)

# 2.3.4 -------------------------------------------------------------------------------------------------------------


def _temperature_measure(settings, rng):
    """How far the loss lies above the best that any temperature reaches, in nats, for 64 imperfect pairs."""
    temperature = settings["temperature"]
    if not (isinstance(temperature, int | float) and math.isfinite(temperature) and temperature > 0):
        raise ValueError("the temperature must be a positive number")
    similarities = 0.1 + 0.2 * normal(rng, 64, 64)
    similarities.fill_diagonal_(0.0)
    similarities += torch.diag(0.7 + 0.1 * normal(rng, 64))
    losses = [contrastive_loss(similarities, candidate).item() for candidate in torch.logspace(-2.5, 0.5, 61)]
    return contrastive_loss(similarities, temperature).item() - min(losses)


TEMPERATURE = Exercise(
    id="2.3.4",
    title="Find the temperature",
    kind="tune",
    entry="settings",
    points=2,
    difficulty=2,
    importance=4,
    minutes=6,
    reference={"temperature": 0.05},
    measure=_temperature_measure,
    target=0.1,
    direction="at most",
    misconceptions=(
        Misconception(
            name="too warm",
            sentence="At this temperature the softmax is nearly flat: even a clear winner gets little probability, so the "
            "loss stays near chance. Go colder.",
            answer={"temperature": 1.0},
            when=lambda settings: settings["temperature"] >= 0.1,
        ),
        Misconception(
            name="too cold",
            sentence="At this temperature the largest number takes all, and each of the few wrong winners costs dearly. "
            "Go warmer.",
            answer={"temperature": 0.01},
            when=lambda settings: 0 < settings["temperature"] <= 0.02,
        ),
        Misconception(
            name="not a temperature",
            sentence="A temperature is a positive number: zero divides by zero, and below it the worst caption wins.",
            answer={"temperature": -0.07},
            when=lambda settings: settings["temperature"] <= 0,
        ),
    ),
    hints=(
        "In the widget above, which temperature makes the right cells bright without making the wrong winners certain?",
        "Between 1 and 0.01 lies the answer; the curve below the widget has one valley.",
        "The bottom of the valley lies between 0.03 and 0.1.",
    ),
)

# 2.3.5 -------------------------------------------------------------------------------------------------------------


class DualEncoderHead(nn.Module):
    """Two projections into one space and a learnt temperature."""

    def __init__(self, image_width: int, text_width: int, width: int):
        super().__init__()
        self.image_projection = nn.Linear(image_width, width, bias=False)
        self.text_projection = nn.Linear(text_width, width, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def forward(self, image_features, text_features):
        """Return the logits, pictures by texts."""
        images = F.normalize(self.image_projection(image_features), dim=-1)
        texts = F.normalize(self.text_projection(text_features), dim=-1)
        return self.logit_scale.exp() * images @ texts.T


class _HeadByEinsum(DualEncoderHead):
    def forward(self, image_features, text_features):
        images, texts = self.image_projection(image_features), self.text_projection(text_features)
        cosines = torch.einsum("iw,jw->ij", images, texts) / (images.norm(dim=1)[:, None] * texts.norm(dim=1))
        return cosines * torch.exp(self.logit_scale)


class _HeadByFunctional(DualEncoderHead):
    def forward(self, image_features, text_features):
        images, texts = image_features @ self.image_projection.weight.T, text_features @ self.text_projection.weight.T
        return F.cosine_similarity(images[:, None], texts[None], dim=-1) * self.logit_scale.exp()


class _HeadWithoutExp(DualEncoderHead):
    def forward(self, image_features, text_features):
        images = F.normalize(self.image_projection(image_features), dim=-1)
        return self.logit_scale * images @ F.normalize(self.text_projection(text_features), dim=-1).T


class _HeadDividing(DualEncoderHead):
    def forward(self, image_features, text_features):
        images = F.normalize(self.image_projection(image_features), dim=-1)
        return images @ F.normalize(self.text_projection(text_features), dim=-1).T / self.logit_scale.exp()


class _HeadWithoutNormalising(DualEncoderHead):
    def forward(self, image_features, text_features):
        images, texts = self.image_projection(image_features), self.text_projection(text_features)
        return self.logit_scale.exp() * images @ texts.T


class _HeadNormalisingFirst(DualEncoderHead):
    def forward(self, image_features, text_features):
        images = self.image_projection(F.normalize(image_features, dim=-1))
        texts = self.text_projection(F.normalize(text_features, dim=-1))
        return self.logit_scale.exp() * images @ texts.T


class _HeadTransposed(DualEncoderHead):
    def forward(self, image_features, text_features):
        return super().forward(image_features, text_features).T


def _head_cases(rng):
    def case(images, texts, **init):
        features = normal(rng, images, init["image_width"]), normal(rng, texts, init["text_width"])
        return Case(init=init, weights=int(rng.integers(2**31)), args=features)

    return [case(4, 6, image_width=5, text_width=7, width=3), case(3, 3, image_width=8, text_width=8, width=8)]


HEAD = Exercise(
    id="2.3.5",
    title="Where the two towers meet",
    kind="module",
    entry="DualEncoderHead",
    points=3,
    difficulty=3,
    importance=5,
    minutes=10,
    reference=DualEncoderHead,
    alternatives=(_HeadByEinsum, _HeadByFunctional),
    cases=_head_cases,
    misconceptions=(
        Misconception(
            name="logit_scale without exp",
            sentence="You multiplied by `logit_scale` itself. It is a logarithm, so that the scale can never turn negative: "
            "take its `exp()`.",
            answer=_HeadWithoutExp,
        ),
        Misconception(
            name="divided by the scale",
            sentence="The scale is 1 / temperature already: multiply by it.",
            answer=_HeadDividing,
        ),
        Misconception(
            name="not normalised",
            sentence="Your projected vectors keep their lengths; without length 1 the dot product is not a cosine.",
            answer=_HeadWithoutNormalising,
        ),
        Misconception(
            name="normalised before the projection",
            sentence="You normalised the features and then projected them, which changes their length again. Project "
            "first, normalise last.",
            answer=_HeadNormalisingFirst,
        ),
        Misconception(
            name="captions in the rows",
            sentence="Your logits have a row for each text; here the rows are pictures.",
            answer=_HeadTransposed,
        ),
    ),
    hints=(
        "The two features have different widths. What must happen before they can be compared?",
        "Project each, give each length 1, multiply all with all, then scale by `self.logit_scale.exp()`.",
        "images = F.normalize(self.image_projection(image_features), dim=-1), the same for texts, then "
        "self.logit_scale.exp() * images @ texts.T",
    ),
)

# 2.3.6 -------------------------------------------------------------------------------------------------------------


def recall_at_1(similarities):
    """Share of right winners among the rows, and among the columns."""
    pair = torch.arange(len(similarities))
    return (
        (similarities.argmax(dim=1) == pair).float().mean().item(),
        (similarities.argmax(dim=0) == pair).float().mean().item(),
    )


def _recall_by_ranks(similarities):
    right = similarities.diagonal()
    rows = ((similarities > right[:, None]).sum(dim=1) == 0).double().mean()
    columns = ((similarities > right[None, :]).sum(dim=0) == 0).double().mean()
    return float(rows), float(columns)


def _recall_in_a_loop(similarities):
    table, n = similarities.tolist(), len(similarities)
    rows = sum(max(range(n), key=lambda j: table[i][j]) == i for i in range(n))
    columns = sum(max(range(n), key=lambda i: table[i][j]) == j for j in range(n))
    return rows / n, columns / n


def _swapped_ways(similarities):
    return recall_at_1(similarities)[::-1]


def _counts_not_shares(similarities):
    return tuple(round(share * len(similarities)) for share in recall_at_1(similarities))


def _same_way_twice(similarities):
    return (recall_at_1(similarities)[0],) * 2


def _above_a_threshold(similarities):
    share = (similarities.diagonal() > 0.5).float().mean().item()
    return share, share


def _mean_of_the_diagonal(similarities):
    mean = similarities.diagonal().mean().item()
    return mean, mean


def _recall_cases(rng):
    def skewed(n):
        # a few columns attract all rows, so that the two ways of searching give different recalls
        noise = normal(rng, n, n) * 0.3
        noise[:, : n // 4] += 0.6
        return (noise + 1.1 * torch.eye(n)).clamp(-2, 2)

    return [Case(args=(skewed(16),)), Case(args=(skewed(24),)), Case(args=(skewed(40),))]


RECALL = Exercise(
    id="2.3.6",
    title="Recall at 1, both ways",
    kind="function",
    entry="recall_at_1",
    points=2,
    difficulty=2,
    importance=4,
    minutes=8,
    reference=recall_at_1,
    alternatives=(_recall_by_ranks, _recall_in_a_loop),
    cases=_recall_cases,
    misconceptions=(
        Misconception(
            name="the two ways exchanged",
            sentence="Rows are pictures: the winner of a row, along dim=1, is a caption. You have the two ways exchanged.",
            answer=_swapped_ways,
        ),
        Misconception(
            name="a count, not a share",
            sentence="You counted the hits; divide by how many there are to find.",
            answer=_counts_not_shares,
        ),
        Misconception(
            name="one way twice",
            sentence="Both your numbers are picture to caption. For the other way the columns must choose: dim=0.",
            answer=_same_way_twice,
        ),
        Misconception(
            name="a threshold",
            sentence="A hit is the largest number of its row, however small it is; no threshold is needed.",
            answer=_above_a_threshold,
        ),
        Misconception(
            name="mean similarity",
            sentence="That is how similar the right pairs are on average. Recall asks how often they win.",
            answer=_mean_of_the_diagonal,
        ),
    ),
    hints=(
        "In row i, which column should hold the largest number?",
        "`similarities.argmax(dim=1)` is the caption that each picture chooses; compare it with 0, 1, 2, ...",
        "pair = torch.arange(len(similarities)); (similarities.argmax(dim=1) == pair).float().mean().item()",
    ),
)

# 2.3.7 -------------------------------------------------------------------------------------------------------------


def class_vectors(text_vectors):
    """Mean over the prompts, then length 1 again."""
    return F.normalize(text_vectors.mean(dim=1), dim=-1)


def _class_vectors_by_sum(text_vectors):
    total = text_vectors.sum(dim=1)
    return total / total.norm(dim=-1, keepdim=True)


def _class_vectors_in_a_loop(text_vectors):
    means = [vectors.mean(dim=0) for vectors in text_vectors]
    return torch.stack([mean / mean.square().sum().sqrt() for mean in means])


def _mean_not_normalised(text_vectors):
    return text_vectors.mean(dim=1)


def _first_prompt_only(text_vectors):
    return text_vectors[:, 0]


def _mean_over_classes(text_vectors):
    return F.normalize(text_vectors.mean(dim=0), dim=-1)


def _normalised_across_classes(text_vectors):
    return F.normalize(text_vectors.mean(dim=1), dim=0)


def _largest_of_each_number(text_vectors):
    return F.normalize(text_vectors.max(dim=1).values, dim=-1)


def _prompt_cases(rng):
    return [Case(args=(F.normalize(normal(rng, *shape), dim=-1),)) for shape in ((3, 4, 8), (5, 2, 6), (6, 6, 4))]


CLASS_VECTORS = Exercise(
    id="2.3.7",
    title="A class from its prompts",
    kind="function",
    entry="class_vectors",
    points=2,
    difficulty=2,
    importance=3,
    minutes=6,
    reference=class_vectors,
    alternatives=(_class_vectors_by_sum, _class_vectors_in_a_loop),
    cases=_prompt_cases,
    misconceptions=(
        Misconception(
            name="the mean has lost its length",
            sentence="A mean of unit vectors is shorter than 1, and shorter still where the prompts disagree, so such a "
            "class would lose unfairly. Normalise once more.",
            answer=_mean_not_normalised,
        ),
        Misconception(
            name="one prompt only",
            sentence="You used the first prompt of each class and left the others out.",
            answer=_first_prompt_only,
        ),
        Misconception(
            name="averaged over the classes",
            sentence="You averaged over dim=0, which mixes the classes; the prompts are dim=1.",
            answer=_mean_over_classes,
        ),
        Misconception(
            name="normalised across the classes",
            sentence="Your columns have length 1; it is each class, each row, that must.",
            answer=_normalised_across_classes,
        ),
        Misconception(
            name="maximum instead of mean",
            sentence="You took the largest number at each place, which is no direction that any prompt has; take the mean.",
            answer=_largest_of_each_number,
        ),
    ),
    hints=(
        "Each class has several arrows of length 1. Which arrow lies in their middle?",
        "Average over the prompts, `dim=1`. How long is the result?",
        "F.normalize(text_vectors.mean(dim=1), dim=-1)",
    ),
)

# 2.3.8 -------------------------------------------------------------------------------------------------------------


def sigmoid_loss(logits, labels):
    """Every cell of equal labels is a match."""
    matches = labels[:, None] == labels[None, :]
    signs = 2 * matches.float() - 1
    return -F.logsigmoid(signs * logits).sum(dim=1).mean()


def _sigmoid_loss_by_bce(logits, labels):
    matches = (labels.view(-1, 1) - labels.view(1, -1) == 0).to(logits.dtype)
    return F.binary_cross_entropy_with_logits(logits, matches, reduction="sum") / len(logits)


def _sigmoid_loss_in_a_loop(logits, labels):
    total = 0.0
    for i in range(len(labels)):
        for j in range(len(labels)):
            sign = 1.0 if labels[i] == labels[j] else -1.0
            total = total + torch.log1p(torch.exp(-sign * logits[i, j]))
    return total / len(labels)


def _diagonal_only(logits, labels):
    signs = 2 * torch.eye(len(labels)) - 1
    return -F.logsigmoid(signs * logits).sum(dim=1).mean()


def _mean_over_cells(logits, labels):
    return sigmoid_loss(logits, labels) / len(labels)


def _zero_one_signs(logits, labels):
    matches = (labels[:, None] == labels[None, :]).float()
    return -F.logsigmoid(matches * logits).sum(dim=1).mean()


def _signs_exchanged(logits, labels):
    return sigmoid_loss(-logits, labels)


def _sigmoid_without_logarithm(logits, labels):
    signs = 2 * (labels[:, None] == labels[None, :]).float() - 1
    return -torch.sigmoid(signs * logits).sum(dim=1).mean()


def _sigmoid_cases(rng):
    def case(n, classes):
        # two equal labels for sure, and never all equal
        labels = torch.cat([torch.tensor([0, 0, 1]), integers(rng, 0, classes, n - 3)])
        return Case(args=(2 * normal(rng, n, n), labels))

    return [case(5, 3), case(8, 4), case(12, 10)]


SIGMOID_LOSS = Exercise(
    id="2.3.8",
    title="The digit that is its own enemy",
    kind="bug",
    entry="sigmoid_loss",
    points=3,
    difficulty=3,
    importance=3,
    minutes=8,
    reference=sigmoid_loss,
    alternatives=(_sigmoid_loss_by_bce, _sigmoid_loss_in_a_loop),
    cases=_sigmoid_cases,
    misconceptions=(
        Misconception(
            name="only the diagonal matches",
            sentence="Two pictures of a seven both belong to the caption of a seven, but this code calls all cells off the "
            "diagonal wrong.",
            answer=_diagonal_only,
            planted=True,
        ),
        Misconception(
            name="mean over all cells",
            sentence="SigLIP sums over the captions of a picture and averages over pictures; you averaged over all cells, "
            "so the loss shrinks as the batch grows.",
            answer=_mean_over_cells,
        ),
        Misconception(
            name="0 and 1 instead of -1 and +1",
            sentence="With 0 for a wrong pair its logit is multiplied away and nothing pushes it down: the sign must be -1.",
            answer=_zero_one_signs,
        ),
        Misconception(
            name="signs exchanged",
            sentence="You push the matches down and the others up: matches need +1.",
            answer=_signs_exchanged,
        ),
        Misconception(
            name="no logarithm",
            sentence="You summed the probabilities themselves; the loss is minus the logarithm of each.",
            answer=_sigmoid_without_logarithm,
        ),
    ),
    hints=(
        "The batch holds three sevens. How many of the nine cells between them does the code call a match?",
        "A cell matches where the label of its row equals the label of its column, not only on the diagonal.",
        "matches = labels[:, None] == labels[None, :], in place of torch.eye(len(labels))",
    ),
)

# 2.3.9 -------------------------------------------------------------------------------------------------------------

RELATIONS = Exercise(
    id="2.3.9",
    title="Why order escapes it",
    kind="choice",
    entry="choice",
    points=2,
    difficulty=3,
    importance=4,
    minutes=5,
    reference=("c", 2),
    options={
        "a": "The vision tower cannot tell where in the picture an object stands.",
        "b": "The text tower reads words in no particular order.",
        "c": "Nothing in its training made it worth telling the two captions apart.",
        "d": "The space has too few dimensions to hold relations.",
    },
    reasons=(
        "The vision tower has no positions: its patches are a bag.",
        "In a random batch, hardly ever do two captions hold the same words in another order.",
        "Attention treats its inputs as a set, so no Transformer can use order.",
        "64 numbers are fewer than the possible captions.",
    ),
    misconceptions=(
        Misconception(
            name="blames the eyes",
            sentence="It told the places of single objects apart almost perfectly, so positions do reach the space.",
            answer=("a", 1),
            when=lambda answer: answer[0] == "a",
        ),
        Misconception(
            name="blames the reader",
            sentence="The text tower adds a position to every word and reads causally: it can use order. The question is "
            "whether it ever needed to.",
            answer=("b", 3),
            when=lambda answer: answer[0] == "b",
        ),
        Misconception(
            name="blames the width",
            sentence="Each of the 64 numbers is continuous; that is room for far more than four relations.",
            answer=("d", 4),
            when=lambda answer: answer[0] == "d",
        ),
    ),
    hints=(
        "What does the contrastive loss reward: describing the picture, or beating the other captions of the batch?",
        "Draw two scenes at random. How likely are they made of the same two objects?",
        "Look for the option that speaks of training, and the reason that speaks of random batches.",
    ),
)

EXERCISES = (
    WRONG_PAIRS,
    COSINE_SIMILARITIES,
    CONTRASTIVE_LOSS,
    TEMPERATURE,
    HEAD,
    RECALL,
    CLASS_VECTORS,
    SIGMOID_LOSS,
    RELATIONS,
)
