"""`mlops-ci gate selftest`: does every gate stop what it is there for?"""

from __future__ import annotations

import click

from mlops_ci.commands import options, trying


@click.command()
@trying.tried
def selftest(
    rev: str | None,
    policy: str | None,
    profile: str | None,
    as_json: bool,
    **chosen: options.Chosen,
) -> int:
    """Put faults into what was measured, and prove that every gate stops each: exit code 1 when one does not.

    A regression, a value that is no number, a metric and a slice that vanish, a baseline that is missing, an example
    that the model was trained on; and nothing at all, which has to pass. Of the work tree, or of REV, with the gates
    that are there; nothing is written. Waivers do not count, and are named.

    \b
    Examples:
      mlops-ci gate selftest          the gates that you are writing
      mlops-ci gate selftest main     those in force
    """  # noqa: D301 - \b is click's mark for a block that keeps its lines
    from mlops_ci.gate import trial
    from mlops_ci.gates.selftest import proofs
    from mlops_ci.report import selftest as report

    tried = trial(trying.request(chosen, rev), policy, profile=profile)
    found = {
        model.model: list(proofs(model, gates))
        for model in tried.comparison.models
        if (gates := tried.policies[model.model]).judges
    }
    waivers = {name: tried.policies[name].waivers for name in found}
    shown = (
        report.as_json(found, waivers)
        if as_json
        else report.render(found, waivers, colour=options.wants_colour())
    )
    click.echo(shown, nl=False, color=True)
    return 0 if all(one.holds for proofs_ in found.values() for one in proofs_) else 1
