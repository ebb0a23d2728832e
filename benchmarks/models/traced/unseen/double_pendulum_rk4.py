"""Identify a torque-driven double pendulum from angle measurements, RK4 with a stage-by-stage adjoint."""
import math
import numpy as np

STYLE = "C++ simulation engineer: struct-like classes, m_ members, scalar code, explicit tape vector"

GRAV = 9.81


class Params:
    """m1, m2 and l1, l2 enter as logarithms; c are joint dampings; u are torque amplitudes."""

    def __init__(self, x, nHarm):
        self.m1, self.m2 = math.exp(x[4]), math.exp(x[5])
        self.l1, self.l2 = math.exp(x[6]), math.exp(x[7])
        self.c1, self.c2 = x[8], x[9]
        self.u = x[10:10 + nHarm]


class DoublePendulum:
    def __init__(self, params):
        self.m_p = params
        # d/d(m1 m2 l1 l2 c1 c2)
        self.m_grad = np.zeros(6)
        self.m_gradU = np.zeros(len(params.u))

    def torque(self, t):
        tau = 0.0
        for k, amp in enumerate(self.m_p.u):
            tau += amp * math.sin((k + 1) * t)
        return tau

    def rhs(self, t, s):
        p = self.m_p
        th1, th2, w1, w2 = s
        sd, cd = math.sin(th1 - th2), math.cos(th1 - th2)
        mt = p.m1 + p.m2
        cpl = p.m2 * p.l1 * p.l2
        M11, M12, M22 = mt * p.l1 * p.l1, cpl * cd, p.m2 * p.l2 * p.l2
        b1 = -cpl * sd * w2 * w2 - mt * GRAV * p.l1 * math.sin(th1) - p.c1 * w1 + self.torque(t)
        b2 = cpl * sd * w1 * w1 - p.m2 * GRAV * p.l2 * math.sin(th2) - p.c2 * (w2 - w1)
        det = M11 * M22 - M12 * M12
        a1 = (M22 * b1 - M12 * b2) / det
        a2 = (M11 * b2 - M12 * b1) / det
        return np.array([w1, w2, a1, a2])

    def rhsAdjoint(self, t, s, ds, kbar):
        """Accumulates parameter adjoints, returns the state adjoint for one right hand side call."""
        p = self.m_p
        th1, th2, w1, w2 = s
        a1, a2 = ds[2], ds[3]
        s1, s2 = math.sin(th1), math.sin(th2)
        sd, cd = math.sin(th1 - th2), math.cos(th1 - th2)
        mt = p.m1 + p.m2
        cpl = p.m2 * p.l1 * p.l2
        M11, M12, M22 = mt * p.l1 * p.l1, cpl * cd, p.m2 * p.l2 * p.l2
        det = M11 * M22 - M12 * M12

        # M a = b   =>   bBar = M^-T aBar,  MBar = -bBar a^T
        b1Bar = (M22 * kbar[2] - M12 * kbar[3]) / det
        b2Bar = (M11 * kbar[3] - M12 * kbar[2]) / det
        M11Bar = -b1Bar * a1
        M12Bar = -(b1Bar * a2 + b2Bar * a1)
        M22Bar = -b2Bar * a2

        cplBar = M12Bar * cd - b1Bar * sd * w2 * w2 + b2Bar * sd * w1 * w1
        mtBar = M11Bar * p.l1 * p.l1 - b1Bar * GRAV * p.l1 * s1
        dBar = -M12Bar * cpl * sd + cpl * cd * (b2Bar * w1 * w1 - b1Bar * w2 * w2)

        self.m_grad[0] += mtBar
        self.m_grad[1] += mtBar + cplBar * p.l1 * p.l2 + M22Bar * p.l2**2 - b2Bar * GRAV * p.l2 * s2
        self.m_grad[2] += 2 * M11Bar * mt * p.l1 + cplBar * p.m2 * p.l2 - b1Bar * mt * GRAV * s1
        self.m_grad[3] += 2 * M22Bar * p.m2 * p.l2 + cplBar * p.m2 * p.l1 - b2Bar * p.m2 * GRAV * s2
        self.m_grad[4] -= b1Bar * w1
        self.m_grad[5] -= b2Bar * (w2 - w1)
        for k in range(len(self.m_gradU)):
            self.m_gradU[k] += b1Bar * math.sin((k + 1) * t)

        sBar = np.zeros(4)
        sBar[0] = dBar - b1Bar * mt * GRAV * p.l1 * math.cos(th1)
        sBar[1] = -dBar - b2Bar * p.m2 * GRAV * p.l2 * math.cos(th2)
        sBar[2] = kbar[0] + 2 * b2Bar * cpl * sd * w1 - b1Bar * p.c1 + b2Bar * p.c2
        sBar[3] = kbar[1] - 2 * b1Bar * cpl * sd * w2 - b2Bar * p.c2
        return sBar


def evaluate(x, meas, dt, nHarm):
    sys = DoublePendulum(Params(x, nHarm))
    nStep = len(meas) - 1

    tape = []
    s = np.array(x[:4])
    err = s[:2] - meas[0]
    cost = 0.5 * err @ err
    errs = [err]
    for i in range(nStep):
        t = i * dt
        k1 = sys.rhs(t, s)
        s2 = s + 0.5 * dt * k1
        k2 = sys.rhs(t + 0.5 * dt, s2)
        s3 = s + 0.5 * dt * k2
        k3 = sys.rhs(t + 0.5 * dt, s3)
        s4 = s + dt * k3
        k4 = sys.rhs(t + dt, s4)
        tape.append((t, s, s2, s3, s4, k1, k2, k3, k4))
        s = s + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        err = s[:2] - meas[i + 1]
        cost += 0.5 * err @ err
        errs.append(err)

    lam = np.zeros(4)
    for i in reversed(range(nStep)):
        t, s, s2, s3, s4, k1, k2, k3, k4 = tape[i]
        lam[:2] += errs[i + 1]
        s4Bar = sys.rhsAdjoint(t + dt, s4, k4, dt / 6.0 * lam)
        s3Bar = sys.rhsAdjoint(t + 0.5 * dt, s3, k3, dt / 3.0 * lam + dt * s4Bar)
        s2Bar = sys.rhsAdjoint(t + 0.5 * dt, s2, k2, dt / 3.0 * lam + 0.5 * dt * s3Bar)
        s1Bar = sys.rhsAdjoint(t, s, k1, dt / 6.0 * lam + 0.5 * dt * s2Bar)
        lam = lam + s1Bar + s2Bar + s3Bar + s4Bar
    lam[:2] += errs[0]

    grad = np.zeros(len(x))
    grad[:4] = lam
    grad[4:8] = sys.m_grad[:4] * np.exp(x[4:8])
    grad[8:10] = sys.m_grad[4:]
    grad[10:] = sys.m_gradU
    return cost, grad


def make_problem(nStep=12, nHarm=2):
    rng = np.random.default_rng(1000 + 10 * nStep + nHarm)
    time = 0.06 * np.arange(nStep + 1)
    meas = np.stack([0.8 * np.cos(3 * time), -0.4 + 0.9 * np.sin(2.5 * time)], axis=1)
    meas += 0.05 * rng.standard_normal(meas.shape)
    x0 = np.concatenate([[0.7, -0.3, 0.4, 1.1, 0.1, -0.3, 0.05, -0.2, 0.3, 0.2],
                         rng.normal(0, 1.5, nHarm)])
    return evaluate, x0, (meas, 0.06, nHarm)
