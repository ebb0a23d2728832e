"""Two-level nested logit mode choice: nest dissimilarities, choice-specific constants, maximum likelihood."""
import numpy as np

STYLE = "choice modeller: class with data attributes, inclusive values, gradient split per parameter block"


def _lse(a, axis):
    top = a.max(axis=axis, keepdims=True)
    return np.squeeze(top, axis) + np.log(np.exp(a - top).sum(axis=axis))


class NestedLogit:
    """
    P(j) = P(j | nest m) * P(m),   P(j|m) ~ exp(V_j / lam_m),   P(m) ~ exp(w_m z + lam_m IV_m)

    x = [ b (n_attr) | asc (n_alt - 1) | income effect per nest (n_nest - 1) | rho (n_nest) ]
    """

    def __init__(self, attrs, income, choice, nests):
        self.attrs = attrs              # persons x alternatives x attributes
        self.income = income
        self.choice = choice
        self.nests = nests              # list of index arrays
        self.nest_of = np.empty(attrs.shape[1], dtype=int)
        for m, alts in enumerate(nests):
            self.nest_of[alts] = m

    def unpack(self, x):
        K, J, M = self.attrs.shape[2], self.attrs.shape[1], len(self.nests)
        b, asc, w, rho = np.split(x, [K, K + J - 1, K + J - 1 + M - 1])
        lam = 1.0 / (1.0 + np.exp(-rho))
        return b, np.append(0.0, asc), np.append(0.0, w), lam

    def loglik_and_score(self, x):
        b, asc, w, lam = self.unpack(x)
        N, J, K = self.attrs.shape
        V = self.attrs @ b + asc

        IV = np.empty((N, len(self.nests)))
        Pcond = np.empty((N, J))
        for m, alts in enumerate(self.nests):
            scaled = V[:, alts] / lam[m]
            IV[:, m] = _lse(scaled, 1)
            Pcond[:, alts] = np.exp(scaled - IV[:, [m]])
        U = np.outer(self.income, w) + lam * IV
        denom = _lse(U, 1)
        Pnest = np.exp(U - denom[:, None])

        rows = np.arange(N)
        mine = self.nest_of[self.choice]
        ll = (V[rows, self.choice] / lam[mine] - IV[rows, mine] + U[rows, mine] - denom).sum()

        # upper level
        dU = -Pnest
        dU[rows, mine] += 1.0
        dIV = dU * lam
        dIV[rows, mine] -= 1.0
        dlam = (dU * IV).sum(axis=0)
        dw = self.income @ dU

        # lower level
        dV = np.zeros((N, J))
        for m, alts in enumerate(self.nests):
            dscaled = dIV[:, [m]] * Pcond[:, alts]
            hit = self.choice[:, None] == alts[None, :]
            dscaled = dscaled + hit
            dV[:, alts] = dscaled / lam[m]
            dlam[m] -= (dscaled * V[:, alts]).sum() / lam[m] ** 2

        db = np.einsum("nj,njk->k", dV, self.attrs)
        dasc = dV.sum(axis=0)
        drho = dlam * lam * (1.0 - lam)
        return ll, np.concatenate([db, dasc[1:], dw[1:], drho])

    def objective(self, x):
        ll, s = self.loglik_and_score(x)
        n = len(self.choice)
        return -ll / n, -s / n


def make_problem(n_persons=7, n_attr=3, n_nests=2, per_nest=3):
    rng = np.random.default_rng([n_persons, n_attr, n_nests, per_nest])
    sizes = [max(2, per_nest - (m % 2)) for m in range(n_nests)]
    J = sum(sizes)
    order = rng.permutation(J)
    nests = [np.sort(part) for part in np.split(order, np.cumsum(sizes)[:-1])]
    attrs = rng.standard_normal((n_persons, J, n_attr))
    income = rng.uniform(0.5, 2.0, n_persons)
    model = NestedLogit(attrs, income, rng.integers(0, J, n_persons), nests)
    x0 = np.concatenate([rng.normal(0, 0.7, n_attr + J - 1 + n_nests - 1),
                         rng.uniform(-0.2, 1.0, n_nests)])
    return model.objective, x0
