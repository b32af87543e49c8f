"""Position attention with and without filled-up queries, and the parts of AHRNet: the tables of docs/model.md.

Run: python tests/benchmarks/attention.py
"""

import multiprocessing
from collections.abc import Callable
from itertools import product
from pathlib import Path

import torch
import torch.nn.functional as F
from machine import cpu_seconds, machine
from rich.console import Console
from rich.table import Table
from torch import Tensor

from ulskit.model.networks import create_model
from ulskit.model.networks.dual_attention import PositionAttention

BATCH, CHANNELS, SIDE = 4, 32, 64
IMAGE = 256
NETWORKS = [(name, "hrnet_w32") for name in ("hrnet", "hrnet-de", "hrnet-de-da", "ahrnet")]
NETWORKS += [("ahrnet", "hrnet_w18_small")]
show = Console().print


class Unfilled(PositionAttention):
    """The same sum with queries and keys of C/8 channels."""

    def forward(self, x_ncyx: Tensor) -> Tensor:
        """Features ``[n, c, y, x]`` → what the attention adds to them."""
        layers = (self.query, self.key, self.value)
        query, key, value = (layer(x_ncyx).flatten(2).transpose(1, 2).unsqueeze(1) for layer in layers)
        gathered = F.scaled_dot_product_attention(query, key, value, scale=1.0)
        return self.gamma * gathered.squeeze(1).transpose(1, 2).reshape(x_ncyx.shape)


KINDS = {"filled up": PositionAttention, "C/8 channels": Unfilled}
LAYOUTS = {"channels last": torch.channels_last, "channels first": torch.contiguous_format}


def runs(layout: str, kind: str, side: int = SIDE) -> dict[str, Callable[[], object]]:
    """Inference, and forward with backward, on features of a side."""
    torch.manual_seed(0)
    attention = KINDS[kind](CHANNELS)
    x = torch.randn(BATCH, CHANNELS, side, side).contiguous(memory_format=LAYOUTS[layout])

    def infer() -> None:
        with torch.inference_mode():
            attention(x)

    def train() -> None:
        attention(x.clone().requires_grad_()).sum().backward()

    return {"inference": infer, "training": train}


def peak_mb(layout: str, kind: str, name: str) -> float:
    """By how much one run raises the peak of this process' resident memory (Linux); for a fresh process."""
    torch.set_num_threads(1)
    runs(layout, kind, side=8)[name]()  # loads the kernels
    run = runs(layout, kind)[name]
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak starts anew
    before = resident_kb("VmRSS")
    run()
    return (resident_kb("VmHWM") - before) / 1024


def resident_kb(field: str) -> int:
    """A field of /proc/self/status."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def difference() -> float:
    """Greatest difference between the results of both kinds of queries."""
    torch.manual_seed(0)
    x = torch.randn(BATCH, CHANNELS, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
    filled, unfilled = PositionAttention(CHANNELS), Unfilled(CHANNELS)
    filled.gamma.data.fill_(1.0)
    unfilled.load_state_dict(filled.state_dict())
    with torch.inference_mode():
        return float((filled(x) - unfilled(x)).abs().max())


def main() -> None:
    """Print the tables."""
    torch.set_num_threads(1)
    show(f"results differ by {difference():.0e} at most")
    title = f"position attention, {BATCH} × {CHANNELS} × {SIDE} × {SIDE}, float32"
    table = Table("layout", "queries, keys", "run", "CPU s", "extra MB", title=title)
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for layout, kind in product(LAYOUTS, KINDS):
            for name, run in runs(layout, kind).items():
                memory = pool.apply(peak_mb, (layout, kind, name))
                table.add_row(layout, kind, name, f"{cpu_seconds(run):.2f}", f"{memory:.0f}")
    show(table)
    table = Table("network", "backbone", "parameters, M", "images a second", title=f"inference on {IMAGE} × {IMAGE}")
    image = torch.randn(1, 3, IMAGE, IMAGE).contiguous(memory_format=torch.channels_last)
    for name, backbone in NETWORKS:
        network = create_model(name, pretrained=False, backbone=backbone).eval().to(memory_format=torch.channels_last)
        count = sum(parameter.numel() for parameter in network.parameters())
        with torch.inference_mode():
            seconds = cpu_seconds(lambda network=network: network(image))
        table.add_row(name, backbone, f"{count / 1e6:.2f}", f"{1 / seconds:.1f}")
    show(table)
    show(f"one core of {machine()}, torch {torch.__version__}")


if __name__ == "__main__":
    main()
