import numpy as np

STYLE = "numpy.matrix, * is the product, np.multiply elementwise"


def actfun(Z):
    return np.divide(Z, 1 + np.abs(Z))


def cost_function(theta, X, Y, hidden, lam):
    m = X.shape[0]
    n = X.shape[1]
    k = Y.shape[1]
    theta1 = np.matrix(np.reshape(theta[: hidden * (n + 1)], (hidden, n + 1)))
    theta2 = np.matrix(np.reshape(theta[hidden * (n + 1) :], (k, hidden + 1)))

    # run the feed-forward pass
    A1 = np.insert(X, 0, values=np.ones(m), axis=1)
    Z2 = A1 * theta1.T
    A2 = np.insert(actfun(Z2), 0, values=np.ones(m), axis=1)
    H = A2 * theta2.T

    # compute the cost
    D3 = H - Y
    J = np.sum(np.power(D3, 2)) / (2 * m)
    J += (float(lam) / (2 * m)) * (np.sum(np.power(theta1[:, 1:], 2)) + np.sum(np.power(theta2[:, 1:], 2)))

    # perform backpropagation
    D2 = np.multiply(D3 * theta2[:, 1:], 1 / np.power(1 + np.abs(Z2), 2))
    delta1 = D2.T * A1 / m
    delta2 = D3.T * A2 / m

    # add the gradient regularization term
    delta1[:, 1:] = delta1[:, 1:] + (theta1[:, 1:] * lam) / m
    delta2[:, 1:] = delta2[:, 1:] + (theta2[:, 1:] * lam) / m

    # unravel the gradient matrices into a single array
    grad = np.concatenate((np.ravel(delta1), np.ravel(delta2)))
    return J, grad


def make_problem(m=6, n=3, hidden=5, k=2):
    rng = np.random.default_rng([m, n, hidden, k])
    X = np.matrix(rng.standard_normal((m, n)))
    Y = np.matrix(rng.standard_normal((m, k)))
    theta = (rng.random(hidden * (n + 1) + k * (hidden + 1)) - 0.5) * 1.9
    return cost_function, theta, (X, Y, hidden, 0.8)
