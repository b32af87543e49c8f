"""What the other scripts here share: the machine's name and the time of one core."""

import os
import platform
from collections.abc import Callable
from pathlib import Path
from time import process_time


def machine() -> str:
    """Processor, cores and load, for the head of a table of timings."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


def cpu_seconds(run: Callable[[], object], repeats: int = 5) -> float:
    """Least CPU time that the whole process, with all its threads, takes for one run; the first run is not counted."""
    run()
    times = []
    for _ in range(repeats):
        start = process_time()
        run()
        times.append(process_time() - start)
    return min(times)
