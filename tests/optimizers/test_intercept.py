"""Every call of a solver is handed over, however the name was imported; then all is as it was."""

import inspect
import pickle
import sys
import threading
import types
import warnings

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
from scipy.optimize import minimize, rosen, rosen_der
from scipy.optimize import minimize as another_name

from gradaudit.optimizers.call import SOLVERS
from gradaudit.optimizers.intercept import find_callers, intercepting, locate_frame
from gradaudit.source.locations import source_line

START = [-1.2, 1.0]


def both(x):
    return rosen(x), rosen_der(x)


@pytest.fixture
def seen():
    return []


@pytest.fixture
def handler(seen):
    def handle(intercepted):
        seen.append(intercepted)
        return intercepted.proceed()

    return handle


def names(seen):
    return [intercepted.solver for intercepted in seen]


def test_names_imported_in_every_way_are_watched(handler, seen):
    with intercepting(handler):
        minimize(both, START, jac=True)
        another_name(both, START, jac=True)
        scipy.optimize.minimize(both, START, jac=True)
        from scipy.optimize import minimize as late

        late(both, START, jac=True)
    assert names(seen) == ["minimize"] * 4


def test_what_is_returned_is_what_scipy_returns(handler):
    plain = minimize(both, START, jac=True)
    with intercepting(handler):
        watched = minimize(both, START, jac=True)
    assert watched.x.tobytes() == plain.x.tobytes()
    assert watched.nfev == plain.nfev


def snapshot():
    return {
        (name, key): id(value)
        for name, module in list(sys.modules.items())
        if isinstance(module, types.ModuleType) and name.startswith(("scipy", "sklearn", "tests"))
        for key, value in list(vars(module).items())
        if callable(value)
    }


def test_everything_is_put_back_exactly(handler):
    before = snapshot()
    with intercepting(handler):
        assert scipy.optimize.minimize is not SOLVERS["minimize"].function
    assert snapshot() == before
    assert minimize is another_name is SOLVERS["minimize"].function


def test_everything_is_put_back_after_an_exception(handler):
    def leave():
        with intercepting(handler):
            raise KeyError

    with pytest.raises(KeyError):
        leave()
    assert scipy.optimize.minimize is SOLVERS["minimize"].function


def test_names_imported_meanwhile_are_put_back_too(handler):
    module = types.ModuleType("imported_meanwhile")
    sys.modules[module.__name__] = module
    try:
        with intercepting(handler):
            exec("from scipy.optimize import minimize, fmin_bfgs as bfgs", vars(module))
            assert vars(module)["minimize"] is not SOLVERS["minimize"].function
        assert vars(module)["minimize"] is SOLVERS["minimize"].function
        assert vars(module)["bfgs"] is SOLVERS["fmin_bfgs"].function
    finally:
        del sys.modules[module.__name__]


def test_replacement_that_somebody_kept_does_nothing_afterwards(handler, seen):
    with intercepting(handler):
        kept = [scipy.optimize.minimize]
    kept[0](both, START, jac=True)
    assert seen == []


def test_solvers_inside_solvers_are_part_of_them(handler, seen):
    with intercepting(handler):
        scipy.optimize.curve_fit(lambda t, a: a * t, [1.0, 2.0], [2.0, 4.1])
        scipy.optimize.root(rosen_der, START, method="lm")
    assert names(seen) == ["curve_fit", "root"]


def test_optimizers_inside_other_optimizers_have_calls_of_their_own(handler, seen):
    with intercepting(handler):
        scipy.optimize.basinhopping(
            lambda x: x @ x, START, niter=1, minimizer_kwargs={"jac": lambda x: 2 * x}
        )
    assert names(seen) == ["minimize", "minimize"]
    user, library = (locate_frame(frame) for frame in find_callers(seen[0].caller))
    assert library is not None
    assert library.path.endswith("_basinhopping.py")
    assert user is not None


def test_optimizers_inside_the_user_s_function_have_calls_of_their_own(handler, seen):
    def outer(x):
        return minimize(lambda y: (y @ y, 2 * y), x, jac=True).fun + x @ x

    with intercepting(handler):
        minimize(outer, [1.0])
    assert len(seen) > 2


def test_functions_look_and_pickle_as_before(handler):
    with intercepting(handler):
        watched = scipy.optimize.minimize
        assert inspect.signature(watched) == inspect.signature(SOLVERS["minimize"].function)
        assert watched.__name__ == "minimize"
        assert watched.__doc__ == SOLVERS["minimize"].function.__doc__
        dumped = pickle.dumps(watched)
    assert pickle.loads(dumped) is scipy.optimize.minimize


def test_code_that_patches_scipy_itself_survives(handler, seen, monkeypatch):
    def mine(*positional, **keywords):
        return SOLVERS["minimize"].function(*positional, **keywords)

    with intercepting(handler):
        monkeypatch.setattr(scipy.optimize, "minimize", mine)
    assert scipy.optimize.minimize is mine
    monkeypatch.undo()
    # what monkeypatch puts back is ours, and passes everything on
    assert scipy.optimize.minimize(both, START, jac=True).success
    scipy.optimize.minimize = SOLVERS["minimize"].function
    assert seen == []


def test_code_that_has_patched_scipy_before_is_watched(handler, seen, monkeypatch):
    def mine(*positional, **keywords):
        return SOLVERS["minimize"].function(*positional, **keywords)

    monkeypatch.setattr(scipy.optimize, "minimize", mine)
    with intercepting(handler):
        assert scipy.optimize.minimize(both, START, jac=True).success
    assert names(seen) == ["minimize"]
    assert scipy.optimize.minimize is mine


def test_threads_are_watched(handler, seen):
    def work():
        minimize(both, START, jac=True)

    with intercepting(handler):
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert names(seen) == ["minimize"] * 4


def test_watching_twice_hands_over_twice(handler, seen):
    inner = []

    def handle(intercepted):
        inner.append(intercepted)
        return intercepted.proceed()

    with intercepting(handler), intercepting(handle):
        minimize(both, START, jac=True)
    assert len(inner) == 1
    assert len(seen) == 1
    assert minimize is SOLVERS["minimize"].function


def test_caller_is_the_user_s_line():
    places = []

    def handle(intercepted):
        places.extend(locate_frame(frame) for frame in find_callers(intercepted.caller))
        return intercepted.proceed()

    with intercepting(handle):
        minimize(both, START, jac=True)  # this line
    place, library = places
    assert library is None
    assert place is not None
    assert place.path == __file__
    assert place.source.endswith("# this line")


def test_warnings_name_the_user_s_line(handler):
    with intercepting(handler), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        minimize(both, START, jac=True, method="CG", bounds=[(-2, 2)] * 2)  # the warned line
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert source_line(__file__, caught[0].lineno).endswith("# the warned line")


def test_solve_ivp_is_watched_where_it_lives(handler, seen):
    with intercepting(handler):
        scipy.integrate.solve_ivp(lambda _t, y: -y, (0, 1), np.ones(1))
    assert names(seen) == ["solve_ivp"]


def test_lazy_modules_stay_asleep(handler):
    class Lazy(types.ModuleType):
        def __getattribute__(self, name):
            raise AssertionError(f"woken by {name}")

    sys.modules["lazy_module"] = Lazy("lazy_module")
    try:
        with intercepting(handler):
            result = minimize(both, START, jac=True)
        assert result.success
    finally:
        del sys.modules["lazy_module"]
