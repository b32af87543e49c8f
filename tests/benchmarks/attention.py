"""Position attention with and without filled-up queries, and the parts of AHRNet: the tables of docs/model.md.

Run: python tests/benchmarks/attention.py
"""

import multiprocessing
from collections.abc import Callable
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
NETWORKS = (("hrnet", {}), ("hrnet-de", {}), ("hrnet-de-da", {}), ("ahrnet", {}))
SMALL = ("ahrnet", {"backbone": "hrnet_w18_small"})
show = Console().print


class Unfilled(PositionAttention):
    """The same sum with queries and keys of C/8 channels."""

    def forward(self, x_ncyx: Tensor) -> Tensor:
        """Features ``[n, c, y, x]`` → what the attention adds to them."""
        parts = (part(x_ncyx).flatten(2).transpose(1, 2).unsqueeze(1) for part in (self.query, self.key, self.value))
        gathered = F.scaled_dot_product_attention(*parts, scale=1.0)
        return self.gamma * gathered.squeeze(1).transpose(1, 2).reshape(x_ncyx.shape)


KINDS = {"filled up": PositionAttention, "C/8 channels": Unfilled}


def runs(kind: str, side: int) -> dict[str, Callable[[], object]]:
    """Inference, and forward and backward, on features of a side."""
    torch.manual_seed(0)
    attention, x = KINDS[kind](CHANNELS), torch.randn(BATCH, CHANNELS, side, side)

    def infer() -> None:
        with torch.inference_mode():
            attention(x)

    def train() -> None:
        attention(x.clone().requires_grad_()).sum().backward()

    return {"inference": infer, "forward and backward": train}


def peak_mb(kind: str, name: str) -> float:
    """By how much one run raises the peak of this process' resident memory (Linux); for a fresh process."""
    torch.set_num_threads(1)
    runs(kind, 8)[name]()  # loads the kernels
    run = runs(kind, SIDE)[name]
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak starts anew
    before = resident_kb("VmRSS")
    run()
    return (resident_kb("VmHWM") - before) / 1024


def resident_kb(field: str) -> int:
    """A field of /proc/self/status."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def main() -> None:
    """Print the tables."""
    torch.set_num_threads(1)
    x = torch.randn(BATCH, CHANNELS, SIDE, SIDE)
    filled = PositionAttention(CHANNELS)
    filled.gamma.data.fill_(1.0)
    unfilled = Unfilled(CHANNELS)
    unfilled.load_state_dict(filled.state_dict())
    with torch.inference_mode():
        apart = float((filled(x) - unfilled(x)).abs().max())
    title = f"position attention, {BATCH} × {CHANNELS} × {SIDE} × {SIDE}, float32 (results differ by {apart:.0e})"
    table = Table("queries and keys", "run", "seconds of one core", "extra memory, MB", title=title)
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for kind in KINDS:
            for name, run in runs(kind, SIDE).items():
                memory = pool.apply(peak_mb, (kind, name))
                table.add_row(kind, name, f"{cpu_seconds(run):.2f}", f"{memory:.0f}")
    show(table)
    table = Table("network", "backbone", "parameters, M", "images a second", title=f"inference on {IMAGE} × {IMAGE}")
    image = torch.randn(1, 3, IMAGE, IMAGE)
    for name, options in (*NETWORKS, SMALL):
        network = create_model(name, pretrained=False, **options).eval()
        count = sum(parameter.numel() for parameter in network.parameters())
        with torch.inference_mode():
            seconds = cpu_seconds(lambda network=network: network(image))
        table.add_row(name, options.get("backbone", "hrnet_w32"), f"{count / 1e6:.2f}", f"{1 / seconds:.1f}")
    show(table)
    show(f"one core of {machine()}, torch {torch.__version__}")


if __name__ == "__main__":
    main()
