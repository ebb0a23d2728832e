import functools
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradaudit.errors import TargetError
from gradaudit.targets import Target, parse_flags, parse_reference, parse_value, resolve_target

Resolve = Callable[..., Target]

SCRIPT = """
import numpy as np

def cost(theta, X, lambda_=0.1):
    raise RuntimeError("never called while the target is looked for")

def gradient_of_cost(theta, X, lambda_=0.1):
    raise RuntimeError

X = np.eye(2)
theta = np.ones(2)
"""


@pytest.fixture(autouse=True)
def fresh_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    known = set(sys.modules)
    yield
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return write


@pytest.fixture
def resolve(write: Callable[[str, str], Path]) -> Resolve:
    def resolve(script: str, target: str = "train:cost", **flags: Any) -> Target:
        write("train.py", script)
        reference = parse_reference(target)
        return resolve_target(reference, parse_flags(target=reference, **flags))

    return resolve


def refusal(action: Callable[[], Any]) -> str:
    with pytest.raises(TargetError) as caught:
        action()
    return "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])


# what was typed


def test_a_module_and_a_dotted_name_are_taken_apart() -> None:
    reference = parse_reference("package.module:model.cost")

    assert (reference.module, reference.attribute) == ("package.module", "model.cost")
    assert reference.path is None


def test_a_file_is_told_from_a_module(write: Callable[[str, str], Path]) -> None:
    path = write("src/train.py", "")

    assert parse_reference("src/train.py:J").path == path


@pytest.mark.skipif(sys.platform == "win32", reason="a real drive is needed there")
def test_a_drive_letter_is_part_of_the_file(write: Callable[[str, str], Path]) -> None:
    path = write("C:\\work\\train.py", "def J(x): ...")

    assert parse_reference("C:\\work\\train.py:J").path == path
    assert "C:\\work\\train.py:J" in refusal(lambda: parse_reference("C:\\work\\train.py"))


def test_a_file_without_function_is_answered_with_its_functions(
    write: Callable[[str, str], Path],
) -> None:
    write("train.py", "def cost(x): ...\nJ = lambda x: 0\n")
    text = refusal(lambda: parse_reference("train.py"))

    assert "train.py:cost" in text
    assert "J" in text


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ("mymodule.cost", "mymodule:cost"),
        ("mymodule", "mymodule:function"),
        (":cost", "module:cost"),
        ("my-train:cost", "my-train.py:cost"),
        ("train:3", "train"),
        ("", "module:function"),
    ],
)
def test_another_form_is_answered_with_the_right_one(typed: str, advice: str) -> None:
    assert advice in refusal(lambda: parse_reference(typed))


def test_a_missing_file_is_answered_with_the_nearest(write: Callable[[str, str], Path]) -> None:
    write("train.py", "")

    assert "did you mean train.py?" in refusal(lambda: parse_reference("tran.py:cost"))


@pytest.mark.parametrize(
    ("text", "value"),
    [("[1.0, 2]", [1.0, 2]), ("-1e-3", -1e-3), ("'tanh'", "tanh"), ("None", None)],
)
def test_a_literal_is_a_value(text: str, value: object) -> None:
    assert parse_value(text, "--arg a=").fetch() == value


def test_a_bare_word_is_not_a_value() -> None:
    text = refusal(lambda: parse_value("tanh", "--arg activation="))

    assert "--arg activation='tanh'" in text
    assert "quotes" in text


def test_arrays_come_from_files(tmp_path: Path) -> None:
    np.save(tmp_path / "x0.npy", np.arange(3.0))
    np.savez(tmp_path / "all.npz", theta=np.ones(2))

    assert parse_value("x0.npy", "--x0").fetch().tolist() == [0, 1, 2]
    assert parse_value("all.npz:theta", "--x0").fetch().tolist() == [1, 1]


@pytest.mark.parametrize("typed", ["all.npz", "all.npz:theto"])
def test_an_archive_is_answered_with_its_names(tmp_path: Path, typed: str) -> None:
    np.savez(tmp_path / "all.npz", theta=np.ones(2))

    assert "all.npz:theta" in refusal(parse_value(typed, "--x0").fetch)


def test_a_file_of_objects_is_not_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "x0.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "all.npz", a=np.array([{}], dtype=object))
    (tmp_path / "garbage.npy").write_bytes(b"not numpy")

    for typed in ("x0.npy", "all.npz:a", "garbage.npy"):
        assert "not unpickled" in refusal(parse_value(typed, "--x0").fetch)


def test_a_missing_array_file_is_found_before_anything_runs() -> None:
    assert "no file missing.npy" in refusal(lambda: parse_value("missing.npy", "--x0"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a=1", "a=2"], "--arg a is given twice"),
        (["a"], "not name=value"),
        (["2=3"], "not name=value"),
    ],
)
def test_arguments_must_be_named_once(arguments: list[str], message: str) -> None:
    reference = parse_reference("train:cost")

    assert message in refusal(lambda: parse_flags(arguments=arguments, target=reference))


def test_a_jac_without_module_is_answered_with_the_flag() -> None:
    reference = parse_reference("train:cost")

    assert "--jac train:grad" in refusal(lambda: parse_flags(jac="grad", target=reference))


# finding start and arguments


def test_module_attributes_fill_the_parameters_and_the_sources_say_so(resolve: Resolve) -> None:
    target = resolve(SCRIPT)

    assert target.x0.tolist() == [1, 1]
    assert [a.tolist() for a in target.args] == [[[1, 0], [0, 1]]]
    assert target.sources == (("x0", "train.theta"), ("X", "train.X"))
    assert target.jac is True


def test_the_usual_names_of_a_start_go_before_the_parameters_own(resolve: Resolve) -> None:
    script = "w = 1.0\ntheta0 = 2.0\ndef cost(w): ..."

    assert resolve(script).sources == (("x0", "train.theta0"),)


def test_the_parameters_own_name_is_a_start_too(resolve: Resolve) -> None:
    assert resolve("w = 1.5\ndef cost(w): ...").x0 == 1.5


def test_a_function_called_theta_is_not_a_start(resolve: Resolve) -> None:
    assert resolve("def theta(): ...\nw = 1.5\ndef cost(w): ...").x0 == 1.5


def test_lazy_attributes_are_found(resolve: Resolve) -> None:
    script = """
    def cost(theta): ...
    def __getattr__(name):
        if name == "theta":
            return 3.0
        raise AttributeError(name)
    """
    assert resolve(script).x0 == 3.0


def test_flags_beat_everything(resolve: Resolve) -> None:
    target = resolve(SCRIPT, x0="[5.0, 6.0]", arguments=["lambda_=0.7", "X=train:theta"])

    assert target.x0 == [5.0, 6.0]
    assert target.args[1] == 0.7
    assert target.args[0].tolist() == [1, 1]
    assert ("lambda_", "--arg lambda_") in target.sources


def test_an_attribute_beats_a_default_and_a_default_between_stays(resolve: Resolve) -> None:
    script = "theta = 1.0\nb = 5\ndef cost(theta, a=2, b=3, c=4): ..."

    assert resolve(script).args == (2, 5)


def test_a_function_of_the_same_name_does_not_replace_a_default(resolve: Resolve) -> None:
    script = "theta = 1.0\ndef plot(): ...\ndef cost(theta, plot=False): ..."

    assert resolve(script).args == ()


def test_keyword_only_parameters_are_bound(resolve: Resolve) -> None:
    script = "theta = 1.0\ndef cost(theta, *, scale, shift=0): return theta, scale, shift"
    target = resolve(script, arguments=["scale=3"])

    assert target.args == ()
    assert target.fun(2.0) == (2.0, 3, 0)


def test_the_start_may_be_a_default(resolve: Resolve) -> None:
    assert resolve("def cost(w=(1.0, 2.0), k=3): return 0").x0 == (1.0, 2.0)


def test_what_is_missing_is_answered_with_the_exact_flags(resolve: Resolve) -> None:
    text = refusal(lambda: resolve("lambd = 3\ndef cost(w, lambda_, *, k): ..."))

    assert "add --x0 ... --arg lambda_=... --arg k=..." in text
    assert "--arg lambda_=train:lambd" in text
    assert "zeros:N" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lambd_=1"], "did you mean --arg lambda_=...?"),
        (["theta=1"], "give it with --x0"),
        (["other=1"], "its arguments are X, lambda_"),
    ],
)
def test_an_argument_that_names_no_parameter_is_refused(
    resolve: Resolve, arguments: list[str], message: str
) -> None:
    assert message in refusal(lambda: resolve(SCRIPT, arguments=arguments))


def test_further_keywords_are_taken_where_the_function_takes_any(resolve: Resolve) -> None:
    script = "theta = 1.0\ndef cost(theta, **options): return options"

    assert resolve(script, arguments=["k=2"]).fun(1.0) == {"k": 2}


def test_starts_can_be_generated(resolve: Resolve) -> None:
    assert resolve(SCRIPT, x0="zeros:2x3").x0.shape == (2, 3)
    first, again = (resolve(SCRIPT, x0="random:4", seed=5) for _ in range(2))

    assert first.x0.tolist() == again.x0.tolist()
    assert "seed 5" in first.sources[0][1]


def test_gradient_candidates_are_named_but_not_used(resolve: Resolve) -> None:
    target = resolve(SCRIPT)

    assert target.jac is True
    assert target.gradient_candidates == ("train:gradient_of_cost",)


def test_a_gradient_of_its_own_is_taken_from_the_same_module(resolve: Resolve) -> None:
    target = resolve(SCRIPT, "train.py:cost", jac="train:gradient_of_cost")

    assert target.jac.__module__ == target.fun.__module__
    assert target.jac.__globals__ is target.fun.__globals__
    assert ("jac", "--jac train:gradient_of_cost") in target.sources


# forms of targets


def test_a_decorated_function_brings_its_start(resolve: Resolve) -> None:
    script = """
    import gradaudit
    k = 9
    @gradaudit.target(x0=lambda: [1.0, 2.0], args=(3,), bounds=[(0, 5)] * 2)
    def cost(theta, k): ...
    """
    target = resolve(script)

    assert (target.x0, target.args, target.bounds) == ([1.0, 2.0], (3,), [(0, 5)] * 2)
    assert dict(target.sources)["x0"] == "@gradaudit.target"


def test_a_flag_replaces_one_argument_of_the_decorator(resolve: Resolve) -> None:
    script = """
    import gradaudit
    @gradaudit.target(x0=1.0, args=lambda: (3, 4))
    def cost(theta, k, m): ...
    """
    assert resolve(script, arguments=["m=7"]).args == (3, 7)


def test_a_problem_is_a_target(resolve: Resolve) -> None:
    script = """
    import gradaudit
    def f(x, k): ...
    cost = gradaudit.Problem(f, [1.0, 2.0], args=(3,), bounds=[(0, 5)] * 2, blocks="a=1,b=1")
    """
    target = resolve(script)

    assert target.fun.__name__ == "f"
    assert list(target.x0) == [1.0, 2.0]
    assert target.args == (3,)
    assert target.bounds.ub.tolist() == [5, 5]
    assert [block.name for block in target.blocks] == ["a", "b"]
    assert resolve(script, x0="[3.0, 4.0]").x0 == [3.0, 4.0]


@pytest.mark.parametrize("returned", ["f, [1.0]", "f, [1.0], (2,)", "Problem(f, [1.0], args=(2,))"])
def test_a_factory_is_called_once(resolve: Resolve, returned: str) -> None:
    script = f"""
    from gradaudit import Problem
    calls = []
    k = 2
    def f(x, k): ...
    def cost(seed=0):
        calls.append(seed)
        return {returned}
    """
    target = resolve(script)

    assert target.fun.__name__ == "f"
    assert list(target.x0) == [1.0]
    assert target.args == (2,)
    assert "factory train:cost" in dict(target.sources)["x0"]
    assert sys.modules["train"].calls == [0]


def test_a_cost_without_any_parameter_is_refused(resolve: Resolve) -> None:
    text = refusal(lambda: resolve("theta = 1.0\ncost = lambda: (3.0, [1.0])"))

    assert "takes no argument" in text
    assert "lambda x: cost(x, ...)" in text


def test_a_cost_behind_a_wrapper_is_not_taken_for_a_factory(resolve: Resolve) -> None:
    script = """
    theta = 1.0
    def timed(f):
        def inner(*args, **kwargs):
            raise RuntimeError
        return inner
    @timed
    def cost(theta, k): ...
    """
    assert resolve(script).args == ()


def test_a_factory_that_raises_shows_its_exception(resolve: Resolve) -> None:
    with pytest.raises(TargetError, match="raised ZeroDivisionError") as caught:
        resolve("def cost(): 1 / 0")

    assert isinstance(caught.value.__cause__, ZeroDivisionError)


METHODS = """
import functools
theta = 1.0
k = 2
class Model:
    def cost(self, theta, k): ...
    def __call__(self, theta, k): ...
    @staticmethod
    def free(theta, k): ...
class Strange:
    def __getattr__(self, name): raise RuntimeError(name)
    def __bool__(self): raise RuntimeError
    def __eq__(self, other): raise RuntimeError
    def __call__(self, theta, k): ...
model = Model()
strange = Strange()
bound = functools.partial(model.cost, k=7)
"""


@pytest.mark.parametrize("name", ["model.cost", "model", "Model.free", "strange"])
def test_methods_and_callable_objects_are_targets(resolve: Resolve, name: str) -> None:
    target = resolve(METHODS, f"train:{name}")

    assert (target.x0, target.args) == (1.0, (2,))


def test_a_partial_keeps_what_it_has_bound(resolve: Resolve) -> None:
    target = resolve(METHODS, "train:bound")

    assert isinstance(target.fun, functools.partial)
    assert target.fun.keywords == {"k": 7}
    assert resolve(METHODS, "train:bound", arguments=["k=8"]).fun.keywords == {"k": 8}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Model.cost", "a method of the class Model"),
        ("Model", "is a class"),
        ("k", "cannot be called"),
        ("modle", "did you mean model?"),
        ("model.cots", "did you mean cost?"),
    ],
)
def test_what_is_no_function_is_refused(resolve: Resolve, name: str, message: str) -> None:
    assert message in refusal(lambda: resolve(METHODS, f"train:{name}"))


def test_a_builtin_without_signature_is_a_target(resolve: Resolve) -> None:
    assert resolve("import math\ntheta = 1.0\ncost = math.hypot").fun.__name__ == "hypot"


# importing


def test_a_missing_module_is_answered_with_the_nearest(resolve: Resolve) -> None:
    text = refusal(lambda: resolve("", "trian:cost"))

    assert "no module trian" in text
    assert "did you mean train?" in text


def test_a_module_that_imports_a_missing_one_is_not_missing_itself(resolve: Resolve) -> None:
    with pytest.raises(TargetError, match="importing train raised ModuleNotFoundError") as caught:
        resolve("import train_that_is_not_there")

    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("1 / 0", "importing train raised ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit('enough')", r"importing train called sys.exit\('enough'\)"),
        ("x = (", "importing train raised SyntaxError"),
        ("raise BaseException", "importing train raised BaseException$"),
        (
            "class Odd(Exception):\n    def __str__(self): raise OSError\nraise Odd",
            "importing train raised Odd$",
        ),
    ],
)
def test_whatever_an_import_raises_is_one_error(
    resolve: Resolve, script: str, message: str
) -> None:
    with pytest.raises(TargetError, match=message):
        resolve(script)


def test_ctrl_c_during_the_import_is_not_swallowed(resolve: Resolve) -> None:
    with pytest.raises(KeyboardInterrupt):
        resolve("raise KeyboardInterrupt")


def test_a_lazy_attribute_that_raises_is_the_users_exception(resolve: Resolve) -> None:
    script = "def cost(theta): ...\ndef __getattr__(name): raise OSError('no data')"

    with pytest.raises(TargetError, match="raised OSError: no data"):
        resolve(script)


def test_a_file_within_a_package_can_use_relative_imports(
    write: Callable[[str, str], Path],
) -> None:
    write("lib/pack/__init__.py", "")
    write("lib/pack/data.py", "theta = 1.0")
    write("lib/pack/model.py", "from .data import theta\ndef cost(theta): ...")
    reference = parse_reference("lib/pack/model.py:cost")

    target = resolve_target(reference, parse_flags(target=reference))

    assert target.fun.__module__ == "pack.model"
    assert target.sources == (("x0", "lib/pack/model.py:theta"),)


def test_a_file_sees_its_own_folder_first(write: Callable[[str, str], Path]) -> None:
    write("work/model_data.py", "start = 2.0")
    write("work/my-train.py", "from model_data import start as theta\ndef cost(theta): ...")
    reference = parse_reference("work/my-train.py:cost")

    assert resolve_target(reference, parse_flags(target=reference)).x0 == 2.0


def test_a_file_named_like_a_standard_module_replaces_nothing(
    write: Callable[[str, str], Path],
) -> None:
    import types

    write("types.py", "theta = 1.0\ndef cost(theta): ...")
    reference = parse_reference("types.py:cost")

    assert resolve_target(reference, parse_flags(target=reference)).x0 == 1.0
    assert sys.modules["types"] is types


def test_a_module_hidden_by_a_standard_one_is_answered_with_the_file(
    write: Callable[[str, str], Path],
) -> None:
    write("types.py", "theta = 1.0\ndef cost(theta): ...")
    reference = parse_reference("types:cost")

    assert "types.py:cost" in refusal(
        lambda: resolve_target(reference, parse_flags(target=reference))
    )


@pytest.mark.parametrize(
    ("target", "advice"),
    [
        ("train.py::cost", "train.py:cost"),
        ("my work.train:cost", "my work/train.py:cost"),
        ("train", "train:cost (it also has prepare)"),
    ],
)
def test_a_slip_in_the_form_is_answered_with_the_right_one(
    target: str, advice: str, write: Callable[[str, str], Path]
) -> None:
    write("train.py", "def prepare(): ...\ndef cost(theta): ...")
    write("my work/train.py", "")

    assert advice in refusal(lambda: parse_reference(target))


@pytest.mark.parametrize(
    ("target", "advice"),
    [
        ("pack:model.cost", "pack.model:cost"),
        ("pack:model", "pack.model:function"),
        ("pack.modle:cost", "did you mean pack.model?"),
    ],
)
def test_a_slip_in_a_package_is_answered_with_the_right_name(
    target: str, advice: str, write: Callable[[str, str], Path]
) -> None:
    write("pack/__init__.py", "")
    write("pack/model.py", "def cost(theta): ...")
    reference = parse_reference(target)

    assert advice in refusal(lambda: resolve_target(reference, parse_flags(target=reference)))


def test_a_relative_import_without_its_package_is_answered_with_the_file(
    write: Callable[[str, str], Path],
) -> None:
    write("layers.py", "from .data import theta\ndef cost(theta): ...")
    reference = parse_reference("layers:cost")

    assert "given as a file: layers.py:cost" in refusal(
        lambda: resolve_target(reference, parse_flags(target=reference))
    )


def test_a_missing_library_is_answered_with_the_interpreter(resolve: Resolve) -> None:
    with pytest.raises(TargetError) as caught:
        resolve("import torchhh")

    assert sys.executable in "".join(caught.value.__notes__)


def test_a_likely_start_is_suggested(resolve: Resolve) -> None:
    with pytest.raises(TargetError) as caught:
        resolve("w_init = [1.0]\nepochs = [3]\ndef cost(w, rate): ...")

    notes = caught.value.__notes__
    assert [note for note in notes if note.startswith("perhaps")] == ["perhaps --x0 train:w_init"]
    assert "has no such attributes" in str(caught.value)


def test_a_second_parameter_called_x0_is_an_argument(resolve: Resolve) -> None:
    with pytest.raises(TargetError) as caught:
        resolve("theta = 1.0\ndef cost(w, x0, y): ...")

    assert caught.value.__notes__ == ["add --arg x0=... --arg y=..."]


def test_a_function_is_no_start(write: Callable[[str, str], Path]) -> None:
    write("train.py", "def start(): ...\ndef cost(theta): ...")
    reference = parse_reference("train:cost")

    assert "--x0 train:start is a function" in refusal(
        lambda: resolve_target(reference, parse_flags(x0="train:start", target=reference))
    )


def test_a_file_that_is_no_array_is_not_called_a_pickle(tmp_path: Path) -> None:
    (tmp_path / "junk.npy").write_text("hello")

    text = refusal(parse_value(str(tmp_path / "junk.npy"), "--x0").fetch)

    assert "holds Python objects, or no array at all" in text
    assert "unsafely" not in text


def test_a_local_function_is_answered_with_a_factory(resolve: Resolve) -> None:
    script = "def main():\n    J = lambda x: x\n    return J, 1.0"
    with pytest.raises(TargetError, match="is a local variable of train") as caught:
        resolve(script, target="train:main.J")

    assert "return (J, x0)" in "".join(caught.value.__notes__)
