"""A watched run is the same to the last bit; what is kept of it is what happened."""

import functools
import math
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
from scipy.optimize import LinearConstraint, NonlinearConstraint, rosen, rosen_der, rosen_hess

from gradaudit.optimizers.call import METHODS, SOLVERS, outcome, read_call
from gradaudit.optimizers.recorder import Recorder, RunCut

START = [-1.2, 1.0, 0.7]


def both(x, *_args):
    return rosen(x), rosen_der(x)


def scaled(x, factor, offset):
    return factor * rosen(x) + offset


def scaled_gradient(x, factor, _offset):
    return factor * rosen_der(x)


def hessian_product(x, p):
    return scipy.optimize.rosen_hess_prod(x, p)


def residuals(x, offset=0.0):
    return np.array([10 * (x[1] - x[0] ** 2), 1 - x[0] + offset])


def jacobian(x, _offset=0.0):
    return np.array([[-20 * x[0], 10.0], [-1.0, 0.0]])


def column_jacobian(x):
    return jacobian(x).T


def with_jacobian(x):
    return residuals(x), jacobian(x)


def model(t, a, b):
    return a * np.exp(-b * t)


def model_jacobian(t, a, b):
    return np.column_stack([np.exp(-b * t), -a * t * np.exp(-b * t)])


def stiff(_t, y):
    return np.array([-50 * y[0] + y[1] ** 2, -y[1]])


def stiff_jacobian(_t, y):
    return np.array([[-50.0, 2 * y[1]], [0.0, -1.0]])


class Cost:
    """A callable object, with attributes of its own."""

    def __init__(self):
        self.count = 0

    def __call__(self, x):
        self.count += 1
        return rosen(x)

    def method(self, x):
        return rosen(x)


def disk(x):
    return 4 - x[0] ** 2 - x[1] ** 2


def disk_gradient(x):
    return np.array([-2 * x[0], -2 * x[1], 0.0])


XS = np.linspace(0, 2, 9)
YS = model(XS, 2.0, 1.3) + 0.01 * np.sin(7 * XS)
DICT = {"type": "ineq", "fun": disk, "jac": disk_gradient}
SHIFTED = {"type": "eq", "fun": lambda x, s: x[2] - s, "args": (0.5,)}
GRADIENT: Any = disk_gradient  # annotated as a string only
NONLINEAR = NonlinearConstraint(
    disk, 0.0, np.inf, jac=GRADIENT, hess=lambda _x, v: v[0] * np.diag([-2.0, -2.0, 0.0])
)
LINEAR = LinearConstraint([[1.0, 1.0, 1.0]], -3.0, 3.0)
Q: dict[str, Any] = {"disp": 0}

CALLS: dict[str, tuple[str, tuple, dict]] = {
    **{
        f"minimize-{method}": (
            "minimize",
            (rosen, START),
            {
                "method": method,
                **({} if method in METHODS[:2] + METHODS[7:9] else {"jac": rosen_der}),
                **(
                    {"hess": rosen_hess}
                    if method in ("Newton-CG", "trust-constr", *METHODS[-4:])
                    else {}
                ),
            },
        )
        for method in METHODS
        if method != "COBYQA"
    },
    "pair": ("minimize", (both, START), {"jac": True}),
    "pair-bounds": ("minimize", (both, START), {"jac": True, "bounds": [(-2, 0.5)] * 3}),
    "args": ("minimize", (scaled, START, (3.0, 1.0)), {"jac": scaled_gradient}),
    "positional": ("minimize", (scaled, START, (3.0, 1.0), "CG", scaled_gradient), {}),
    "lone-arg": ("minimize", (both, START), {"args": 3.0, "jac": True, "method": "l-bfgs-b"}),
    "differences": ("minimize", (rosen, START), {"jac": "3-point", "method": "BFGS"}),
    "complex": ("minimize", (rosen, START), {"jac": "cs", "method": "BFGS"}),
    "hessp": ("minimize", (rosen, START), {"jac": rosen_der, "hessp": hessian_product,
                                           "method": "trust-ncg"}),
    "float32": (
        "minimize",
        (lambda x: np.float32(rosen(x)), START),
        {"jac": lambda x: rosen_der(x).astype(np.float32), "method": "CG",
         "options": {"maxiter": 20}},
    ),
    "integers": ("minimize", (both, [3, 2, 1]), {"jac": True}),
    "object": ("minimize", (Cost(), START), {"jac": rosen_der}),
    "bound-method": ("minimize", (Cost().method, START), {"jac": rosen_der}),
    "partial": ("minimize", (functools.partial(scaled, factor=2.0, offset=0.0), START),
                {"jac": functools.partial(scaled_gradient, factor=2.0, _offset=0.0)}),
    "slsqp": ("minimize", (both, START), {"jac": True, "constraints": [DICT, SHIFTED, LINEAR]}),
    "one-dict": ("minimize", (both, START), {"jac": True, "constraints": DICT}),
    "trust-constr": (
        "minimize",
        (rosen, START),
        {"jac": rosen_der, "hess": rosen_hess, "method": "trust-constr",
         "constraints": (NONLINEAR, LINEAR)},
    ),
    "one-nonlinear": ("minimize", (rosen, START), {"constraints": NONLINEAR}),
    "cobyla": ("minimize", (rosen, START), {"constraints": DICT, "method": "cobyla",
                                            "options": {"maxiter": 50}}),
    "callback": ("minimize", (rosen, START), {"jac": rosen_der, "callback": lambda _x: None}),
    "fmin": ("fmin", (rosen, START), Q),
    "fmin-full": ("fmin", (rosen, START), {**Q, "full_output": True}),
    "fmin_powell": ("fmin_powell", (rosen, START), Q),
    "fmin_bfgs": ("fmin_bfgs", (rosen, START, rosen_der), Q),
    "fmin_bfgs-full": ("fmin_bfgs", (rosen, START), {**Q, "full_output": 1, "retall": 1}),
    "fmin_bfgs-all": ("fmin_bfgs", (rosen, START, rosen_der), {**Q, "retall": 1}),
    "fmin_cg": ("fmin_cg", (rosen, START), {**Q, "fprime": rosen_der}),
    "fmin_ncg": ("fmin_ncg", (rosen, START, rosen_der), {**Q, "fhess": rosen_hess}),
    "fmin_ncg-product": ("fmin_ncg", (rosen, START, rosen_der, hessian_product), Q),
    "fmin_l_bfgs_b": ("fmin_l_bfgs_b", (both, START), {}),
    "fmin_l_bfgs_b-fprime": ("fmin_l_bfgs_b", (scaled, START, scaled_gradient, (2.0, 1.0)), {}),
    "fmin_l_bfgs_b-grad": ("fmin_l_bfgs_b", (rosen, START), {"approx_grad": True}),
    "fmin_tnc": ("fmin_tnc", (both, START), Q),
    "fmin_slsqp": ("fmin_slsqp", (rosen, START), {"fprime": rosen_der, "f_ieqcons": disk,
                                                  "fprime_ieqcons": disk_gradient, "iprint": 0}),
    "fmin_slsqp-list": ("fmin_slsqp", (rosen, START), {"eqcons": [lambda x: x[2] - 0.5],
                                                       "ieqcons": [disk], "iprint": 0}),
    "least_squares": ("least_squares", (residuals, START[:2], jacobian), {}),
    "least_squares-kwargs": ("least_squares", (residuals, START[:2]),
                             {"method": "lm", "kwargs": {"offset": 0.1}}),
    "leastsq": ("leastsq", (residuals, START[:2]), {"Dfun": column_jacobian, "col_deriv": 1}),
    "leastsq-full": ("leastsq", (residuals, START[:2], (0.1,), jacobian), {"full_output": True}),
    "curve_fit": ("curve_fit", (model, XS, YS), {"jac": model_jacobian}),
    "curve_fit-bounds": ("curve_fit", (model, XS, YS, [1.0, 1.0]), {"bounds": (0, 5),
                                                                    "full_output": True}),
    "root": ("root", (with_jacobian, START[:2]), {"jac": True}),
    "root-lm": ("root", (residuals, START[:2]), {"jac": jacobian, "method": "lm"}),
    "root-krylov": ("root", (residuals, START[:2]), {"method": "krylov"}),
    "fsolve": ("fsolve", (residuals, START[:2]), {"fprime": jacobian}),
    "fsolve-full": ("fsolve", (residuals, START[:2]), {"full_output": True}),
    "solve_ivp": ("solve_ivp", (stiff, (0, 1), [1.0, 1.0]), {"method": "Radau",
                                                            "jac": stiff_jacobian}),
    "solve_ivp-matrix": ("solve_ivp", (stiff, (0, 1), [1.0, 1.0]),
                         {"method": "BDF", "jac": np.array([[-50.0, 2.0], [0.0, -1.0]])}),
    "solve_ivp-RK45": ("solve_ivp", (stiff, (0, 1), [1.0, 1.0]), {}),
}  # fmt: skip


def function_of(solver):
    return getattr(scipy.integrate if solver == "solve_ivp" else scipy.optimize, solver)


def same(a, b):
    """Compare whatever a solver returns to the last bit."""
    if isinstance(a, dict):
        return set(a) == set(b) and all(same(a[k], b[k]) for k in a if "time" not in str(k))
    if isinstance(a, list | tuple):
        return (
            type(a) is type(b)
            and len(a) == len(b)
            and all(same(*pair) for pair in zip(a, b, strict=True))
        )
    if isinstance(a, np.ndarray | np.generic | float | int):
        a, b = np.asarray(a), np.asarray(b)
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return type(a) is type(b)


def trial(name):
    solver, positional, keywords = CALLS[name]
    call = read_call(function_of(solver), positional, keywords, solver)
    assert call is not None
    return call, Recorder(call), function_of(solver), positional, keywords


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.filterwarnings("ignore")
def test_run_is_the_same_to_the_last_bit_with_and_without_recording(name):
    call, recorder, function, positional, keywords = trial(name)
    recorded = recorder.run()
    assert same(recorded, function(*positional, **keywords))
    result = outcome(call, recorder.recording.returned)
    assert result.x is not None
    assert result.x.size == 3 - (call.kind != "minimize")
    assert recorder.recording.evaluations > 2
    assert recorder.recording.exception is None


@pytest.mark.parametrize("name", ["minimize-L-BFGS-B", "minimize-trust-exact", "slsqp", "pair"])
def test_every_call_of_the_user_s_functions_is_counted(name):
    call, recorder, *_ = trial(name)
    result = recorder.run()
    calls = recorder.recording.calls
    assert recorder.recording.evaluations == result.nfev
    assert "jac" not in calls or calls["jac"] == result.njev
    assert call.hess is None or calls["hess"] == result.nhev


def test_every_solver_is_tried():
    assert {solver for solver, _, _ in CALLS.values()} == set(SOLVERS)


def test_warnings_of_the_run_are_the_same():
    heard = []
    _, recorder, function, positional, keywords = trial("trust-constr")
    for run in (recorder.run, lambda: function(*positional, **keywords)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            run()
        heard.append([str(w.message) for w in caught])
    assert heard[0] == heard[1]


def test_points_are_copies_from_before_the_call():
    def meddler(x):
        value = rosen(x)
        x[:] = 77.0
        return value

    call = read_call(scipy.optimize.minimize, (meddler, START), {"jac": rosen_der}, "minimize")
    assert call is not None
    recorder = Recorder(call)
    recorder.run(options={"maxiter": 2})
    first = recorder.recording.first
    assert first is not None
    assert first.x.tolist() == START
    assert first.value == rosen(START)


def test_gradient_asked_for_on_its_own_belongs_to_its_point():
    _, recorder, *_ = trial("minimize-BFGS")
    recorder.run()
    last = recorder.recording.last
    assert len(last) == recorder.recording.calls["fun"]
    for point in last:
        if point.gradient is not None:
            assert np.array_equal(point.gradient, rosen_der(point.x))
    assert sum(p.gradient is not None for p in last) == recorder.recording.calls["jac"]


def test_best_point_and_steps_are_those_of_the_run():
    _, recorder, *_ = trial("pair")
    result = recorder.run()
    recording = recorder.recording
    assert recording.best is not None
    assert recording.best.value == min(e.value for e in recording.events)
    assert recording.worst is not None
    assert recording.worst.value == max(e.value for e in recording.events)
    assert recording.best.value == result.fun
    assert math.isnan(recording.events[0].step)
    assert recording.events[1].step > 0
    norm = np.linalg.norm(rosen_der(np.array(START)))
    assert recording.events[0].gradient_norm == pytest.approx(norm)


def test_non_finite_evaluations_are_kept_with_their_points():
    def wall(x):
        return math.log(x[0]) + 1 / x[0], np.array([1 / x[0] - 1 / x[0] ** 2])

    def cost(x):
        return (math.nan, np.array([math.nan])) if x[0] <= 0 else wall(x)

    call = read_call(scipy.optimize.minimize, (cost, [9.0]), {"jac": True}, "minimize")
    assert call is not None
    recorder = Recorder(call)
    recorder.run(x0=[0.01])
    kept = recorder.recording.non_finite
    assert all(point.x[0] <= 0 for point in kept)
    assert len(kept) == min(3, sum(not e.finite for e in recorder.recording.events))


def test_exception_of_the_user_s_function_passes_through_and_is_kept():
    fault = RuntimeError("no such luck")

    def cost(x):
        if x[0] != START[0]:
            raise fault
        return rosen(x)

    call = read_call(scipy.optimize.minimize, (cost, START), {"jac": rosen_der}, "minimize")
    assert call is not None
    recorder = Recorder(call)
    with pytest.raises(RuntimeError) as caught:
        recorder.run()
    assert caught.value is fault
    assert recorder.recording.exception is fault
    assert recorder.recording.events[-1].raised == "RuntimeError: no such luck"
    assert not recorder.recording.events[-1].finite


@pytest.mark.parametrize("nonsense", [None, "text", {}, [], object()])
def test_whatever_is_returned_the_recorder_does_not_raise(nonsense):
    call = read_call(scipy.optimize.minimize, (lambda _x: nonsense, START), {}, "minimize")
    assert call is not None
    with pytest.raises(Exception) as plain:  # noqa: PT011
        scipy.optimize.minimize(lambda _x: nonsense, START)
    with pytest.raises(plain.type) as recorded:
        Recorder(call).run()
    assert str(recorded.value) == str(plain.value)


def test_run_can_be_cut_after_a_number_of_evaluations():
    call, *_ = trial("pair")
    recorder = Recorder(call, most=7)
    assert recorder.run() is None
    assert recorder.recording.cut
    assert isinstance(recorder.recording.exception, RunCut)
    assert len(recorder.recording.events) == 7


def test_long_runs_keep_their_beginning_and_their_end():
    call = read_call(
        scipy.optimize.minimize,
        (lambda x: float(x @ x), [1.0]),
        {"method": "Powell"},
        "minimize",
    )
    assert call is not None
    recorder = Recorder(call, keep=5)
    tape = recorder._recorded(call.fun, "fun")
    for i in range(12_000):
        tape(np.array([float(i)]))
    recorder._tape.finish(recorder.recording)
    recording = recorder.recording
    assert recording.dropped == 1_000
    assert [e.number for e in recording.events[:2]] == [1, 2]
    assert recording.events[1_000].number == 2_001
    assert recording.events[-1].number == 12_000
    assert [p.x[0] for p in recording.last] == [11_995.0, 11_996.0, 11_997.0, 11_998.0, 11_999.0]


def test_recorded_function_looks_like_the_user_s():
    cost = Cost()
    call = read_call(scipy.optimize.minimize, (cost, START), {}, "minimize")
    assert call is not None
    recorded = Recorder(call)._recorded(cost, "fun")
    recorded(np.array(START))
    assert recorded.count == 1
    named = Recorder(call)._recorded(scaled, "fun")
    assert named.__name__ == "scaled"
    assert pickle.loads(pickle.dumps(named)) is scaled


def test_replacements_are_recorded_in_place_of_the_user_s():
    call, *_ = trial("pair")
    recorder = Recorder(call)
    result = recorder.run(fun=lambda _x: (7.0, np.zeros(3)), x0=[1.0, 2.0, 3.0])
    assert result.fun == 7.0
    assert recorder.recording.calls == {"both": 1}
    separate = Recorder(call)
    separate.run(fun=rosen, jac=rosen_der, options={"maxiter": 1})
    assert set(separate.recording.calls) == {"fun", "jac"}
    differences = Recorder(call)
    differences.run(jac=False, options={"maxiter": 1})
    assert differences.recording.calls["both"] > 3
