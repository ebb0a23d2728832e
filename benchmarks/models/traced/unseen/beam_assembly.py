"""Cantilever on springs: log EI, spring stiffness and loads identified, adjoint solve."""
import numpy as np

STYLE = "finite element assembly, np.ix_ scatter, discrete adjoint"


def element_stiffness(le):
    """4x4 Hermite beam matrix for unit EI"""
    return np.array([[12.0, 6 * le, -12.0, 6 * le],
                     [6 * le, 4 * le**2, -6 * le, 2 * le**2],
                     [-12.0, -6 * le, 12.0, -6 * le],
                     [6 * le, 2 * le**2, -6 * le, 4 * le**2]]) / le**3


def consistent_load(le):
    # linear load q1..q2 over the element -> nodal forces and moments (4x2)
    return le * np.array([[21.0, 9.0], [3 * le, 2 * le], [9.0, 21.0], [-2 * le, -3 * le]]) / 60.0


class Beam:
    def __init__(self, n_el, n_spring, seed):
        rng = np.random.default_rng(seed)
        self.n_el = n_el
        self.lengths = rng.uniform(0.8, 1.3, n_el)
        self.ndof = 2 * (n_el + 1)
        self.free = np.arange(2, self.ndof)
        self.edofs = [np.arange(2 * e, 2 * e + 4) for e in range(n_el)]
        self.spring_dofs = 2 * rng.integers(1, n_el + 1, n_spring)
        self.obs = np.arange(2, self.ndof, 2)
        self.gauge = rng.uniform(-0.5, 0.5, n_el)
        self.gamma = 0.3

    def split(self, p):
        n, m = self.n_el, len(self.spring_dofs)
        return p[:n], p[n:n + m], p[n + m:]

    def assemble(self, EI, k_spring, q):
        K = np.zeros((self.ndof, self.ndof))
        f = np.zeros(self.ndof)
        for e, dofs in enumerate(self.edofs):
            K[np.ix_(dofs, dofs)] += EI[e] * element_stiffness(self.lengths[e])
            f[dofs] += consistent_load(self.lengths[e]) @ q[e:e + 2]
        for s, dof in enumerate(self.spring_dofs):
            K[dof, dof] += k_spring[s]
        return K, f

    def solve(self, K, rhs):
        u = np.zeros(self.ndof)
        u[self.free] = np.linalg.solve(K[np.ix_(self.free, self.free)], rhs[self.free])
        return u

    def __call__(self, p):
        logEI, kappa, q = self.split(p)
        EI = np.exp(logEI)
        k_spring = np.log1p(np.exp(kappa))
        K, f = self.assemble(EI, k_spring, q)
        u = self.solve(K, f)

        # misfit of deflections, bending energy in the objective, smoothness of log EI
        miss = u[self.obs] - self.gauge
        jump = np.diff(logEI)
        energy = [0.5 * EI[e] * u[d] @ element_stiffness(self.lengths[e]) @ u[d]
                  for e, d in enumerate(self.edofs)]
        J = 0.5 * np.dot(miss, miss) + 0.2 * sum(energy) + 0.5 * self.gamma * np.dot(jump, jump)

        # dJ/du
        dJdu = np.zeros(self.ndof)
        dJdu[self.obs] = miss
        for e, dofs in enumerate(self.edofs):
            ke = element_stiffness(self.lengths[e])
            dJdu[dofs] += 0.2 * EI[e] * (ke @ u[dofs])

        # K lam = dJ/du   (K symmetric)
        lam = self.solve(K, dJdu)

        g_EI = np.zeros_like(logEI)
        g_k = np.zeros_like(kappa)
        g_q = np.zeros_like(q)
        for e, dofs in enumerate(self.edofs):
            ke = element_stiffness(self.lengths[e])
            ke_u = ke @ u[dofs]
            g_EI[e] += 0.1 * np.dot(u[dofs], ke_u)
            g_EI[e] -= np.dot(lam[dofs], ke_u)
            g_q[e:e + 2] += consistent_load(self.lengths[e]).T @ lam[dofs]
        for s, dof in enumerate(self.spring_dofs):
            g_k[s] -= lam[dof] * u[dof]

        g_logEI = g_EI * EI
        g_logEI[1:] += self.gamma * jump
        g_logEI[:-1] -= self.gamma * jump
        g_kappa = g_k / (1.0 + np.exp(-kappa))
        return J, np.concatenate([g_logEI, g_kappa, g_q])


def make_problem(n_el=5, n_spring=3):
    beam = Beam(n_el, n_spring, seed=10 * n_el + n_spring)
    rng = np.random.default_rng(n_el)
    p0 = np.concatenate([3.0 + 0.4 * rng.standard_normal(n_el),
                         1.0 + rng.standard_normal(n_spring),
                         rng.standard_normal(n_el + 1) + 0.5])
    return beam, p0
