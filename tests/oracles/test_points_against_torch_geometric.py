"""Our point encoder computes what two of PyTorch Geometric's PointNet layers do with the same networks and edges."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from weights import disturb

from utils.models.point import PointConfig, PointEncoder, farthest_points, gather, nearest_points

geometric = pytest.importorskip("torch_geometric.nn", reason="the oracle; pip install -e '.[test]'")

PRECISIONS = [pytest.param(torch.float32, 1e-5, id="fp32"), pytest.param(torch.float64, 1e-10, id="fp64")]
CONFIGS = [
    pytest.param(PointConfig(groups=4, neighbours=6, local_width=9, hidden=14, width=11), id="form-only"),
    pytest.param(PointConfig(features=3, groups=5, neighbours=8, local_width=8, hidden=12, width=10), id="colour"),
    pytest.param(PointConfig(features=1, groups=1, neighbours=99, local_width=8, hidden=8, width=6), id="one-group"),
]


def point_net_conv(network: nn.Module) -> nn.Module:
    """Their layer around our network, which is set afterwards because the constructor would draw new weights."""
    layer = geometric.PointNetConv(add_self_loops=False)
    layer.local_nn = network
    return layer


def geometric_tokens(model: PointEncoder, points: Tensor) -> Tensor:
    """The tokens of `model`, with grouping, offsets and pooling left to PointNetConv, cloud by cloud."""
    config, rows = model.config, []
    local, whole = point_net_conv(model.local), point_net_conv(model.whole)
    for cloud in points:
        positions, features = cloud[:, :3], cloud[:, 3:] if config.features else None
        centres = positions[farthest_points(positions[None], config.groups)[0]]
        near = nearest_points(centres[None], positions[None], config.neighbours)[0]
        every = torch.arange(len(centres))
        edges = torch.stack([near.flatten(), every.repeat_interleave(near.shape[1])])
        forms = model.norm_forms(local((features, None), (positions / config.radius, centres / config.radius), edges))
        origins = torch.zeros_like(centres)
        pooled = whole((forms, None), (centres, origins[:1]), torch.stack([every, torch.zeros_like(every)]))
        groups = whole((forms, None), (centres, origins), torch.stack([every, every]))
        rows.append(model.norm_out(torch.cat([pooled, groups])))
    return torch.stack(rows)


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("config", CONFIGS)
def test_the_point_encoder_and_its_gradients_are_those_of_torch_geometric(config, dtype, tolerance):
    torch.manual_seed(0)
    # Biases that are not 0: of a greatest value of just 0, scatter_reduce's backward pass loses a half.
    model = disturb(PointEncoder(config).to(dtype))
    points = torch.randn(3, 30, 3 + config.features, dtype=dtype, generator=torch.Generator().manual_seed(1))
    direction = torch.randn(3, 1 + config.groups, config.width, dtype=dtype)
    results = []
    for compute in (model, lambda cloud: geometric_tokens(model, cloud)):
        model.zero_grad()
        inputs = points.clone().requires_grad_()
        output = compute(inputs)
        (output * direction).mean().backward()
        results.append({"tokens": output, "points": inputs.grad, **{n: p.grad for n, p in model.named_parameters()}})
    ours, theirs = results
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=tolerance, atol=tolerance)
        assert value.abs().max() > 1e-9, f"nothing compared: {name}"


def test_gather_is_that_of_take_along_dim():
    values, chosen = torch.randn(3, 7, 4), torch.randint(7, (3, 5))
    assert torch.equal(gather(values, chosen), torch.take_along_dim(values, chosen.unsqueeze(2), dim=1))
