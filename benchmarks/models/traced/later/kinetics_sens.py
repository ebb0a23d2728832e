"""Chemical kinetics: mass action + Arrhenius, implicit Euler, forward sensitivities, weighted least squares."""
import numpy as np

STYLE = "forward sensitivities, implicit integrator, chemist"

RGAS = 8.314e-3


class Mechanism:
    """A + B <-> C, C -> D, D + A -> B  (species 0..3), any number of experiments at their own T."""
    # reactant orders (reaction, species) and net stoichiometry
    order = np.array([[1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0], [1, 0, 0, 1]])
    nu = np.array([[-1, -1, 1, 0], [1, 1, -1, 0], [0, 0, -1, 1], [-1, 1, 0, -1]])

    def rate_constants(self, lnA, Ea, T):
        beta = 1/(RGAS*T) - 1/(RGAS*350.0)
        return np.exp(lnA - Ea*beta), beta

    def rates(self, y, k):
        return k*np.prod(y**self.order, axis=1)

    def drdy(self, y, k):
        # y > 0 always (implicit Euler keeps it so)
        return self.rates(y, k)[:, None]*self.order/y

    def step(self, y, k, h):
        z = y.copy()
        for _ in range(5):
            res = z - y - h*self.nu.T @ self.rates(z, k)
            J = np.eye(len(y)) - h*self.nu.T @ self.drdy(z, k)
            z = z - np.linalg.solve(J, res)
        return z


def make_problem(n_exp=2, n_times=3):
    mech = Mechanism()
    rng = np.random.default_rng(1889)
    temps = 340 + 25*rng.random(n_exp)
    y0s = 0.4 + rng.random((n_exp, 4))
    obs = 0.5 + 0.3*rng.standard_normal((n_exp, n_times, 2))
    C = np.array([[0., 0., 1., 0.5], [1., 0., 0., 0.]])   # what the instrument sees
    h = 0.3
    prior, wprior = np.full(4, 30.0), 1e-3

    def fun(theta):
        # theta = [lnA(4), Ea(4)/10]
        lnA, Ea = theta[:4], 10*theta[4:]
        S2 = wprior*np.sum((Ea - prior)**2)
        grad = np.zeros(8)
        grad[4:] = 2*wprior*(Ea - prior)*10
        for e in range(n_exp):
            k, beta = mech.rate_constants(lnA, Ea, temps[e])
            # dk/dtheta, diagonal blocks
            dk = np.hstack([np.diag(k), np.diag(-10*beta*k)])
            y = y0s[e].copy()
            Y = np.zeros((4, 8))           # dy/dtheta
            for t in range(n_times):
                y = mech.step(y, k, h)
                resid = C @ y - obs[e, t]
                w = 1 + 0.5*t
                S2 += w*np.sum(resid**2)
                # (I - h f_y) Y_new = Y + h f_theta, all at the new point
                J = np.eye(4) - h*mech.nu.T @ mech.drdy(y, k)
                conc = mech.rates(y, np.ones(4))
                ftheta = mech.nu.T @ (conc[:, None]*dk)
                Y = np.linalg.solve(J, Y + h*ftheta)
                grad += 2*w*(C @ Y).T @ resid
        return S2, grad

    x0 = np.r_[rng.normal(0.0, 0.3, 4), rng.normal(3.0, 0.4, 4)]
    return fun, x0
