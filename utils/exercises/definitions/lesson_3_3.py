"""The exercises of lesson 3.3, LLaVA."""

from __future__ import annotations

import torch

from utils.exercises.definition import Case, Exercise, Misconception, exact, integers, normal

# 3.3.1 -------------------------------------------------------------------------------------------------------------


def splice(tokens, embeddings, soft, image):
    """Put the soft tokens of all pictures, in reading order, in the places of `image`."""
    sequence = embeddings.clone()
    sequence[tokens == image] = soft.flatten(0, 1)
    return sequence


def _splice_by_scatter(tokens, embeddings, soft, image):
    return embeddings.masked_scatter((tokens == image)[:, :, None], soft.to(embeddings.dtype))


def _splice_place_by_place(tokens, embeddings, soft, image):
    waiting = [vector for picture in soft for vector in picture]
    rows = []
    for ids, vectors in zip(tokens.tolist(), embeddings, strict=True):
        rows.append(
            torch.stack([waiting.pop(0) if i == image else vector for i, vector in zip(ids, vectors, strict=True)])
        )
    return torch.stack(rows)


def _soft_tokens_interleaved(tokens, embeddings, soft, image):
    return splice(tokens, embeddings, soft.transpose(0, 1), image)


def _soft_tokens_added(tokens, embeddings, soft, image):
    return embeddings + splice(tokens, torch.zeros_like(embeddings), soft, image)


def _pictures_in_front(tokens, embeddings, soft, image):
    sequence = splice(tokens, embeddings, soft, image)
    first = (tokens != image).long().argsort(dim=1, stable=True)
    return sequence.gather(1, first[:, :, None].expand_as(sequence))


def _first_picture_everywhere(tokens, embeddings, soft, image):
    return splice(tokens, embeddings, soft[:1].expand_as(soft), image)


def _picture_averaged(tokens, embeddings, soft, image):
    return splice(tokens, embeddings, soft.mean(dim=1, keepdim=True).expand_as(soft), image)


def _one_place_late(tokens, embeddings, soft, image):
    return splice(tokens.roll(1, dims=1), embeddings, soft, image)


def _splice_cases(rng):
    def case(pictures, k, width, image):
        # one row for each picture but the last, which shares its row; text before, between and behind
        words = [integers(rng, 0, image, 5) for _ in range(pictures)]
        place = torch.full((k,), image)
        rows = [[row[:1], place, row[1:3]] for row in words[:-1]]
        rows[-1] += [place, words[-1][3:]]
        longest = max(sum(map(len, row)) for row in rows)
        rows = [torch.cat([*row, integers(rng, 0, image, longest - sum(map(len, row)) + 1)]) for row in rows]
        tokens = torch.stack(rows)
        return Case(args=(tokens, normal(rng, *tokens.shape, width), normal(rng, pictures, k, width), image))

    return [case(3, 4, 6, 30), case(2, 2, 5, 17), case(4, 3, 4, 99)]


SPLICE = Exercise(
    id="3.3.1",
    title="One sequence",
    kind="function",
    entry="splice",
    points=2,
    difficulty=2,
    importance=5,
    minutes=8,
    reference=splice,
    alternatives=(_splice_by_scatter, _splice_place_by_place),
    cases=_splice_cases,
    misconceptions=(
        Misconception(
            name="pictures mixed up",
            sentence="You took the first soft token of every picture, then the second of every picture. A picture's soft "
            "tokens stay together: flatten `soft` as it is.",
            answer=_soft_tokens_interleaved,
        ),
        Misconception(
            name="added to the placeholder",
            sentence="You added each soft token to the vector of the placeholder. It takes its place: what <image> itself "
            "means is never read.",
            answer=_soft_tokens_added,
        ),
        Misconception(
            name="pictures first",
            sentence="Your pictures stand at the head of each text. Each belongs where its <image> stood, which may be in "
            "the middle.",
            answer=_pictures_in_front,
        ),
        Misconception(
            name="one picture for all",
            sentence="The first picture stands in every place. They are dealt out in reading order, each once.",
            answer=_first_picture_everywhere,
        ),
        Misconception(
            name="one vector a picture",
            sentence="You gave every place of a picture the mean of its soft tokens, and so forgot what stood where in it.",
            answer=_picture_averaged,
        ),
        Misconception(
            name="one place late",
            sentence="Your soft tokens stand one place behind their <image>. Positions are shifted in the loss, never here.",
            answer=_one_place_late,
        ),
    ),
    hints=(
        "How many places does `tokens == image` mark, and how many soft tokens are there in all?",
        "A mask [batch, length] picks rows of `embeddings`; `soft.flatten(0, 1)` is as long a list of vectors.",
        "sequence = embeddings.clone(); sequence[tokens == image] = soft.flatten(0, 1)",
    ),
)

# 3.3.2 -------------------------------------------------------------------------------------------------------------


def targets(tokens, learnt, image, pad):
    """The next token of each position, and -100 where nothing is to be learnt."""
    following = tokens[:, 1:]
    counted = learnt[:, 1:] & (following != image) & (following != pad)
    return following.masked_fill(~counted, -100)


def _targets_by_where(tokens, learnt, image, pad):
    allowed = torch.logical_and(learnt, torch.logical_and(tokens != image, tokens != pad))
    return torch.where(allowed, tokens, torch.full_like(tokens, -100))[:, 1:]


def _targets_in_a_loop(tokens, learnt, image, pad):
    rows = [
        [token if flag and token not in (image, pad) else -100 for token, flag in zip(row[1:], flags[1:], strict=True)]
        for row, flags in zip(tokens.tolist(), learnt.tolist(), strict=True)
    ]
    return torch.tensor(rows, dtype=tokens.dtype)


def _targets_not_shifted(tokens, learnt, image, pad):
    counted = learnt & (tokens != image) & (tokens != pad)
    return tokens.masked_fill(~counted, -100)[:, :-1]


def _flags_not_shifted(tokens, learnt, image, pad):
    following = tokens[:, 1:]
    counted = learnt[:, :-1] & (following != image) & (following != pad)
    return following.masked_fill(~counted, -100)


def _prompt_learnt(tokens, learnt, image, pad):
    return targets(tokens, torch.ones_like(learnt), image, pad)


def _pictures_learnt(tokens, learnt, image, pad):
    return targets(tokens, learnt, -1, pad)


def _padding_learnt(tokens, learnt, image, pad):
    return targets(tokens, learnt, image, -1)


def _nothing_is_zero(tokens, learnt, image, pad):
    found = targets(tokens, learnt, image, pad)
    return found.masked_fill(found == -100, 0)


def _targets_cases(rng):
    def case(rows, k, image, pad):
        # <start>, a picture, a prompt, a reply with a picture in it, padding; the flags cover reply and padding whole
        tokens, flags = [], []
        for row in range(rows):
            prompt, reply, rest = 3 + row, 4, 2 + rows - row
            place = torch.full((k,), image)
            words = integers(rng, 5, image, prompt + reply)
            end = torch.full((rest,), pad)
            tokens.append(torch.cat([words[:1], place, words[1:-2], place[:1], words[-2:], end]))
            first = k + prompt
            flags.append(torch.arange(len(tokens[-1])) >= first)
        return Case(args=(torch.stack(tokens), torch.stack(flags), image, pad))

    return [case(2, 4, 40, 0), case(3, 2, 25, 1), case(1, 3, 90, 2)]


TARGETS = Exercise(
    id="3.3.2",
    title="What is to be learnt",
    kind="function",
    entry="targets",
    points=3,
    difficulty=3,
    importance=5,
    minutes=10,
    reference=targets,
    alternatives=(_targets_by_where, _targets_in_a_loop),
    cases=_targets_cases,
    misconceptions=(
        Misconception(
            name="each token predicts itself",
            sentence="Your targets are the tokens at the same places. A position is scored against the token that follows "
            "it: a model that may look at the answer has nothing to learn.",
            answer=_targets_not_shifted,
        ),
        Misconception(
            name="flags left behind",
            sentence="You shifted the tokens and not the flags, so that the first word of each reply is lost and a word "
            "behind it counts. Shift both.",
            answer=_flags_not_shifted,
        ),
        Misconception(
            name="the prompt is learnt",
            sentence="You count the words of the prompt. The user writes them: the model would learn to ask.",
            answer=_prompt_learnt,
        ),
        Misconception(
            name="<image> is learnt",
            sentence="You count an <image> inside a reply. It is a place for a picture, and no word to be said.",
            answer=_pictures_learnt,
        ),
        Misconception(
            name="<pad> is learnt",
            sentence="You count the padding, so that a short reply teaches mostly emptiness.",
            answer=_padding_learnt,
        ),
        Misconception(
            name="0 for nothing",
            sentence="You wrote 0 where nothing counts. 0 is a token; `cross_entropy` leaves out -100.",
            answer=_nothing_is_zero,
        ),
    ),
    hints=(
        "The output at position 0 is scored against the token at which position?",
        "Shift both: `tokens[:, 1:]` and `learnt[:, 1:]`. Which tokens must be taken out besides?",
        "following = tokens[:, 1:]; following.masked_fill(~(learnt[:, 1:] & (following != image) & ...), -100)",
    ),
)

# 3.3.3 -------------------------------------------------------------------------------------------------------------

PROJECTOR_SIZE = Exercise(
    id="3.3.3",
    title="How small a bridge",
    kind="number",
    entry="projector_numbers",
    points=1,
    difficulty=2,
    importance=3,
    minutes=5,
    reference=1024 * 4096 + 4096 + 4096 * 4096 + 4096,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="one layer",
            sentence="That is one layer, as LLaVA had it in 2023. LLaVA-1.5 has a second one behind it, from 4,096 to 4,096.",
            answer=1024 * 4096 + 4096,
        ),
        Misconception(
            name="no biases",
            sentence="Both layers add a bias as well: a number for each of their outputs.",
            answer=1024 * 4096 + 4096 * 4096,
        ),
        Misconception(
            name="the first layer keeps the width",
            sentence="You let the first layer keep the tower's width. It is the first that goes from 1,024 to 4,096.",
            answer=1024 * 1024 + 1024 + 1024 * 4096 + 4096,
        ),
        Misconception(
            name="once for each patch",
            sentence="All 576 patches go through one and the same projector; it is stored once.",
            answer=576 * (1024 * 4096 + 4096 + 4096 * 4096 + 4096),
        ),
    ),
    hints=(
        "A linear layer from a to b has a matrix and a bias. How many numbers is that?",
        "The first goes from 1,024 to 4,096, the second from 4,096 to 4,096.",
        "1024 * 4096 + 4096 for the first; add the second.",
    ),
)

# 3.3.4 -------------------------------------------------------------------------------------------------------------


def _chose_a(answer):
    return answer[0] == "a"


def _chose_c(answer):
    return answer[0] == "c"


def _chose_d(answer):
    return answer[0] == "d"


READING = Exercise(
    id="3.3.4",
    title="Who answers?",
    kind="choice",
    entry="choice",
    points=2,
    difficulty=3,
    importance=4,
    minutes=6,
    reference=("b", 1),
    options={
        "a": "The captions of stage 1 taught it to answer questions.",
        "b": "It could answer before; now it can read pictures.",
        "c": "The projector answers, and the language model writes that down.",
        "d": "It guesses from the words of the question.",
    },
    reasons=(
        "No text of stage 1 asks such a question, and the language model is what it was, to the last bit.",
        "Captions and answers are made of the same words, so that one teaches the other.",
        "The projector is all that has learnt anything.",
        "Many a question has a usual answer.",
    ),
    misconceptions=(
        Misconception(
            name="credits the captions",
            sentence="What could captions have taught, and whom? The language model has the same fingerprint as before, and "
            "the projector has never met a question.",
            answer=("a", 2),
            when=_chose_a,
        ),
        Misconception(
            name="credits the projector",
            sentence="The projector reads one square at a time and no word: it does not know what is asked.",
            answer=("c", 3),
            when=_chose_c,
        ),
        Misconception(
            name="takes it for a guess",
            sentence="With shuffled pictures the same words are worth much less. It does look.",
            answer=("d", 4),
            when=_chose_d,
        ),
    ),
    hints=(
        "Which parts have changed in stage 1, and which of them ever sees the question?",
        "Before stage 1 the language model answered such questions about documents.",
        "Look for the option that says what it could do before, and the reason that speaks of its weights.",
    ),
)

# 3.3.5 -------------------------------------------------------------------------------------------------------------


def box_numbers(box, width, height, ticks):
    """Each edge as a tick of a ruler along its side of the picture."""
    sides = (width, height, width, height)
    return [min(ticks * edge // side, ticks - 1) for edge, side in zip(box, sides, strict=True)]


def _box_edge_by_edge(box, width, height, ticks):
    left, top, right, bottom = box
    last = ticks - 1
    return [
        min(last, int(ticks * left / width + 1e-9)),
        min(last, int(ticks * top / height + 1e-9)),
        min(last, int(ticks * right / width + 1e-9)),
        min(last, int(ticks * bottom / height + 1e-9)),
    ]


def _box_by_tensor(box, width, height, ticks):
    edges, sides = torch.tensor(box), torch.tensor([width, height] * 2)
    return (ticks * edges).div(sides, rounding_mode="floor").clamp(max=ticks - 1).tolist()


def _one_side_for_all(box, width, height, ticks):
    return box_numbers(box, width, width, ticks)


def _last_tick_too_far(box, width, height, ticks):
    return [ticks * edge // side for edge, side in zip(box, (width, height, width, height), strict=True)]


def _corner_and_size(box, width, height, ticks):
    left, top, right, bottom = box
    return box_numbers((left, top, right - left, bottom - top), width, height, ticks)


def _pixels_as_they_are(box, width, height, ticks):
    return [min(edge, ticks - 1) for edge in box]


def _rows_first(box, width, height, ticks):
    left, top, right, bottom = box_numbers(box, width, height, ticks)
    return [top, left, bottom, right]


def _ticks_rounded_up(box, width, height, ticks):
    return [
        min(-(-ticks * edge // side), ticks - 1) for edge, side in zip(box, (width, height, width, height), strict=True)
    ]


def _box_cases(rng):
    def case(width, height, ticks, *, to_the_edge):
        left, top = int(rng.integers(1, width // 3)), int(rng.integers(height // 3 + 2, height // 2))
        right = width if to_the_edge else left + int(rng.integers(width // 4, width // 3))
        bottom = height if to_the_edge else top + int(rng.integers(height // 4, height // 3))
        return Case(args=((left, top, right, bottom), width, height, ticks))

    return [
        case(640, 427, 1000, to_the_edge=False),
        case(333, 1024, 1000, to_the_edge=True),
        case(90, 61, 10, to_the_edge=False),
    ]


BOX_NUMBERS = Exercise(
    id="3.3.5",
    title="A box in numbers",
    kind="function",
    entry="box_numbers",
    points=2,
    difficulty=2,
    importance=4,
    minutes=7,
    reference=box_numbers,
    alternatives=(_box_edge_by_edge, _box_by_tensor),
    cases=_box_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="one side for all",
            sentence="You divided all four edges by the width. Top and bottom run along the height.",
            answer=_one_side_for_all,
        ),
        Misconception(
            name="one tick too many",
            sentence="An edge at the very border of the picture gives the number `ticks`, and the numbers end at `ticks - 1`.",
            answer=_last_tick_too_far,
        ),
        Misconception(
            name="corner and size",
            sentence="You gave a corner, then width and height. Wanted are two corners.",
            answer=_corner_and_size,
        ),
        Misconception(
            name="pixels",
            sentence="Those are pixels. Divide by the side first, or a picture of another size has other words for one place.",
            answer=_pixels_as_they_are,
        ),
        Misconception(
            name="rows first",
            sentence="You put top before left. The box comes as left, top, right, bottom, and goes out so.",
            answer=_rows_first,
        ),
        Misconception(
            name="rounded up",
            sentence="You took the tick behind each edge. Wanted is the last one that it has reached: round down.",
            answer=_ticks_rounded_up,
        ),
    ),
    hints=(
        "What share of the picture lies to the left of an edge? And how many ticks is that?",
        "`ticks * edge // side` rounds down; `side` is the width for left and right.",
        "[min(ticks * edge // side, ticks - 1) for edge, side in zip(box, (width, height, width, height))]",
    ),
)

# 3.3.6 -------------------------------------------------------------------------------------------------------------


def load(own, saved):
    """The projector's own names, each with what the file holds of it."""
    return {name: saved[f"projector.{name}"] for name in own}


def _load_by_stripping(own, saved):
    prefix = "projector."
    loaded = {name[len(prefix) :]: tensor for name, tensor in saved.items() if name.startswith(prefix)}
    return {name: loaded[name] for name in own}


def _load_in_a_loop(own, saved):
    loaded = {}
    for name in own:
        key = ".".join(("projector", name))
        if key not in saved:
            raise KeyError(key)
        loaded[name] = saved[key].clone()
    return loaded


def _loads_nothing(own, saved):
    return {name: saved.get(name, tensor) for name, tensor in own.items()}


def _prefix_kept(own, saved):
    return {name: tensor for name, tensor in saved.items() if name.startswith("projector.")}


def _whole_file(own, saved):
    return dict(saved)


def _first_that_ends_so(own, saved):
    return {name: next(tensor for key, tensor in saved.items() if key.endswith(name)) for name in own}


def _in_the_order_of_the_file(own, saved):
    return dict(zip(own, saved.values(), strict=False))


def _load_cases(rng):
    def case(vision, language):
        def layers():
            return {
                "0.weight": normal(rng, language, vision),
                "0.bias": normal(rng, language),
                "2.weight": normal(rng, language, language),
                "2.bias": normal(rng, language),
            }

        saved = {"vision.class_token": normal(rng, vision)}
        saved |= {f"vision.layers.{name}": tensor for name, tensor in layers().items()}
        saved |= {f"projector.{name}": tensor for name, tensor in layers().items()}
        saved["language.embedding.weight"] = normal(rng, 5, language)
        return Case(args=(layers(), saved))

    return [case(3, 4), case(5, 2), case(4, 6)]


LOAD = Exercise(
    id="3.3.6",
    title="A loader that loads nothing",
    kind="bug",
    entry="load",
    points=2,
    difficulty=2,
    importance=5,
    minutes=6,
    reference=load,
    alternatives=(_load_by_stripping, _load_in_a_loop),
    cases=_load_cases,
    misconceptions=(
        Misconception(
            name="nothing is loaded",
            sentence="The names of the file begin with `projector.` and your own do not, so not one is found, and `get` "
            "quietly gives back what was there before.",
            answer=_loads_nothing,
            planted=True,
        ),
        Misconception(
            name="the prefix is kept",
            sentence="You return the file's names. The projector calls its weights `0.weight` and so on: ask the file for "
            "`projector.` and the name.",
            answer=_prefix_kept,
        ),
        Misconception(
            name="the whole file",
            sentence="You return everything in the file. Only what the projector owns is wanted, under its own names.",
            answer=_whole_file,
        ),
        Misconception(
            name="whatever ends so",
            sentence="Other parts of the file have names that end alike, and one of them came first. Ask for the full name.",
            answer=_first_that_ends_so,
        ),
        Misconception(
            name="by order",
            sentence="You paired the names with the file's tensors in their order. A file's order means nothing: pair names.",
            answer=_in_the_order_of_the_file,
        ),
    ),
    hints=(
        "Print the names of both sides. What differs?",
        "`get` with a default hides the difference. What does `saved[...]` do with a name that is not there?",
        'saved[f"projector.{name}"] for each name in own',
    ),
)

EXERCISES = (SPLICE, TARGETS, PROJECTOR_SIZE, READING, BOX_NUMBERS, LOAD)
