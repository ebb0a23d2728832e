"""Linear mixed model (random intercept and slope per subject), marginal Gaussian likelihood."""
import numpy as np
from numpy.linalg import inv, slogdet

STYLE = "statistician, likelihood class with unpack / loglike / score"


class LinearMixedModel:
    """y_i = X_i beta + Z_i b_i + e_i,  b_i ~ N(0, L L'),  e_i ~ N(0, sigma^2 I)

    theta = (beta, log L11, L21, log L22, log sigma)
    """

    def __init__(self, y, X, Z):
        self.y, self.X, self.Z = y, X, Z
        self.p = X[0].shape[1]

    def unpack(self, theta):
        beta = theta[:self.p]
        l11, l21, l22, logsig = theta[self.p:]
        L = np.array([[np.exp(l11), 0.0], [l21, np.exp(l22)]])
        return beta, L, np.exp(2 * logsig)

    def covariance(self, Z, L, s2):
        A = Z @ L
        return A @ A.T + s2 * np.eye(len(Z))

    def loglike(self, theta):
        beta, L, s2 = self.unpack(theta)
        ll = 0.0
        for y, X, Z in zip(self.y, self.X, self.Z):
            V = self.covariance(Z, L, s2)
            r = y - X @ beta
            ll -= 0.5 * (slogdet(V)[1] + r @ np.linalg.solve(V, r) + len(y) * np.log(2 * np.pi))
        return ll

    def score(self, theta):
        beta, L, s2 = self.unpack(theta)
        s_beta = np.zeros(self.p)
        s_L = np.zeros((2, 2))
        s_s2 = 0.0
        for y, X, Z in zip(self.y, self.X, self.Z):
            Vinv = inv(self.covariance(Z, L, s2))
            a = Vinv @ (y - X @ beta)
            s_beta += X.T @ a
            # dl/dV
            S = 0.5 * (np.outer(a, a) - Vinv)
            s_L += 2 * Z.T @ S @ Z @ L
            s_s2 += np.trace(S)
        s_var = np.array([s_L[0, 0] * L[0, 0],
                          s_L[1, 0],
                          s_L[1, 1] * L[1, 1],
                          2 * s2 * s_s2])
        return np.concatenate([s_beta, s_var])

    def objective(self, theta):
        return -self.loglike(theta), -self.score(theta)


def make_problem(n_subjects=5, n_visits=4, n_cov=3):
    rng = np.random.default_rng(1977)
    y, X, Z = [], [], []
    for i in range(n_subjects):
        m = n_visits + i % 2
        time = np.arange(m) / 2
        z = np.column_stack([np.ones(m), time])
        x = np.column_stack([z, rng.standard_normal((m, n_cov))])
        b = np.array([0.8, 0.3]) * rng.standard_normal(2)
        X.append(x)
        Z.append(z)
        y.append(x @ np.linspace(1, -0.5, 2 + n_cov) + z @ b + 0.4 * rng.standard_normal(m))
    model = LinearMixedModel(y, X, Z)
    theta0 = np.concatenate([np.linspace(0.8, -0.3, 2 + n_cov), [-0.3, 0.2, -1.0, -0.6]])
    return model.objective, theta0
