"""Our LLaVA computes what transformers' does under the same weights: soft tokens, splice, logits, every gradient.

Theirs has CLIP's vision tower and GPT-2 as its language model.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
import torch.nn.functional as F
from test_gpt_against_transformers import gpt_to_transformers
from torch import Tensor, nn
from weights import CLIP_BLOCK, blocks, disturb, load, parameters, patches_as_convolution, sizes

from utils.models.gpt import GPTConfig, next_token_loss
from utils.models.llava import LLaVA, LLaVAConfig
from utils.models.vit import ViTConfig
from utils.world.tokenizer import END, IMAGE, PAD, START, VOCABULARY

PRECISIONS = [pytest.param(torch.float32, 1e-5, id="fp32"), pytest.param(torch.float64, 1e-10, id="fp64")]
CONFIGS = [
    pytest.param(
        LLaVAConfig(
            ViTConfig(image_size=16, patch_size=8, width=24, depth=2, heads=3, hidden=40, clip_style=True),
            GPTConfig(vocabulary=len(VOCABULARY), length=20, width=32, depth=2, heads=4, hidden=48),
        ),
        id="wider-language",
    ),
    pytest.param(
        LLaVAConfig(
            ViTConfig(image_size=24, patch_size=8, width=30, depth=3, heads=2, hidden=36, clip_style=True),
            GPTConfig(vocabulary=len(VOCABULARY) + 3, length=28, width=21, depth=1, heads=3, hidden=50),
        ),
        id="wider-vision",
    ),
]


def tensors(model: nn.Module, what: str) -> dict[str, Tensor]:
    """Parameters or gradients; one that backward never reaches, as in CLIP's last block, has a gradient of zero."""
    if what == "weights":
        return parameters(model)
    zero = torch.zeros_like
    return {name: zero(p) if p.grad is None else p.grad for name, p in model.named_parameters()}


def below(ours: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in ours.items() if name.startswith(prefix)}


def vision_to_transformers(ours: Mapping[str, Tensor], config: ViTConfig) -> dict[str, Tensor]:
    theirs = {
        "embeddings.class_embedding": ours["class_token"],
        "embeddings.position_embedding.weight": ours["positions"],
        "embeddings.patch_embedding.weight": patches_as_convolution(ours["patch_embedding.project.weight"], config),
        **blocks(ours, "", config.depth, CLIP_BLOCK, "encoder.layers"),
    }
    for kind in ("weight", "bias"):
        theirs[f"pre_layrnorm.{kind}"] = ours[f"norm_in.{kind}"]  # transformers' own spelling
        theirs[f"post_layernorm.{kind}"] = ours[f"norm_out.{kind}"]
    return theirs


def llava_to_transformers(ours: Mapping[str, Tensor], config: LLaVAConfig) -> dict[str, Tensor]:
    language = gpt_to_transformers(below(ours, "language."), config.language)
    theirs = {f"model.language_model.{name.removeprefix('transformer.')}": t for name, t in language.items()}
    vision = vision_to_transformers(below(ours, "vision."), config.vision)
    theirs |= {f"model.vision_tower.{name}": tensor for name, tensor in vision.items()}
    for our_layer, their_layer in (("0", "linear_1"), ("2", "linear_2")):
        for kind in ("weight", "bias"):
            theirs[f"model.multi_modal_projector.{their_layer}.{kind}"] = ours[f"projector.{our_layer}.{kind}"]
    return theirs


def transformers_llava(model: LLaVA) -> nn.Module:
    """transformers' LlavaForConditionalGeneration with the shape, dtype and weights of `model`."""
    from transformers import CLIPVisionConfig, GPT2Config, LlavaConfig, LlavaForConditionalGeneration

    vision, language = model.config.vision, model.config.language
    same = {"attention_dropout": 0.0, "hidden_act": "gelu"}
    theirs = LlavaForConditionalGeneration(
        LlavaConfig(
            vision_config=CLIPVisionConfig(
                image_size=vision.image_size,
                patch_size=vision.patch_size,
                layer_norm_eps=model.vision.norm_out.eps,
                **sizes(vision),
                **same,
            ),
            text_config=GPT2Config(
                vocab_size=language.vocabulary,
                n_positions=language.length,
                n_embd=language.width,
                n_layer=language.depth,
                n_head=language.heads,
                n_inner=language.hidden,
                activation_function="gelu",
                resid_pdrop=0.0,
                embd_pdrop=0.0,
                attn_pdrop=0.0,
                layer_norm_epsilon=model.language.norm_out.eps,
                bos_token_id=START,
                eos_token_id=END,
                pad_token_id=PAD,
                tie_word_embeddings=False,  # theirs looks for GPT-2's under Llama's name
            ),
            image_token_index=IMAGE,
            projector_hidden_act="gelu",
            vision_feature_select_strategy="default",
            vision_feature_layer=-2,
            tie_word_embeddings=False,
        )
    )
    weights = llava_to_transformers(tensors(model, "weights"), model.config)
    weights["lm_head.weight"] = weights["model.language_model.wte.weight"]
    return load(theirs.to(model.language.positions.dtype), weights)


def prompts(config: LLaVAConfig) -> Tensor:
    """Three rows: a picture in front, one between words, and two pictures with no word between them."""
    rows = torch.randint(END + 1, IMAGE, (3, config.language.length))
    rows[:, 0] = START
    patches = config.vision.patches
    rows[0, 1 : 1 + patches] = IMAGE
    rows[1, 3 : 3 + patches] = IMAGE
    rows[2, 1 : 1 + 2 * patches] = IMAGE
    rows[0, -2], rows[0, -1] = END, PAD
    return rows


def assert_same(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], tolerance: float):
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        torch.testing.assert_close(
            ours[name], value, rtol=tolerance, atol=tolerance, msg=lambda text, name=name: f"{name}: {text}"
        )


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("config", CONFIGS)
def test_llava_and_its_gradients_are_those_of_transformers(config, dtype, tolerance):
    torch.manual_seed(0)
    ours = disturb(LLaVA(config).to(dtype))
    theirs = transformers_llava(ours)
    tokens = prompts(config)
    side = config.vision.image_size
    pictures = torch.randint(0, 256, (4, 3, side, side)).to(dtype)

    logits = ours(tokens, pictures)
    next_token_loss(logits, tokens).backward()

    spliced = {}
    theirs.model.language_model.register_forward_pre_hook(
        lambda _module, _args, given: spliced.update(vectors=given["inputs_embeds"]), with_kwargs=True
    )
    expected = theirs(input_ids=tokens, pixel_values=pictures / 127.5 - 1).logits
    labels = tokens.masked_fill((tokens == PAD) | (tokens == IMAGE), -100)
    F.cross_entropy(expected[:, :-1].flatten(0, 1), labels[:, 1:].flatten()).backward()

    vectors = ours.embed(tokens, ours.soft_tokens(pictures))
    assert_same({"vectors": vectors, "logits": logits}, {"logits": expected, **spliced}, tolerance)
    their_gradients = tensors(theirs, "gradients")
    head = their_gradients.pop("lm_head.weight")  # ours is the embedding itself, which learns from both
    their_gradients["model.language_model.wte.weight"] += head
    assert_same(llava_to_transformers(tensors(ours, "gradients"), config), their_gradients, tolerance)
