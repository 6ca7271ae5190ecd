"""A submission: the brief and the files sent with it, as one value with one stored form."""

from __future__ import annotations

from infra_mind.model.base import Value
from infra_mind.model.brief import Brief, InlineArtefact
from infra_mind.model.inventory import Artefact


class Submission(Value):
    """What was handed in. `brief` holds no file contents: those stand in `artefacts`, in order of their path.

    Names in `brief.artefacts` for which nothing was sent stay there: the engine reports them as not assessed."""

    brief: Brief
    artefacts: tuple[Artefact, ...] = ()

    @classmethod
    def of(cls, brief: Brief, artefacts: tuple[Artefact, ...] = ()) -> Submission:
        """The submission with file contents taken out of the brief and the files in order of their path."""
        ordered = tuple(sorted(artefacts, key=lambda artefact: artefact.path))
        return cls(brief=_without_contents(brief), artefacts=ordered)

    def to_bytes(self) -> bytes:
        """Deterministic UTF-8 JSON, what the store keeps: `{"brief": ..., "artefacts": [{path, content, problem}]}`.

        Only what was given is in it, so that a default is still known as one on the other side."""
        return self.model_dump_json(exclude_none=True, exclude_unset=True).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Submission:
        """The value that `to_bytes` gave. Raises pydantic's ValidationError for anything else."""
        return cls.model_validate_json(data)


def _without_contents(brief: Brief) -> Brief:
    if not isinstance(brief.artefacts, tuple):
        return brief
    names = tuple(item for item in brief.artefacts if not isinstance(item, InlineArtefact))
    return brief.model_copy(update={"artefacts": names or None})
