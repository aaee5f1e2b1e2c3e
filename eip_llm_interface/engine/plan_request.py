"""What is needed to let a model write a plan and to read it back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from eip_llm_interface.engine.mentions import Numbered
from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.planner.grammar import Grammar
from eip_llm_interface.planner.plan import Plan
from eip_llm_interface.planner.planner import PlanError, Planner

__all__ = ['PlanRequest', 'PlanStream']


@dataclass(frozen=True)
class PlanRequest:
    """A prompt, the planner whose grammar the answer keeps, and how names come back.

    `numbered` is None when the model writes the manifest's own names.
    """

    prompt: str
    planner: Planner
    scene: SceneFacts
    numbered: Numbered | None = None

    @property
    def shape(self) -> tuple[tuple[str, ...], ...]:
        """Return the names a plan may use, by kind: requests of one shape share a grammar."""
        manifest = self._writer.manifest
        scene = None if self.numbered else self.scene
        kinds = ('place', 'object', 'appliance', 'person')
        return tuple(tuple(manifest.names(kind, scene)) for kind in kinds)

    def grammar(self) -> Grammar:
        """Return the grammar that the answer must keep."""
        return self._writer.grammar(None if self.numbered else self.scene)

    def read(self, text: str) -> Plan:
        """Return the plan that the model wrote, in the manifest's names; raises PlanError."""
        if self.numbered is None:
            return self.planner.parse(text, self.scene)
        plan = self._writer.parse(text)
        try:
            return self.numbered.named_plan(plan, self.planner.manifest)
        except ValueError as error:
            raise PlanError(str(error)) from None

    @property
    def _writer(self) -> Planner:
        return self.numbered.planner(self.planner) if self.numbered else self.planner


class PlanStream:
    """Passes a plan's text on line by line, with its names back."""

    def __init__(self, request: PlanRequest, on_text: Callable[[str], None]) -> None:
        self._request = request
        self._on_text = on_text
        self._rest = ''

    def __call__(self, text: str) -> None:
        """Take what was written; whole lines are passed on."""
        *lines, self._rest = (self._rest + text).split('\n')
        for line in lines:
            self._on_text(self._named(line))

    def _named(self, line: str) -> str:
        if line == 'end':
            return 'end\n'
        written = self._request.planner.write(self._request.read(f'{line}\nend\n'))
        return written.removesuffix('end\n')
