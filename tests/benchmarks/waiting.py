"""Training alone and beside other trainings, by how long threads spin while they wait for each other: why the command
line sets GOMP_SPINCOUNT=1000.

Run: python tests/benchmarks/waiting.py
"""

import os
import subprocess
import sys
import time

from rich.console import Console
from rich.table import Table

STEPS, BATCH, SIZE = 12, 8, 96


def train_steps() -> float:
    """Images a second of training a small AHRNet."""
    import torch

    from ulskit.model import create_model
    from ulskit.model.losses import SegmentationLoss

    torch.set_num_threads(os.cpu_count() or 1)
    network = create_model("ahrnet", pretrained=False, backbone="hrnet_w18_small").to(memory_format=torch.channels_last)
    optimizer, loss = torch.optim.Adam(network.parameters()), SegmentationLoss()
    image = torch.randn(BATCH, 3, SIZE, SIZE).contiguous(memory_format=torch.channels_last)
    label = (torch.rand(BATCH, 1, SIZE, SIZE) > 0.8).to(torch.uint8)
    start = 0.0
    for step in range(STEPS + 4):
        if step == 4:  # the first steps warm up
            start = time.perf_counter()
        optimizer.zero_grad()
        loss(network(image), label).backward()
        optimizer.step()
    return STEPS * BATCH / (time.perf_counter() - start)


def measure(environment: dict[str, str], processes: int) -> float:
    """Images a second of the slowest of so many processes that train at once."""
    command = [sys.executable, __file__, "--measure"]
    running = [
        subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    return min(float(process.communicate()[0]) for process in running)


def main() -> None:
    """Print the table: the range over three repeats."""
    table = Table("threads spin", "alone", "beside one other", "beside two others", title="training, images a second")
    cases = {"as by default": {}, "GOMP_SPINCOUNT=1000": {"GOMP_SPINCOUNT": "1000"}}
    for name, environment in cases.items():
        cells = []
        for processes in (1, 2, 3):
            found = [measure(environment, processes) for _ in range(3)]
            cells.append(f"{min(found):.1f} … {max(found):.1f}")
        table.add_row(name, *cells)
    Console().print(table)


if __name__ == "__main__":
    if "--measure" in sys.argv:
        sys.stdout.write(f"{train_steps()}\n")
    else:
        main()
