"""Promotion Records: Git notes in `refs/notes/mlops-ci` on the tags that asked for them.

Whoever may push notes may write one. It shows what a promotion found; it authorises nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_ci.frozen import dataclass
from mlops_ci.lineage import notes
from mlops_ci.lineage.statement import STATEMENT

if TYPE_CHECKING:
    from mlops_ci.git import Repository
    from mlops_ci.lineage.statement import Descriptor, Statement
    from mlops_ci.promote.stages import Holder
    from mlops_ci.promote.tags import Tag

PROMOTION = "https://mlops-ci.dev/promotion/v1"
# What a Record may say besides, by its shape: readers rely on it.
_SHAPES: dict[str, type] = {
    "record": dict, "verdict": dict, "approvals": list, "judgedBefore": list, "authorisedBy": dict,
    "by": str, "run": str, "reason": str, "undid": str, "askedBy": str, "measured": str, "promotedOn": str,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """That one Version took one stage. `tag_oid`: the tag object that asked; `predecessor`: the version before, or "".

    `subject`: descriptors of the model's files. `kind`: `promote` or `rollback`.
    """

    kind: str
    model: str
    version: str
    stage: str
    tag: str
    tag_oid: str
    commit: str
    predecessor: str
    subject: tuple[Descriptor, ...]
    facts: dict[str, Any]

    def statement(self) -> Statement:
        """The in-toto Statement of it."""
        asked = {"name": self.tag, "digest": {"gitTag": self.tag_oid, "gitCommit": self.commit}}
        predicate = {
            "kind": self.kind,
            "model": self.model,
            "toVersion": self.version,
            "fromVersion": self.predecessor,
            "stage": self.stage,
            "tag": asked,
            **self.facts,
        }
        return {
            "_type": STATEMENT,
            "subject": list(self.subject),
            "predicateType": PROMOTION,
            "predicate": predicate,
        }

    @property
    def approvers(self) -> list[str]:
        """Who said yes, as far as the Record names them."""
        given = self.facts.get("approvals")
        found = given if isinstance(given, list) else []
        return [str(one.get("user", "")) for one in found if isinstance(one, dict)]

    @property
    def when(self) -> str:
        """When it was granted, as `2026-11-02T14:02:11Z`; "" where it does not say."""
        return str(self.facts.get("promotedOn", ""))

    def answers(self, tag: Tag) -> bool:
        """Whether this tag asked for it, as the tag stands now."""
        asked = tag.request.kind, tag.request.model, tag.request.stage
        same = (self.tag, self.tag_oid, self.commit) == (tag.name, tag.oid, tag.commit)
        return same and asked == ("assign", self.model, self.stage)

    def grants(self, model: str, holder: Holder) -> bool:
        """Whether it is the answer to the tag by which this holder has its stage."""
        return self.answers(holder.tag) and (self.model, self.version) == (model, holder.version)


def read(repository: Repository, ref: str = notes.REF) -> dict[str, Promotion]:
    """The newest Promotion by the id of the tag object. A note that is no Record counts for nothing."""
    found: dict[str, Promotion] = {}
    for oid, statement in notes.statements(repository, ref, PROMOTION):
        promotion = _promotion(statement)
        if promotion is not None and promotion.tag_oid == oid:
            found[oid] = promotion
    return found


def _promotion(statement: Statement) -> Promotion | None:
    if statement["predicateType"] != PROMOTION:
        return None
    predicate = dict(statement["predicate"])
    misshapen = (
        k for k, shape in _SHAPES.items() if not isinstance(predicate.get(k, shape()), shape)
    )
    if any(misshapen) or not all(one.get("digest") for one in statement["subject"]):
        return None
    try:
        asked = predicate.pop("tag")
        return Promotion(
            kind=str(predicate.pop("kind")),
            model=str(predicate.pop("model")),
            version=str(predicate.pop("toVersion")),
            stage=str(predicate.pop("stage")),
            tag=str(asked["name"]),
            tag_oid=str(asked["digest"]["gitTag"]),
            commit=str(asked["digest"]["gitCommit"]),
            predecessor=str(predicate.pop("fromVersion")),
            subject=tuple(statement["subject"]),
            facts=predicate,
        )
    except (KeyError, TypeError):
        return None
