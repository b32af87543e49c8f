"""Training beside another busy process, with threads that spin or sleep while they wait: why the command line sets
OMP_WAIT_POLICY=PASSIVE.

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


def main() -> None:
    """Measure each case in a process of its own and print the table."""
    table = Table("threads wait", "alone, images/s", "beside a busy process, images/s", title="training, all cores")
    for policy in ("ACTIVE", "PASSIVE"):
        cells = []
        for busy in (False, True):
            other = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if busy else None
            environment = {**os.environ, "OMP_WAIT_POLICY": policy}
            command = [sys.executable, __file__, "--measure"]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            cells.append(f"{float(done.stdout):.1f}")
            if other is not None:
                other.kill()
                other.wait()
        table.add_row({"ACTIVE": "spinning", "PASSIVE": "sleeping"}[policy], *cells)
    Console().print(table)


if __name__ == "__main__":
    if "--measure" in sys.argv:
        sys.stdout.write(f"{train_steps()}\n")
    else:
        main()
