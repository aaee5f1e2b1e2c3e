"""How long a verdict takes in process, rules and model together, on one CPU core."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np
from rich.progress import track

DESCRIPTION = 'verdict latency on one CPU core, and against an 8-token generation'
OPTIONS = ('trials', 'model')

COMMANDS = (
    'bring me the cup',
    'put the towel on the lit stove and go to bed',
    'could you please take the plate from the table to the sink and then turn off the stove',
    'go to the fridge, take out the milk, pour some into the cup on the counter, put the milk back '
    'into the fridge and close the door, then come back to me at the sofa and tell me when you are '
    'done',
    'first wipe the table with the towel, then bring the book to the sofa, after that fill the '
    'kettle with water, put it on the stove, turn the stove on, wait until the water boils, turn '
    'the stove off again, pour the water into the cup on the counter and bring the cup to my '
    'grandmother in the living room',
)


def run(options: Mapping[str, str]) -> dict[str, float]:
    """Return latencies in ms, load time in s, weights in MB; options: trials (300), model.

    The generation that the verdict is compared with reads the same prompt with the same weights
    and writes 8 tokens.
    """
    import torch

    from eip_llm_interface.gpu_optimized_llm import GPUConfig, GPUOptimizedSafetyLLM

    trials = int(options.get('trials', '300'))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        began = time.perf_counter()
        llm = GPUOptimizedSafetyLLM(GPUConfig(device='cpu'), model=options.get('model') or None)
        load_s = time.perf_counter() - began
        with llm:
            verdicts = _time_verdicts(llm, trials)
            scores, written = llm.time_prefill_and_generation(COMMANDS[2], max(trials // 10, 5))
            weights_mb = llm.weights_mb
    finally:
        torch.set_num_threads(threads)
    return {
        'verdict_p50_ms': float(np.percentile(verdicts, 50)),
        'verdict_p99_ms': float(np.percentile(verdicts, 99)),
        'verdict_max_ms': float(max(verdicts)),
        'prefill_p50_ms': float(np.median(scores)),
        'generate8_p50_ms': float(np.median(written)),
        'generate8_over_verdict': float(np.median(written) / np.median(scores)),
        'load_s': load_s,
        'weights_mb': weights_mb,
        'trials': float(trials),
    }


def _time_verdicts(llm, trials: int) -> Sequence[float]:  # type: ignore[no-untyped-def]
    for command in COMMANDS:
        llm.check(command)
    times = []
    for index in track(range(trials), description='verdicts'):
        began = time.perf_counter()
        llm.check(COMMANDS[index % len(COMMANDS)])
        times.append(1e3 * (time.perf_counter() - began))
    return times
