# radial basis function network; centres, log widths and output weights are all fitted
from numpy import *

STYLE = "RBF network, star import, nested loops over samples and centres"


def rbf_cost(params, X, T, J):
    N, D = X.shape
    K = T.shape[1]
    C = params[0 : J*D].reshape((J, D))
    s = params[J*D : J*D+J]
    W = params[J*D+J : ].reshape((J, K))

    PHI = zeros((N, J))
    for n in range(N):
        for j in range(J):
            PHI[n, j] = exp(-sum((X[n] - C[j])**2) / (2*exp(2*s[j])))
    Y = dot(PHI, W)
    E = Y - T
    cost = 0.5*sum(E**2)/N + 0.01*sum(W**2)

    dC = zeros(C.shape)
    ds = zeros(s.shape)
    dW = dot(PHI.T, E)/N + 0.02*W
    for n in range(N):
        for j in range(J):
            back = dot(E[n], W[j])/N
            r2 = sum((X[n] - C[j])**2)
            dC[j] += back * PHI[n, j] * (X[n] - C[j]) / exp(2*s[j])
            ds[j] += back * PHI[n, j] * r2 / exp(2*s[j])
    return cost, concatenate((dC.ravel(), ds, dW.ravel()))


def make_problem(N=5, D=3, J=4, K=2):
    rng = random.default_rng([N, D, J, K])
    X = rng.standard_normal((N, D))
    T = rng.standard_normal((N, K))
    return rbf_cost, concatenate((rng.standard_normal(J*D), 0.3*rng.standard_normal(J), rng.standard_normal(J*K))), (X, T, J)
