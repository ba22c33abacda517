"""Our weights under transformers' names, so that both libraries compute the same function.

Each mapping returns a dictionary from transformers' name to a tensor made from ours. It holds for gradients as it does
for weights, because every step of it (renaming, cutting, reshaping) is linear.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from utils.models.clip import CLIP, CLIPConfig
from utils.models.vit import ViT, ViTConfig

Tensors = Mapping[str, Tensor]


def parameters(model: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach() for name, parameter in model.named_parameters()}


def gradients(model: nn.Module) -> dict[str, Tensor]:
    """The gradient of every parameter; one that backward never reached is a KeyError in the mapping, not a zero."""
    return {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}


def block(ours: Tensors, prefix: str, names: Mapping[str, str]) -> dict[str, Tensor]:
    """One Transformer block; `names` gives transformers' names of its parts, which differ between its ViT and CLIP."""
    theirs = {}
    for kind in ("weight", "bias"):
        query_key_value = ours[f"{prefix}.attention.query_key_value.{kind}"].chunk(3)
        for name, part in zip("qkv", query_key_value, strict=True):
            theirs[f"{names['attention']}.{name}_proj.{kind}"] = part
        theirs[f"{names['attention']}.{names['output']}.{kind}"] = ours[f"{prefix}.attention.output.{kind}"]
        theirs[f"{names['norm_1']}.{kind}"] = ours[f"{prefix}.norm_1.{kind}"]
        theirs[f"{names['norm_2']}.{kind}"] = ours[f"{prefix}.norm_2.{kind}"]
        theirs[f"mlp.fc1.{kind}"] = ours[f"{prefix}.feed_forward.expand.{kind}"]
        theirs[f"mlp.fc2.{kind}"] = ours[f"{prefix}.feed_forward.contract.{kind}"]
    return theirs


VIT_BLOCK = {
    "attention": "attention",
    "output": "o_proj",
    "norm_1": "layernorm_before",
    "norm_2": "layernorm_after",
}
CLIP_BLOCK = {"attention": "self_attn", "output": "out_proj", "norm_1": "layer_norm1", "norm_2": "layer_norm2"}


def blocks(ours: Tensors, prefix: str, depth: int, names: Mapping[str, str], place: str) -> dict[str, Tensor]:
    return {
        f"{place}.{layer}.{name}": tensor
        for layer in range(depth)
        for name, tensor in block(ours, f"{prefix}blocks.{layer}", names).items()
    }


def patches_as_convolution(weight: Tensor, config: ViTConfig) -> Tensor:
    """A linear layer over a patch's pixels is a convolution whose stride is its size."""
    return weight.reshape(config.width, config.channels, config.patch_size, config.patch_size)


def vit_to_transformers(ours: Tensors, config: ViTConfig) -> dict[str, Tensor]:
    return {
        "embeddings.cls_token": ours["class_token"][None, None],
        "embeddings.position_embeddings": ours["positions"][None],
        "embeddings.patch_embeddings.projection.weight": patches_as_convolution(
            ours["patch_embedding.project.weight"], config
        ),
        "embeddings.patch_embeddings.projection.bias": ours["patch_embedding.project.bias"],
        **blocks(ours, "", config.depth, VIT_BLOCK, "layers"),
        "layernorm.weight": ours["norm_out.weight"],
        "layernorm.bias": ours["norm_out.bias"],
    }


def clip_to_transformers(ours: Tensors, config: CLIPConfig) -> dict[str, Tensor]:
    theirs = {
        "logit_scale": ours["logit_scale"],
        "visual_projection.weight": ours["vision_projection.weight"],
        "text_projection.weight": ours["text_projection.weight"],
        "vision_model.embeddings.class_embedding": ours["vision.class_token"],
        "vision_model.embeddings.position_embedding.weight": ours["vision.positions"],
        "vision_model.embeddings.patch_embedding.weight": patches_as_convolution(
            ours["vision.patch_embedding.project.weight"], config.vision
        ),
        "text_model.embeddings.token_embedding.weight": ours["text.embedding.weight"],
        "text_model.embeddings.position_embedding.weight": ours["text.positions"],
        **blocks(ours, "vision.", config.vision.depth, CLIP_BLOCK, "vision_model.encoder.layers"),
        **blocks(ours, "text.", config.text.depth, CLIP_BLOCK, "text_model.encoder.layers"),
    }
    for kind in ("weight", "bias"):
        theirs[f"vision_model.pre_layrnorm.{kind}"] = ours[f"vision.norm_in.{kind}"]  # transformers' own spelling
        theirs[f"vision_model.post_layernorm.{kind}"] = ours[f"vision.norm_out.{kind}"]
        theirs[f"text_model.final_layer_norm.{kind}"] = ours[f"text.norm_out.{kind}"]
    return theirs


def load(theirs: nn.Module, weights: Tensors) -> nn.Module:
    """Put `weights` into transformers' model: every parameter, and nothing besides."""
    theirs.load_state_dict(weights, strict=True)
    return theirs


def transformers_vit(model: ViT, attention: str = "sdpa") -> nn.Module:
    """transformers' ViTModel with the shape, dtype and weights of `model`."""
    from transformers import ViTConfig as TheirConfig
    from transformers import ViTModel

    config = model.config
    theirs = ViTModel(
        TheirConfig(
            image_size=config.image_size,
            patch_size=config.patch_size,
            num_channels=config.channels,
            hidden_act="gelu",
            layer_norm_eps=model.norm_out.eps,
            attn_implementation=attention,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            **sizes(config),
        ),
        add_pooling_layer=False,
    )
    weights = parameters(model)
    return load(theirs.to(weights["class_token"].dtype), vit_to_transformers(weights, config))


def transformers_clip(model: CLIP, attention: str = "sdpa") -> nn.Module:
    """transformers' CLIPModel with the shape, dtype and weights of `model`."""
    from transformers import CLIPConfig as TheirConfig
    from transformers import CLIPModel

    vision, text = model.config.vision, model.config.text
    same = {"hidden_act": "gelu", "layer_norm_eps": model.vision.norm_out.eps, "attention_dropout": 0.0}
    theirs = CLIPModel(
        TheirConfig(
            vision_config={
                "image_size": vision.image_size,
                "patch_size": vision.patch_size,
                "num_channels": vision.channels,
                **sizes(vision),
                **same,
            },
            text_config={
                "vocab_size": text.vocabulary,
                "max_position_embeddings": text.length,
                "pad_token_id": 0,
                "bos_token_id": 1,
                "eos_token_id": text.end,  # not 2, for which transformers pools at the largest id instead
                **sizes(text),
                **same,
            },
            projection_dim=model.config.width,
            attn_implementation=attention,
        )
    )
    weights = parameters(model)
    return load(theirs.to(weights["logit_scale"].dtype), clip_to_transformers(weights, model.config))


def sizes(config) -> dict[str, int]:
    """The sizes that every tower has, under transformers' names."""
    return {
        "hidden_size": config.width,
        "num_hidden_layers": config.depth,
        "num_attention_heads": config.heads,
        "intermediate_size": config.hidden,
    }


def disturb(model: nn.Module, seed: int = 0) -> nn.Module:
    """Add noise to every parameter, so that no gain is 1, no bias is 0 and a part left out shows."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim:
                parameter += 0.1 * torch.randn(parameter.shape, generator=generator).to(parameter.dtype)
    return model
