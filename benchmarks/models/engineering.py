"""Kinks, barriers, solvers inside, awkward units: costs of engineers and image people."""

from __future__ import annotations

import numpy as np
from scipy.integrate import odeint
from scipy.linalg import solve_banded

from benchmarks.models.case import Case

# ---------------------------------------------------------------- kinks


def lasso(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    A, lam = rng.standard_normal((40, 12)), 0.7
    b = A[:, :3].sum(1) + 0.1 * rng.standard_normal(40)

    def f(x):
        return 0.5 * np.linalg.norm(A @ x - b) ** 2 + lam * np.linalg.norm(x, 1)

    def g(x):
        return A.T @ (A @ x - b) + lam * np.sign(x)

    x0 = rng.standard_normal(12)
    return Case(name="lasso", fun=f, jac=g, x0=x0, shapes={"x": (12,)}, tags=frozenset({"kink"}))


def lasso_at_zero(seed: int = 0) -> Case:
    return lasso(seed).replace(name="lasso from zero", x0=np.zeros(12))


def huber_cost(w, X, y, delta):
    r = y - X @ w
    small = np.abs(r) <= delta
    cost = np.where(small, 0.5 * r**2, delta * (np.abs(r) - 0.5 * delta)).sum()
    return cost, -X.T @ np.where(small, r, delta * np.sign(r))


def huber(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((60, 8))
    y = X @ rng.standard_normal(8) + rng.standard_t(2, 60)
    return Case(
        name="Huber regression",
        fun=huber_cost,
        x0=rng.standard_normal(8),
        args=(X, y, 1.3),
        shapes={"w": (8,)},
    )


def svm_loss(theta, X, y, C=1.0):
    w, b = theta[:-1], theta[-1]
    margin = 1 - y * (X @ w + b)
    hot = margin > 0
    loss = 0.5 * w @ w + C * margin[hot].sum()
    return loss, np.append(w - C * (y * hot) @ X, -C * y[hot].sum())


def svm(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((50, 10))
    return Case(
        name="SVM hinge",
        fun=svm_loss,
        x0=0.2 * rng.standard_normal(11),
        args=(X, np.where(X[:, 0] + 0.3 * rng.standard_normal(50) > 0, 1, -1)),
        shapes={"w": (10,), "b": (1,)},
        penalty=1.0,
        penalized=("w",),
        tags=frozenset({"kink"}),
    )


def svm_from_zero(seed: int = 0) -> Case:
    return svm(seed).replace(name="SVM hinge from zero", x0=np.zeros(11))


def tv_cost(u, noisy, weight, eps):
    img = u.reshape(noisy.shape)
    dx = np.diff(img, axis=0, append=img[-1:])
    dy = np.diff(img, axis=1, append=img[:, -1:])
    mag = np.sqrt(dx**2 + dy**2 + eps**2)
    px, py = dx / mag, dy / mag
    div = px + py
    div[1:] -= px[:-1]
    div[:, 1:] -= py[:, :-1]
    cost = 0.5 * np.sum((img - noisy) ** 2) + weight * mag.sum()
    return cost, ((img - noisy) - weight * div).ravel()


def _image(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    img = np.zeros((24, 20))
    img[6:18, 5:15] = 1.0
    return img + 0.1 * rng.standard_normal(img.shape)


def total_variation(seed: int = 0) -> Case:
    noisy = _image(seed)
    return Case(
        name="TV denoising, smoothed",
        fun=tv_cost,
        x0=noisy.ravel(),
        args=(noisy, 0.15, 1e-2),
        shapes={"u": noisy.shape},
    )


def total_variation_flat(seed: int = 0) -> Case:
    return total_variation(seed).replace(
        name="TV denoising from a flat image, eps 1e-6",
        x0=np.full(480, 0.5),
        args=(_image(seed), 0.15, 1e-6),
        tags=frozenset({"kink"}),
    )


# ---------------------------------------------------------------- solvers inside


def _predator(z, _t, a, b, c, d):
    x, y = z[:2]
    S = z[2:].reshape(2, 4)
    J = np.array([[a - b * y, -b * x], [d * y, d * x - c]])
    F = np.array([[x, -x * y, 0, 0], [0, 0, -y, x * y]])
    return np.concatenate([[a * x - b * x * y, d * x * y - c * y], (J @ S + F).ravel()])


def ode_fit(seed: int = 0) -> Case:
    """Fit Lotka and Volterra with odeint at its default tolerance (about 1.5e-8)."""
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 6, 25)
    true = (1.0, 0.5, 0.9, 0.4)
    start = np.concatenate([[2.0, 1.0], np.zeros(8)])
    data = odeint(_predator, start, t, args=true)[:, :2] + 0.1 * rng.standard_normal((25, 2))

    def objective(p):
        z = odeint(_predator, start, t, args=tuple(p))
        r = z[:, :2] - data
        return 0.5 * np.sum(r**2), np.einsum("ti,tij->j", r, z[:, 2:].reshape(-1, 2, 4))

    return Case(
        name="ODE fit with sensitivities (odeint)",
        fun=objective,
        x0=np.array([0.9, 0.55, 1.0, 0.35]),
        bounds=[(0.0, 5.0)] * 4,
        shapes={"p": (4,)},
        tags=frozenset({"noisy", "slow"}),
    )


def _diode(v, drive, tol):
    """Solve i + exp(i) = v + drive by Newton's method."""
    i = np.zeros_like(v)
    for _ in range(50):
        step = (i + np.exp(i) - v - drive) / (1 + np.exp(i))
        i = i - step
        if np.max(np.abs(step)) < tol:
            break
    return i


def inner_newton(seed: int = 0, *, tol: float = 1e-10) -> Case:
    rng = np.random.default_rng(seed)
    A, target = rng.standard_normal((30, 6)), rng.uniform(-1, 1, 30)

    def cost(x):
        return 0.5 * np.sum((_diode(A @ x, 1.0, tol) - target) ** 2)

    def grad(x):
        i = _diode(A @ x, 1.0, tol)
        return A.T @ ((i - target) / (1 + np.exp(i)))

    return Case(
        name=f"inner Newton solver, tolerance {tol:g}",
        fun=cost,
        jac=grad,
        x0=rng.standard_normal(6),
        shapes={"x": (6,)},
    )


def inner_newton_loose(seed: int = 0) -> Case:
    return inner_newton(seed, tol=1e-3).replace(tags=frozenset({"noisy"}))


def heat_control(seed: int = 0) -> Case:
    """Steer a heated rod by an adjoint; the control is an array of steps by ends."""
    rng = np.random.default_rng(seed)
    n, steps, dt, reg = 20, 15, 0.02, 1e-3
    band = np.zeros((3, n))
    r = dt * (n + 1) ** 2 * 0.01
    band[0, 1:], band[1], band[2, :-1] = -r, 1 + 2 * r, -r
    want = np.sin(np.linspace(0, np.pi, n)) + 0.05 * rng.standard_normal(n)

    def J(u):
        u = u.reshape(steps, 2)
        y = np.zeros(n)
        for k in range(steps):
            rhs = y.copy()
            rhs[0] += u[k, 0]
            rhs[-1] += u[k, 1]
            y = solve_banded((1, 1), band, rhs)
        p = y - want
        value = 0.5 * p @ p + 0.5 * reg * np.sum(u**2)
        g = reg * u
        for k in range(steps - 1, -1, -1):
            p = solve_banded((1, 1), band, p)
            g[k] += p[[0, -1]]
        return value, g.ravel()

    return Case(
        name="heat control by adjoint, from zero",
        fun=J,
        x0=np.zeros(2 * steps),
        shapes={"u": (steps, 2)},
        penalty=reg,
        penalized=("u",),
    )


# ---------------------------------------------------------------- barriers and units


def barrier(x, c, mu, lb, ub):
    if np.any(x <= lb) or np.any(x >= ub):
        return np.inf, np.full_like(x, np.nan)
    val = c @ x + x @ x - mu * np.sum(np.log(x - lb) + np.log(ub - x))
    return val, c + 2 * x - mu * (1 / (x - lb) - 1 / (ub - x))


def log_barrier(seed: int = 0, *, given: bool = True) -> Case:
    rng = np.random.default_rng(seed)
    n = 8
    lb, ub = np.zeros(n), rng.uniform(1, 3, n)
    x0 = lb + rng.uniform(0.05, 0.95, n) * (ub - lb)
    x0[0], x0[1] = 1e-7, ub[1] - 1e-6
    return Case(
        name=f"log barrier, bounds {'given' if given else 'not given'}",
        fun=barrier,
        x0=x0,
        args=(rng.standard_normal(n), 0.1, lb, ub),
        bounds=list(zip(lb, ub, strict=True)) if given else None,
        shapes={"x": (n,)},
    )


def log_barrier_unbounded(seed: int = 0) -> Case:
    return log_barrier(seed, given=False)


def kinetics(seed: int = 0) -> Case:
    """Rate constants of 1e9 beside capacities of 1e-9, fitted in their own units."""
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 5e-9, 30)
    signal = 2.5e-9 * np.exp(-1.2e9 * t) + 40.0 + 3e4 * (t / 5e-9) * 1e-3
    signal = signal + 0.5e-9 * rng.standard_normal(30)

    def chi2(p):
        C, k, base, slope = p
        decay = np.exp(-k * t)
        r = (C * decay * 1e9 + base / 40.0 + slope * t * 1e4) - signal / 40.0
        dC = np.sum(2 * r * decay * 1e9)
        dk = np.sum(2 * r * -t * C * decay * 1e9)
        return np.sum(r**2), np.array([dC, dk, np.sum(2 * r / 40.0), np.sum(2 * r * t * 1e4)])

    return Case(
        name="mixed units, 1e-9 to 1e9",
        fun=chi2,
        x0=np.array([2e-9, 1e9, 39.0, 2.5e4]),
        shapes={"C": (1,), "k": (1,), "base": (1,), "slope": (1,)},
    )


def lennard_jones(seed: int = 0) -> Case:
    def energy(x):
        pos = x.reshape(-1, 3)
        E, F = 0.0, np.zeros_like(pos)
        for i in range(len(pos)):
            for j in range(i):
                d = pos[i] - pos[j]
                r2 = d @ d
                s6 = 1 / r2**3
                E += 4 * (s6 * s6 - s6)
                f = -4 * (12 * s6 * s6 - 6 * s6) / r2 * d
                F[i] += f
                F[j] -= f
        return E, F.ravel()

    rng = np.random.default_rng(seed)
    grid = np.array([[i, j, k] for i in range(2) for j in range(2) for k in range(2)], float)
    x0 = (1.12 * grid + 0.05 * rng.standard_normal(grid.shape)).ravel()
    return Case(name="Lennard-Jones cluster", fun=energy, x0=x0, shapes={"x": (8, 3)})


def truss(seed: int = 0) -> Case:
    """Compliance of a chain of springs, thicknesses between bounds."""
    n = 15

    def compliance(x):
        k = 1e-3 + x**3
        K = np.diag(k + np.append(k[1:], 0)) - np.diag(k[1:], 1) - np.diag(k[1:], -1)
        f = np.zeros(n)
        f[-1] = 1.0
        u = np.linalg.solve(K, f)
        stretch = np.diff(u, prepend=0.0)
        return f @ u, -3 * x**2 * stretch**2

    rng = np.random.default_rng(seed)
    return Case(
        name="compliance of springs",
        fun=compliance,
        x0=rng.uniform(0.3, 1, n),
        bounds=[(0, 1)] * n,
        shapes={"x": (n,)},
    )


def one_number(seed: int = 0) -> Case:
    del seed

    def f(x):
        return (x - 2.0) ** 2 * np.exp(-x)

    def df(x):
        return (2 * (x - 2.0) - (x - 2.0) ** 2) * np.exp(-x)

    return Case(name="one number", fun=f, jac=df, x0=0.7, shapes={"x": (1,)})


def linear_programme(seed: int = 0) -> Case:
    """Return a linear cost: its gradient does not move, and should not be called frozen."""
    c = np.random.default_rng(seed).standard_normal(9)
    return Case(name="linear cost", fun=lambda x: c @ x, jac=lambda _x: c, x0=np.zeros(9))


def interior(seed: int = 0) -> Case:
    """Start on several bounds at once."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((20, 8))
    b = rng.standard_normal(20)
    x0 = rng.uniform(0, 1, 8)
    x0[:3], x0[3] = 0.0, 1.0
    return Case(
        name="least squares on its bounds",
        fun=lambda x: (0.5 * np.sum((A @ x - b) ** 2), A.T @ (A @ x - b)),
        x0=x0,
        bounds=[(0, 1)] * 8,
        shapes={"x": (8,)},
    )


def entropy_on_edge(seed: int = 0) -> Case:
    """Sum of x log x with x bounded by 0, close to the edge where the slope is steep."""
    rng = np.random.default_rng(seed)

    def f(x):
        return np.sum(x * np.log(x)), np.log(x) + 1

    return Case(
        name="entropy close to its edge",
        fun=f,
        x0=10.0 ** rng.uniform(-6, 0, 12),
        bounds=[(1e-12, 1.0)] * 12,
        shapes={"x": (12,)},
    )


ALL = (
    lasso,
    lasso_at_zero,
    huber,
    svm,
    svm_from_zero,
    total_variation,
    total_variation_flat,
    ode_fit,
    inner_newton,
    inner_newton_loose,
    heat_control,
    log_barrier,
    log_barrier_unbounded,
    kinetics,
    lennard_jones,
    truss,
    one_number,
    linear_programme,
    interior,
    entropy_on_edge,
)
