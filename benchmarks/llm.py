"""How long whole answers take: verdict, plan, verdict on the plan; alone, batched, remembered."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
from rich.progress import track

DESCRIPTION = 'answers of the safety LLM: latency, throughput, batching and optimisation levels'
OPTIONS = ('trials', 'device', 'model')

ERRANDS = (
    'bring me the cup',
    'go to the fridge',
    'put the plate in the sink',
    'turn off the stove',
    'fetch the book from the sofa and hand it to me',
    'take the towel to the table',
    'wait ten seconds',
    'follow me',
)


def run(options: Mapping[str, str]) -> dict[str, float]:
    """Return times in ms and rates; options: trials (5 rounds), device (auto), model.

    Levels are compared in one run: `off_over_high` is how many times longer an answer takes with
    every optimisation off.
    """
    from eip_llm_interface.gpu_optimized_llm import GPUConfig, GPUOptimizedSafetyLLM

    rounds = int(options.get('trials', '5'))
    device = options.get('device', 'auto')
    figures: dict[str, float] = {}
    for level in ('off', 'medium', 'high'):
        config = GPUConfig(device=device, optimization_level=level)
        with GPUOptimizedSafetyLLM(config, model=options.get('model') or None) as llm:
            times = _time_answers(llm, rounds, level)
            figures[f'answer_{level}_p50_ms'] = float(np.median(times))
            if level == 'high':
                figures |= _of_high(llm, times)
    figures['off_over_high'] = figures['answer_off_p50_ms'] / figures['answer_high_p50_ms']
    return figures


def _time_answers(llm, rounds: int, level: str) -> list[float]:  # type: ignore[no-untyped-def]
    times = []
    for _ in track(range(rounds), description=f'answers at level {level}'):
        llm.forget_answers()
        for errand in ERRANDS:
            began = time.perf_counter()
            llm.generate_safe_response(errand)
            times.append(1e3 * (time.perf_counter() - began))
    return times


def _of_high(llm, times: list[float]) -> dict[str, float]:  # type: ignore[no-untyped-def]
    llm.forget_answers()
    began = time.perf_counter()
    answers = llm.generate_batch_responses(ERRANDS)
    batch_s = time.perf_counter() - began
    began = time.perf_counter()
    again = llm.generate_batch_responses(ERRANDS)
    remembered_s = time.perf_counter() - began
    began = time.perf_counter()
    llm.check_batch(ERRANDS)
    checks_s = time.perf_counter() - began
    began = time.perf_counter()
    for errand in ERRANDS:
        llm.check(errand)
    alone_s = time.perf_counter() - began
    written = sum(answer.generated_tokens for answer in answers)
    return {
        'answer_high_p99_ms': float(np.percentile(times, 99)),
        'first_token_p50_ms': 1e3 * float(np.median([a.time_to_first_token_s for a in answers])),
        'tokens_per_s': written / batch_s,
        'remembered_p50_ms': 1e3 * remembered_s / len(again),
        'checks_alone_over_batched': alone_s / checks_s,
        'planned_share': sum(bool(answer.plan.steps) for answer in answers) / len(answers),
        'memory_mib': llm.memory_mib(),
    }
