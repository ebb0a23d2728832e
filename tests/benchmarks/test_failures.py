import pytest

from benchmarks.failures import BENIGN, CASES
from benchmarks.failures.verify import examine
from gradaudit.catalogue import RECORDS


@pytest.mark.parametrize("name", CASES)
def test_measured_derivatives_agree_with_the_label(name: str) -> None:
    said, _, against = examine(CASES[name])
    assert not against, f"{against}; the solver said: {said}"


def test_labels_are_slugs_of_the_catalogue() -> None:
    used = set().union(*(case.expected | case.also for case in CASES.values()))
    assert used <= set(RECORDS)


def test_corpus_has_its_promised_size() -> None:
    failing = [case for case in CASES.values() if not case.healthy]
    methods = {str(case.make().get("method") or case.solver) for case in failing}
    healthy = [case for case in CASES.values() if case.healthy]
    assert len(failing) >= 75
    assert len(healthy) >= 35
    assert len(methods) >= 8


def test_every_cause_an_optimizer_can_meet_has_a_case() -> None:
    met = set().union(*(case.expected for case in CASES.values()))
    wanted = {slug for slug, record in RECORDS.items() if record.code[2] in "1235"}
    # these need a function that is asked in two ways, or a factory
    assert wanted - met <= {"value-mismatch", "shape-error", "hiding-shape"}


def test_a_benign_label_names_no_fault() -> None:
    assert all(case.expected <= BENIGN for case in CASES.values() if case.healthy)


def test_arguments_are_made_afresh() -> None:
    case = CASES["gradient-never-reset"]
    first, second = case.make(), case.make()
    assert first["fun"] is not second["fun"]
