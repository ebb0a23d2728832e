import inspect
import math
from pathlib import Path
from typing import Any

import pytest

from gradaudit.config import SETTINGS, load_settings, nearest
from gradaudit.errors import ConfigurationError


def load(
    folder: Path, flags: dict[str, Any] | None = None, **environment: str
) -> dict[str, tuple[Any, str]]:
    settings = load_settings(flags or {}, environment=environment, folder=folder)
    return {name: (given.value, given.source) for name, given in settings.items()}


def write_table(folder: Path, text: str) -> Path:
    path = folder / "pyproject.toml"
    path.write_text(f"[tool.gradaudit]\n{text}\n", encoding="utf-8")
    return path


def refusal(folder: Path, flags: dict[str, Any] | None = None, **environment: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(folder, flags, **environment)
    return "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])


def test_flag_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    path = write_table(tmp_path, "points = 5\nseed = 6\nbudget = 700")
    found = load(tmp_path, {"points": "9"}, GRADAUDIT_POINTS="7", GRADAUDIT_SEED="8")

    assert found["points"] == (9, "--points")
    assert found["seed"] == (8, "GRADAUDIT_SEED")
    assert found["budget"] == (700, str(path))
    assert found["rtol"] == (1e-3, "default")


def test_the_defaults_are_those_of_check(tmp_path: Path) -> None:
    from gradaudit.api.check import check

    own = inspect.signature(check).parameters
    for name, (value, _) in load(tmp_path).items():
        if name not in ("seed", "format"):
            assert own[name].default == value, name


def test_the_nearest_table_above_the_working_directory_counts(tmp_path: Path) -> None:
    write_table(tmp_path, "points = 5")
    inner = tmp_path / "project" / "src"
    inner.mkdir(parents=True)
    (tmp_path / "project" / "pyproject.toml").write_text("[project]\nname = 'x'\n")

    assert load(inner)["points"][0] == 5


def test_a_broken_file_that_is_not_about_gradaudit_is_nobodys_business(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.\n")

    assert load(tmp_path)["points"] == (3, "default")


def test_a_broken_file_that_is_about_gradaudit_is_refused(tmp_path: Path) -> None:
    write_table(tmp_path, "points = ")

    assert "cannot read" in refusal(tmp_path)


def test_an_unknown_key_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    write_table(tmp_path, "pionts = 5")
    text = refusal(tmp_path)

    assert "'pionts'" in text
    assert "did you mean points?" in text


def test_an_unknown_variable_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    text = refusal(tmp_path, GRADAUDIT_SEDE="1")

    assert "GRADAUDIT_SEDE" in text
    assert "did you mean GRADAUDIT_SEED?" in text


def test_what_describes_one_target_does_not_belong_in_the_table(tmp_path: Path) -> None:
    write_table(tmp_path, 'blocks = "W1=2x2"')

    assert "--blocks" in refusal(tmp_path)


def test_what_describes_one_target_is_no_variable_either(tmp_path: Path) -> None:
    text = refusal(tmp_path, GRADAUDIT_X0="zeros:3")

    assert "GRADAUDIT_X0 describes one target" in text
    assert "--x0" in text


def test_targets_are_accepted_for_later_commands(tmp_path: Path) -> None:
    write_table(tmp_path, 'targets = ["train:cost"]')

    assert "targets" not in load(tmp_path)


@pytest.mark.parametrize("line", ["targets = 3", "targets = [1]"])
def test_targets_must_be_names(tmp_path: Path, line: str) -> None:
    write_table(tmp_path, line)

    assert "list of names" in refusal(tmp_path)


def test_a_table_that_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool]\ngradaudit = 3\n")

    assert "write a table" in refusal(tmp_path)


def test_lists_come_as_flags_as_text_and_as_toml(tmp_path: Path) -> None:
    write_table(tmp_path, 'only = ["W1", "b1"]')

    assert load(tmp_path)["only"][0] == ("W1", "b1")
    assert load(tmp_path, GRADAUDIT_ONLY="W2, b2")["only"][0] == ("W2", "b2")
    assert load(tmp_path, {"only": ["W3,a"]})["only"] == (("W3,a",), "--only")


def test_allowed_findings_may_be_given_by_code_and_for_one_block(tmp_path: Path) -> None:
    assert load(tmp_path, {"allow": ["GA301:b1", "unused-block"]})["allow"][0] == (
        "kink:b1",
        "unused-block",
    )


def test_an_unknown_finding_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    assert "did you mean kink?" in refusal(tmp_path, {"allow": ["knik:b1"]})


@pytest.mark.parametrize("text", ["1", "true", "YES", "on"])
def test_switches_are_read_from_words(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, GRADAUDIT_DENSE=text)["dense"] == (True, "GRADAUDIT_DENSE")


def test_an_empty_variable_is_not_set(tmp_path: Path) -> None:
    assert load(tmp_path, GRADAUDIT_POINTS="")["points"] == (3, "default")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("points", "0"),
        ("points", "two"),
        ("points", "2.5"),
        ("budget", "-1"),
        ("seconds", "0"),
        ("seconds", "nan"),
        ("rtol", "-1e-3"),
        ("rtol", "inf"),
        ("negligible", "0"),
        ("confidence", "1"),
        ("confidence", "0"),
        ("seed", "-3"),
        ("format", "xml"),
        ("dense", "maybe"),
        ("only", [""]),
        ("allow", [":b1"]),
    ],
)
def test_an_unusable_value_is_shown_with_its_flag_and_its_rule(
    tmp_path: Path, name: str, value: Any
) -> None:
    text = refusal(tmp_path, {name: value})

    assert text.startswith(f"--{name} is {value[0] if isinstance(value, list) else value!r}"[:12])
    assert SETTINGS[name].rule in text


@pytest.mark.parametrize(
    "line",
    ["points = true", "points = 2.0", "rtol = true", 'dense = "perhaps"', "only = 3", "only = [1]"],
)
def test_a_toml_value_of_the_wrong_type_is_refused(tmp_path: Path, line: str) -> None:
    path = write_table(tmp_path, line)

    assert str(path) in refusal(tmp_path)


def test_negligible_above_rtol_is_refused_with_both_sources(tmp_path: Path) -> None:
    text = refusal(tmp_path, {"rtol": "1e-7"})

    assert "1e-06 (default)" in text
    assert "1e-07 (--rtol)" in text


def test_the_nearest_word_ignores_case_and_gives_up() -> None:
    assert nearest("GA1O1", ["GA101", "GA202"]) == "GA101"
    assert nearest("Wrong-Sing", ["wrong-sign"]) == "wrong-sign"
    assert nearest("zzz", ["wrong-sign"]) is None


def test_every_setting_reads_its_own_default() -> None:
    for setting in SETTINGS.values():
        if setting.default not in (None, ()):
            assert setting.read(setting.default) == setting.default
    assert math.isclose(SETTINGS["confidence"].read("0.99"), 0.99)
