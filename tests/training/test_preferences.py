"""Losses of alignment: by hand in float64, and what must hold of them whatever the numbers are."""

from __future__ import annotations

import copy
import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.models.gpt import GPT, GPTConfig, next_token_loss
from utils.training.loop import fit
from utils.training.preferences import (
    PreferencePairs,
    answer_tokens,
    bradley_terry_loss,
    dpo_loss,
    implicit_rewards,
    join_answers,
    leave_one_out,
    penalised_rewards,
    ppo_clip_loss,
    sequence_log_probabilities,
)
from utils.world.tokenizer import END, IMAGE, PAD, START, VOCABULARY, tokenize

settings.register_profile("alignment", max_examples=30, deadline=None)
settings.load_profile("alignment")
CLOSE = {"rtol": 1e-10, "atol": 1e-10}
RED, BLUE, CIRCLE, A = (VOCABULARY.index(word) for word in ("red", "blue", "circle", "a"))


@st.composite
def log_probabilities(draw, tensors: int):
    """`tensors` tensors of log-probabilities of a few answers."""
    number, seed = draw(st.integers(1, 8)), draw(st.integers(0, 2**32 - 1))
    generator = torch.Generator().manual_seed(seed)
    return -draw(st.floats(0.01, 20)) * torch.rand(tensors, number, generator=generator, dtype=torch.float64)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


class TestSequenceLogProbabilities:
    TOKENS = torch.tensor(
        [[START, IMAGE, IMAGE, A, RED, CIRCLE, END, PAD], [START, IMAGE, IMAGE, BLUE, END, PAD, PAD, PAD]]
    )
    LEARNT = answer_tokens(TOKENS, torch.tensor([3, 3]))

    def logits(self) -> torch.Tensor:
        generator = torch.Generator().manual_seed(0)
        return torch.randn(2, 8, len(VOCABULARY), generator=generator, dtype=torch.float64)

    def test_they_are_the_sum_over_the_answer_as_a_human_would_write_it(self):
        logits, expected = self.logits(), []
        for row, places in ((0, (3, 4, 5, 6)), (1, (3, 4))):
            total = 0.0
            for place in places:
                scores = logits[row, place - 1]
                total += math.log(math.exp(scores[self.TOKENS[row, place]]) / sum(map(math.exp, scores.tolist())))
            expected.append(total)
        found = sequence_log_probabilities(logits, self.TOKENS, self.LEARNT)
        torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), **CLOSE)

    def test_their_mean_over_tokens_is_the_next_token_loss(self):
        found = sequence_log_probabilities(self.logits(), self.TOKENS, self.LEARNT)
        expected = next_token_loss(self.logits(), self.TOKENS, self.LEARNT)
        torch.testing.assert_close(-found.sum() / self.LEARNT.sum(), expected, **CLOSE)

    def test_no_prompt_picture_or_padding_position_is_learnt(self):
        logits = self.logits().requires_grad_()
        sequence_log_probabilities(logits, self.TOKENS, torch.ones_like(self.LEARNT)).sum().backward()
        learns = logits.grad.abs().sum(-1) > 0
        expected = (self.TOKENS != PAD) & (self.TOKENS != IMAGE)
        assert torch.equal(learns[:, :-1], expected[:, 1:])
        logits.grad = None
        sequence_log_probabilities(logits, self.TOKENS, self.LEARNT).sum().backward()
        learns = logits.grad.abs().sum(-1) > 0
        assert torch.equal(learns[:, :-1], self.LEARNT[:, 1:])
        assert not learns[:, -1].any()

    def test_all_answers_of_one_length_have_together_probability_one(self):
        torch.manual_seed(0)
        model = GPT(GPTConfig(vocabulary=7, length=5, width=8, depth=1, heads=1, hidden=16)).double()
        answers = torch.tensor(list(itertools.product(range(1, 7), repeat=2)))
        tokens = torch.cat([torch.full((len(answers), 1), START), answers], dim=1)
        logits = model(tokens).index_fill(2, torch.tensor([PAD]), float("-inf"))  # nobody says <pad>
        found = sequence_log_probabilities(logits, tokens, torch.ones_like(tokens).bool())
        assert found.exp().sum().item() == pytest.approx(1, abs=1e-10)

    def test_a_row_with_nothing_to_learn_is_refused(self):
        learnt = self.LEARNT.clone()
        learnt[1] = False
        with pytest.raises(ValueError, match=r"no token is learnt.* in 1 of 2 rows: 1"):
            sequence_log_probabilities(self.logits(), self.TOKENS, learnt)
        learnt[1, :3] = True  # <start> and pictures
        with pytest.raises(ValueError, match=r"no token is learnt.* in 1 of 2 rows: 1"):
            sequence_log_probabilities(self.logits(), self.TOKENS, learnt)

    def test_what_does_not_go_together_is_refused(self):
        with pytest.raises(ValueError, match=r"not \[2, 8, \d+\] with \[2, 7\] and \[2, 8\]"):
            sequence_log_probabilities(self.logits(), self.TOKENS[:, :-1], self.LEARNT)
        with pytest.raises(ValueError, match=r"holds torch.int64; write learnt.bool\(\)"):
            sequence_log_probabilities(self.logits(), self.TOKENS, self.LEARNT.long())


class TestPreferencePairs:
    CHOSEN, REJECTED = tokenize(["a red circle", "a blue ring"], 6), tokenize(["a red ring", "a blue"], 6)
    PROMPT = torch.tensor([2, 2])  # <start> a

    def test_answers_begin_behind_the_prompt_and_end_with_end(self):
        pairs = PreferencePairs(self.CHOSEN, self.REJECTED, self.PROMPT)
        assert len(pairs) == 2
        assert pairs.chosen_learnt.tolist() == [[False, False, True, True, True, False]] * 2
        assert pairs.rejected_learnt.sum(1).tolist() == [3, 2]

    def test_identical_answers_are_refused(self):
        with pytest.raises(ValueError, match="are identical: nothing is preferred, in 1 of 2 rows: 1"):
            PreferencePairs(self.CHOSEN, torch.stack([self.REJECTED[0], self.CHOSEN[1]]), self.PROMPT)

    def test_answers_to_different_prompts_are_refused(self):
        with pytest.raises(ValueError, match="the prompts of both answers differ, in 2 of 2 rows: 0, 1"):
            PreferencePairs(self.CHOSEN, self.REJECTED.flip(0), torch.tensor([3, 3]))

    def test_an_answer_without_a_token_is_refused(self):
        with pytest.raises(ValueError, match="the rejected answer has no token behind its prompt, in 1 of 1 rows: 0"):
            PreferencePairs(
                torch.tensor([[START, A, RED, END]]), torch.tensor([[START, A, PAD, PAD]]), torch.tensor([2])
            )

    def test_shapes_that_do_not_go_together_are_refused(self):
        with pytest.raises(ValueError, match=r"not \[2, 6\], \[2, 5\] and \[2\]"):
            PreferencePairs(self.CHOSEN, self.REJECTED[:, :5], self.PROMPT)

    def test_many_wrong_rows_are_counted_and_not_all_named(self):
        with pytest.raises(ValueError, match="in 9 of 9 rows: 0, 1, 2, 3, 4 and 4 more"):
            PreferencePairs(*[self.CHOSEN[:1].expand(9, -1)] * 2, torch.full((9,), 2))


class TestJoinedAnswers:
    def test_each_answer_stands_behind_its_own_prompt(self):
        prompts = torch.tensor([[START, A, PAD], [START, A, BLUE]])
        answers = torch.tensor([[RED, CIRCLE, END], [CIRCLE, END, PAD]])
        tokens, lengths = join_answers(prompts, answers)
        assert tokens.tolist() == [[START, A, RED, CIRCLE, END, PAD], [START, A, BLUE, CIRCLE, END, PAD]]
        assert lengths.tolist() == [2, 3]
        assert answer_tokens(tokens, lengths).sum(1).tolist() == [3, 2]

    def test_an_answer_ends_with_what_was_drawn_in_place_of_end(self):
        """So that an answer always has a token whose probability counts."""
        prompts = torch.full((3, 1), START)
        answers = torch.tensor([[PAD, RED, END], [RED, PAD, RED], [RED, RED, RED]])
        tokens, lengths = join_answers(prompts, answers)
        assert tokens[:, 1:].tolist() == [[END, PAD, PAD], [RED, END, PAD], [RED, RED, RED]]
        assert answer_tokens(tokens, lengths).any(dim=1).all()


class TestRewardModel:
    @given(rewards=log_probabilities(2))
    def test_it_is_the_mean_surprise_that_the_chosen_wins(self, rewards):
        """The loss as a human would write it."""
        expected = sum(-math.log(sigmoid(float(c - r))) for c, r in rewards.T) / rewards.shape[1]
        assert bradley_terry_loss(*rewards).item() == pytest.approx(expected, rel=1e-10)

    @given(rewards=log_probabilities(2), shift=st.floats(-50, 50))
    def test_only_differences_of_rewards_are_learnt(self, rewards, shift):
        torch.testing.assert_close(bradley_terry_loss(*(rewards + shift)), bradley_terry_loss(*rewards))

    def test_equal_rewards_cost_ln_two(self):
        assert bradley_terry_loss(torch.ones(3), torch.ones(3)).item() == pytest.approx(math.log(2))

    @given(rewards=log_probabilities(2))
    @settings(max_examples=10)
    def test_its_gradient_is_that_of_finite_differences(self, rewards):
        assert torch.autograd.gradcheck(bradley_terry_loss, tuple(rewards.clone().requires_grad_()))

    @pytest.mark.parametrize("shapes", [((2,), (3,)), ((2, 1), (2, 1)), ((0,), (0,))])
    def test_rewards_that_are_no_pairs_are_refused(self, shapes):
        with pytest.raises(ValueError, match="one number a pair, of one pair or more"):
            bradley_terry_loss(*(torch.zeros(shape) for shape in shapes))


class TestDPO:
    @given(values=log_probabilities(4), beta=st.floats(0.01, 2))
    def test_it_is_equation_7(self, values, beta):
        """The loss as a human would write it."""
        total = 0.0
        for policy_w, policy_l, reference_w, reference_l in values.T.tolist():
            ratio_w = math.log(math.exp(policy_w) / math.exp(reference_w))
            ratio_l = math.log(math.exp(policy_l) / math.exp(reference_l))
            total -= math.log(sigmoid(beta * ratio_w - beta * ratio_l))
        assert dpo_loss(*values, beta).item() == pytest.approx(total / values.shape[1], rel=1e-9)

    @given(values=log_probabilities(2), beta=st.floats(0.01, 2))
    def test_a_policy_that_is_the_reference_pays_ln_two(self, values, beta):
        assert dpo_loss(*values, *values, beta).item() == pytest.approx(math.log(2), rel=1e-12)

    @given(values=log_probabilities(4), beta=st.floats(0.01, 2))
    def test_its_gradient_is_that_of_section_4(self, values, beta):
        """Pairs count by how wrong the implicit rewards have them: beta sigmoid(rejected - chosen)."""
        chosen, rejected, *reference = values
        chosen, rejected = chosen.clone().requires_grad_(), rejected.clone().requires_grad_()
        dpo_loss(chosen, rejected, *reference, beta).backward()
        margins = implicit_rewards(rejected, reference[1], beta) - implicit_rewards(chosen, reference[0], beta)
        expected = -beta * margins.detach().sigmoid() / len(chosen)
        torch.testing.assert_close(chosen.grad, expected, **CLOSE)
        torch.testing.assert_close(rejected.grad, -expected, **CLOSE)

    def test_the_best_policy_for_a_reward_has_that_reward(self):
        """Reference x exp(reward / beta), which is best under the penalty, gives it back (equations 4 and 5)."""
        torch.manual_seed(0)
        reward, beta = torch.randn(6, dtype=torch.float64), 0.3
        reference = torch.randn(6, dtype=torch.float64).log_softmax(0)
        best = (reference + reward / beta).log_softmax(0)
        found = implicit_rewards(best, reference, beta)
        torch.testing.assert_close(found - found[0], reward - reward[0], **CLOSE)

    @pytest.mark.parametrize("beta", [0.0, -0.1, math.inf, math.nan])
    def test_a_beta_that_is_not_positive_is_refused(self, beta):
        with pytest.raises(ValueError, match=r"beta .* a positive number"):
            dpo_loss(*torch.zeros(4, 2), beta=beta)

    def test_it_teaches_a_language_model_what_is_preferred(self):
        torch.manual_seed(0)
        model = GPT(GPTConfig(length=6, width=16, depth=1, heads=2, hidden=32))
        pairs = PreferencePairs(
            tokenize(["a red circle", "a red ring"], 6),
            tokenize(["a blue circle", "a blue ring"], 6),
            torch.tensor([2, 2]),
        )

        def log_probabilities_of(model):
            rows = (pairs.chosen, pairs.chosen_learnt), (pairs.rejected, pairs.rejected_learnt)
            return [sequence_log_probabilities(model(tokens), tokens, learnt) for tokens, learnt in rows]

        with torch.no_grad():
            before = log_probabilities_of(model)

        def loss(model, _rows):
            return dpo_loss(*log_probabilities_of(model), *before, beta=0.5)

        history = fit(model, itertools.repeat((pairs.chosen,)), loss, steps=30, learning_rate=3e-3)
        assert history.losses[0] == pytest.approx(math.log(2), rel=1e-5)
        with torch.no_grad():
            chosen, rejected = log_probabilities_of(model)
        assert ((chosen - rejected) > (before[0] - before[1]) + 1).all()


class TestPolicyGradient:
    def test_with_the_penalty_it_climbs_the_reward_less_the_divergence(self):
        """Over all answers, each by its probability: the gradient of mean reward - beta KL(policy, reference)."""
        torch.manual_seed(0)
        logits = torch.randn(5, dtype=torch.float64, requires_grad=True)
        reference, reward, beta = torch.randn(5).double().log_softmax(0), torch.randn(5).double(), 0.7
        policy = logits.log_softmax(0)
        divergence = (policy.exp() * (policy - reference)).sum()
        (expected,) = torch.autograd.grad((policy.exp() * reward).sum() - beta * divergence, logits)

        policy = logits.log_softmax(0)
        weights = policy.detach().exp() * 5  # the loss is a mean over answers, here each as often as it is drawn
        advantages = weights * penalised_rewards(reward, policy, reference, beta)
        (found,) = torch.autograd.grad(ppo_clip_loss(policy, policy.detach(), advantages), logits)
        torch.testing.assert_close(-found, expected, **CLOSE)

    @given(values=log_probabilities(3), clip=st.floats(0.05, 0.9))
    def test_it_is_equation_7_of_ppo(self, values, clip):
        """The loss as a human would write it."""
        total, advantages = 0.0, values[2] + 5
        for policy, sampled, advantage in zip(*values[:2].tolist(), advantages.tolist(), strict=True):
            ratio = math.exp(policy - sampled)
            total += min(ratio * advantage, min(max(ratio, 1 - clip), 1 + clip) * advantage)
        found = ppo_clip_loss(values[0], values[1], advantages, clip).item()
        assert found == pytest.approx(-total / len(advantages), rel=1e-9, abs=1e-9)

    def test_where_nothing_moved_yet_it_is_reinforce(self):
        policy = torch.tensor([-3.0, -1.0], requires_grad=True)
        ppo_clip_loss(policy, policy.detach(), torch.tensor([2.0, -4.0])).backward()
        assert policy.grad.tolist() == [-1.0, 2.0]

    @pytest.mark.parametrize(
        ("moved", "advantage", "learns"), [(1, 1, False), (-1, 1, True), (1, -1, True), (-1, -1, False)]
    )
    def test_what_has_moved_far_enough_the_right_way_is_left_alone(self, moved, advantage, learns):
        policy = torch.tensor([-2.0 + moved], requires_grad=True)
        ppo_clip_loss(policy, torch.tensor([-2.0]), torch.tensor([float(advantage)])).backward()
        assert bool(policy.grad.abs() > 0) == learns

    @given(values=log_probabilities(3))
    def test_the_penalty_is_what_the_answer_became_likelier_by(self, values):
        rewards, policy, reference = values
        found = penalised_rewards(rewards, policy.clone().requires_grad_(), reference, 0.5)
        torch.testing.assert_close(found, rewards - 0.5 * (policy - reference), **CLOSE)
        assert not found.requires_grad
        torch.testing.assert_close(penalised_rewards(rewards, policy, reference, 0.0), rewards)

    def test_an_advantage_is_over_the_mean_of_the_others(self):
        rewards = torch.tensor([[1.0, 2.0, 6.0], [5.0, 5.0, 5.0]])
        expected = torch.tensor([[1 - 4.0, 2 - 3.5, 6 - 1.5], [0.0, 0.0, 0.0]])
        torch.testing.assert_close(leave_one_out(rewards), expected)

    def test_bad_input_is_refused_in_words(self):
        with pytest.raises(ValueError, match=r"two samples or more of each prompt, .* not \[3, 1\]"):
            leave_one_out(torch.zeros(3, 1))
        with pytest.raises(ValueError, match=r"between 0 and 1, not 1.5"):
            ppo_clip_loss(*torch.zeros(3, 2), clip=1.5)
        with pytest.raises(ValueError, match=r"not \[2\], \[3\] and \[2\]"):
            ppo_clip_loss(torch.zeros(2), torch.zeros(3), torch.zeros(2))
        with pytest.raises(ValueError, match=r"beta .* not -1"):
            penalised_rewards(*torch.zeros(3, 2), beta=-1)

    def test_it_makes_a_language_model_say_what_is_rewarded(self):
        """Words are drawn, those texts that name red are rewarded, and by and by all do."""
        torch.manual_seed(0)
        model = GPT(GPTConfig(vocabulary=12, length=4, width=16, depth=1, heads=2, hidden=32))
        reference, prompts = copy.deepcopy(model), torch.full((64, 1), START)

        def drawn(model):
            return model.generate(prompts, 2, temperature=1.0, seed=int(torch.randint(10**6, (1,))))

        def loss(model, prompts):
            answers = drawn(model)
            tokens, lengths = join_answers(prompts, answers)
            learnt = answer_tokens(tokens, lengths)
            policy = sequence_log_probabilities(model(tokens), tokens, learnt)
            with torch.no_grad():
                held = sequence_log_probabilities(reference(tokens), tokens, learnt)
            rewards = penalised_rewards((answers == RED).any(dim=1).float(), policy, held, 0.01)
            return ppo_clip_loss(policy, policy.detach(), leave_one_out(rewards.view(1, 64)).flatten())

        before = (drawn(model) == RED).any(dim=1).float().mean()
        fit(model, itertools.repeat((prompts,)), loss, steps=60, learning_rate=1e-2)
        assert before < 0.4 < 0.9 < (drawn(model) == RED).any(dim=1).float().mean()
