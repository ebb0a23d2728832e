"""The right models are right, and the wrong ones wrong in the way the table says."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from reference_models import autoencoder, question1, question2, three_matrix
from reference_models.slips import SLIPS, Slip

pytestmark = pytest.mark.filterwarnings("error")

Objective = Callable[..., tuple[float, NDArray[np.float64]]]

sizes = st.integers(min_value=1, max_value=5)
distinct_sizes = st.lists(st.integers(2, 6), min_size=3, max_size=3, unique=True)


def numeric_gradient(fun: Objective, theta: NDArray[np.float64], *args: Any) -> NDArray[np.float64]:
    """Differentiate centrally at steps h and h / 2, and extrapolate (error of order h**4)."""
    h = 2e-3
    gradient = np.zeros(theta.size)
    for i in range(theta.size):
        e = np.zeros(theta.size)
        e[i] = 1.0
        coarse = (fun(theta + h * e, *args)[0] - fun(theta - h * e, *args)[0]) / (2 * h)
        fine = (fun(theta + h / 2 * e, *args)[0] - fun(theta - h / 2 * e, *args)[0]) / h
        gradient[i] = (4 * fine - coarse) / 3
    return gradient


def somewhere(theta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a point with no zero entries."""
    return theta + np.random.default_rng(2).uniform(0.1, 0.5, theta.size)


def split_blocks(
    vector: NDArray[np.float64], shapes: dict[str, tuple[int, ...]]
) -> dict[str, NDArray[np.float64]]:
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()])
    assert ends[-1] == vector.size
    return dict(zip(shapes, np.split(vector, ends[:-1]), strict=True))


def assert_gradient_is_right(fun: Objective, theta: NDArray[np.float64], *args: Any) -> None:
    gradient = fun(theta, *args)[1]
    assert gradient.shape == theta.shape
    assert gradient.dtype == np.float64
    np.testing.assert_allclose(gradient, numeric_gradient(fun, theta, *args), atol=2e-10)


@given(visible=sizes, hidden=sizes, m=sizes)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_gradient_of_the_autoencoder_is_right(visible: int, hidden: int, m: int) -> None:
    fun, theta, args = autoencoder.make_autoencoder(visible, hidden, m)
    assert_gradient_is_right(fun, theta, *args)
    assert_gradient_is_right(fun, somewhere(theta), *args)


@pytest.mark.parametrize(
    "factory",
    [
        three_matrix.make_problem,
        three_matrix.make_problem_matrix_biases,
        three_matrix.make_problem_ones_column,
    ],
)
@given(n=sizes, k=sizes, m=sizes)
@settings(max_examples=15, deadline=None, derandomize=True)
def test_gradient_of_the_flat_three_matrix_model_is_right(
    factory: Callable[..., Any], n: int, k: int, m: int
) -> None:
    fun, theta, args = factory(n, k, m)
    assert_gradient_is_right(fun, theta, *args)


@pytest.mark.parametrize(
    ("flat", "in_dict"),
    [
        (three_matrix.make_problem, three_matrix.make_problem_dict),
        (
            three_matrix.make_problem_matrix_biases,
            three_matrix.make_problem_matrix_biases_dict,
        ),
        (three_matrix.make_problem_ones_column, three_matrix.make_problem_ones_column_dict),
    ],
)
@given(n=sizes, k=sizes, m=sizes)
@settings(max_examples=15, deadline=None, derandomize=True)
def test_dict_of_arrays_gives_the_cost_and_gradient_of_the_flat_theta(
    flat: Callable[..., Any], in_dict: Callable[..., Any], n: int, k: int, m: int
) -> None:
    fun, theta, args = flat(n, k, m)
    dict_fun, params, dict_args = in_dict(n, k, m)
    cost, gradient = fun(theta, *args)
    dict_cost, gradients = dict_fun(params, *dict_args)
    np.testing.assert_array_equal(three_matrix.flatten(params), theta)
    assert {name: a.shape for name, a in gradients.items()} == {
        name: a.shape for name, a in params.items()
    }
    assert dict_cost == pytest.approx(cost, rel=1e-14)
    np.testing.assert_allclose(three_matrix.flatten(gradients), gradient, rtol=0, atol=1e-14)


def test_three_forms_of_biases_are_one_model() -> None:
    fun, params, (x,) = three_matrix.make_problem_dict(4, 3, 5)
    cost, _ = fun(params, x)
    matrices = {p: np.tile(a, (5, 1)) if a.ndim == 1 else a for p, a in params.items()}
    columns = {f"w{i}": np.vstack((params[f"w{i}"], params[f"b{i}"])) for i in (1, 2, 3)}
    assert three_matrix.cost_and_grad_matrix_biases_dict(matrices, x)[0] == pytest.approx(cost)
    assert three_matrix.cost_and_grad_ones_column_dict(columns, x)[0] == pytest.approx(cost)


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS.keys())
@given(shape=distinct_sizes)
@settings(max_examples=10, deadline=None, derandomize=True)
def test_slip_spoils_exactly_its_blocks_by_its_factor(slip: Slip, shape: list[int]) -> None:
    fun, theta, args = slip.factory(*shape)
    assert fun is slip.fun
    theta = somewhere(theta)
    layout = slip.layout(shape[0], shape[1])
    returned = split_blocks(fun(theta, *args)[1], layout)
    right = split_blocks(numeric_gradient(fun, theta, *args), layout)
    wrong = [
        name
        for name in layout
        if np.linalg.norm(returned[name] - right[name])
        > 1e-3 * max(np.linalg.norm(returned[name]), np.linalg.norm(right[name])) + 1e-9
    ]
    assert wrong == list(slip.blocks)
    for name in layout:
        if name not in wrong:
            np.testing.assert_allclose(returned[name], right[name], atol=2e-9)
        elif slip.factor is not None:
            np.testing.assert_allclose(
                returned[name], slip.factor(shape[2]) * right[name], atol=2e-9
            )


@pytest.mark.parametrize("name", [name for name, slip in SLIPS.items() if slip.factor is None])
def test_slip_without_a_factor_is_described_by_no_single_number(name: str) -> None:
    slip = SLIPS[name]
    fun, theta, args = slip.factory()
    theta = somewhere(theta)
    returned, right = fun(theta, *args)[1], numeric_gradient(fun, theta, *args)
    layout = slip.layout(*args[:2])
    parts = [(split_blocks(returned, layout)[b], split_blocks(right, layout)[b]) for b in layout]
    a = np.concatenate([a for (a, _), b in zip(parts, layout, strict=True) if b in slip.blocks])
    d = np.concatenate([d for (_, d), b in zip(parts, layout, strict=True) if b in slip.blocks])
    factor = (a @ d) / (d @ d) if np.any(np.abs(d) > 1e-9) else 0.0
    assert np.linalg.norm(a - factor * d) > 1e-3 * np.linalg.norm(a)


def test_penalised_biases_are_right_at_the_start_where_biases_are_zero() -> None:
    fun, theta, args = SLIPS["autoencoder.penalised_biases"].factory()
    assert_gradient_is_right(fun, theta, *args)


def test_question_2_is_at_its_own_sizes_and_its_right_version_is_right_there() -> None:
    q = question2
    assert (q.m, q.n, q.k, q.x.shape) == (5, 2, 2, (5, 2))
    assert_gradient_is_right(three_matrix.cost_and_grad, q.theta, q.n, q.k, q.x)


@pytest.mark.parametrize(
    ("fun", "wrong"),
    [
        (question2.cost_and_grad_first_answer, ["w1", "b1", "w2", "b2", "b3"]),
        (question2.cost_and_grad_matrix_gradient, ["w1", "b1", "w2", "b2"]),
        (question2.cost_and_grad_mean_biases, ["b1", "b2", "b3"]),
    ],
)
def test_answers_to_question_2_are_wrong_at_its_own_sizes(fun: Objective, wrong: list[str]) -> None:
    q = question2
    layout = three_matrix.block_shapes(q.n, q.k)
    cost, gradient = fun(q.theta, q.n, q.k, q.x)
    assert cost == three_matrix.cost_and_grad(q.theta, q.n, q.k, q.x)[0]
    right = split_blocks(numeric_gradient(fun, q.theta, q.n, q.k, q.x), layout)
    returned = split_blocks(gradient, layout)
    assert [b for b in layout if not np.allclose(returned[b], right[b], rtol=1e-6)] == wrong


def test_objective_of_question_1_ignores_its_argument_and_the_fixed_one_does_not() -> None:
    theta = question1.theta
    elsewhere = somewhere(theta)
    assert theta.shape == (16_474,)
    assert question1.J(elsewhere)[0] == question1.J(theta)[0]
    np.testing.assert_array_equal(question1.J(elsewhere)[1], question1.J(theta)[1])
    assert question1.J_fixed(theta)[0] == question1.J(theta)[0]
    assert question1.J_fixed(elsewhere)[0] != question1.J(theta)[0]


def test_small_objective_of_question_1_ignores_its_argument() -> None:
    fun, theta, args = question1.make_problem(5, 3, 7)
    assert args == ()
    assert fun(somewhere(theta))[0] == fun(theta)[0]


def test_gradient_at_full_size_is_right_along_random_directions() -> None:
    rng = np.random.default_rng(3)
    theta, data = autoencoder.theta, autoencoder.data
    assert theta.shape == (16_474,)
    assert data.shape == (784, 500)
    args = (autoencoder.visible_size, autoencoder.hidden_size, autoencoder.lambda_, data)
    gradient = autoencoder.cost_and_grad(theta, *args)[1]
    for _ in range(3):
        direction = rng.standard_normal(theta.size)
        # The complex step is exact to rounding: no difference of costs is taken.
        shifted: NDArray[Any] = theta + 1e-30j * direction
        slope = np.imag(autoencoder.cost_and_grad(shifted, *args)[0]) / 1e-30
        assert gradient @ direction == pytest.approx(slope, rel=1e-11)


def test_initial_weights_stay_within_the_bound_and_biases_are_zero() -> None:
    theta = autoencoder.initialize(784, 10)
    bound = np.sqrt(6 / 795)
    assert 0.99 * bound < np.max(np.abs(theta[:15_680])) <= bound
    assert not np.any(theta[15_680:])
    np.testing.assert_array_equal(theta, autoencoder.initialize(784, 10))


def test_sigmoid_is_right_and_quiet_at_any_argument() -> None:
    z = np.array([-1e4, -800.0, -3.0, 0.0, 3.0, 800.0, 1e4])
    expected = [0.0, 0.0, 1 / (1 + np.exp(3.0)), 0.5, 1 / (1 + np.exp(-3.0)), 1.0, 1.0]
    np.testing.assert_allclose(autoencoder.sigmoid(z), expected, atol=1e-15)
    np.testing.assert_allclose(three_matrix.g(z), expected, atol=1e-15)


def test_models_leave_their_arguments_alone() -> None:
    for slip in SLIPS.values():
        fun, theta, args = slip.factory()
        theta.flags.writeable = False
        args[-1].flags.writeable = False
        fun(theta, *args)


def test_importing_the_autoencoder_reads_no_data() -> None:
    program = (
        "import sys\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, args: opened.append(str(args[0])) "
        "if event == 'open' else None)\n"
        "import reference_models.autoencoder as a\n"
        "assert not any(name.endswith('.npz') for name in opened), opened\n"
        "assert a.data.shape == (784, 500)\n"
        "assert any(name.endswith('.npz') for name in opened)\n"
        "assert 'scipy' not in sys.modules\n"
    )
    root = Path(autoencoder.__file__).parents[1]
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, cwd=root)


def test_misspelt_attribute_of_the_autoencoder_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'dta'"):
        getattr(autoencoder, "dta")  # noqa: B009
