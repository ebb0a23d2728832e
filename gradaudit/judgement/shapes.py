"""Note when the shape at hand is one at which usual faults do not show."""

from __future__ import annotations

from gradaudit.judgement.record import Record
from gradaudit.problem import Problem
from gradaudit.results import Finding
from gradaudit.shapes.roles import is_batch, may_be_size
from gradaudit.source.quantities import named_numbers


def note_hiding_shape(record: Record, problem: Problem) -> list[Finding]:
    """Note a single example, and two sizes that are equal, as far as the code names them.

    Sizes that the function is given count, not those it computes: ``m = x.shape[0]`` beside an
    argument ``m`` is no coincidence. And a tie matters where it makes a block square.
    """
    named = {name: size for name, size in record.sizes.items() if name.isidentifier()}
    places = [f"{name} = 1" for name, size in named.items() if size == 1 and is_batch(name)]
    square = {block.shape[0] for block in record.blocks if len(set(block.shape)) == 1}
    square &= {block.shape[-1] for block in record.blocks if len(block.shape) == 2}
    given = named_numbers(problem.fun, problem.args) if square else {}
    for size in sorted(square):
        tied = [n for n, s in named.items() if s == size and n in given and may_be_size(n)]
        if len(tied) > 1:
            places.append(f"{' = '.join(tied)} = {size}")
    if not places:
        return []
    return [
        Finding(
            slug="hiding-shape",
            level="note",
            message=f"some faults would not show at this shape: {', '.join(places)}",
            notes=(
                "a mean in the place of a sum agrees for one example; sizes that are equal can be "
                "taken for one another",
            ),
            help="check other sizes too: gradaudit shapes module:make_problem",
        )
    ]
