"""Two-layer graph convolutional network, masked softmax loss on the labelled nodes, weight decay on layer one."""
import numpy as np

STYLE = "GCN, module-level globals set by a loader"

A_HAT = None
FEATURES = None
LABELS = None
TRAIN = None
DECAY = 0.05


def load(adjacency, features, labels, train):
    global A_HAT, FEATURES, LABELS, TRAIN
    A = adjacency + np.eye(len(adjacency))
    degree = A.sum(1)
    A_HAT = A / np.sqrt(np.outer(degree, degree))
    FEATURES, LABELS, TRAIN = features, labels, train


def elu(x):
    return np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1)


def elu_grad(x):
    return np.where(x > 0, 1.0, np.exp(np.minimum(x, 0)))


def gcn(theta):
    n, f = FEATURES.shape
    c = LABELS.shape[1]
    h = (theta.size - c) // (f + c + 1)
    W0 = theta[: f * h].reshape(f, h)
    b0 = theta[f * h : f * h + h]
    W1 = theta[f * h + h : -c].reshape(h, c)
    b1 = theta[-c:]

    AX = A_HAT @ FEATURES
    Z0 = AX @ W0 + b0
    H = elu(Z0)
    AH = A_HAT @ H
    Z1 = AH @ W1 + b1
    logZ = np.log(np.exp(Z1).sum(1, keepdims=True))
    logP = Z1 - logZ
    loss = -(LABELS * logP)[TRAIN].sum() / len(TRAIN) + DECAY * (W0**2).sum()

    dZ1 = np.zeros_like(Z1)
    dZ1[TRAIN] = (np.exp(logP) - LABELS)[TRAIN] / len(TRAIN)
    dW1 = AH.T @ dZ1
    db1 = dZ1.sum(0)
    dAH = dZ1 @ W1.T
    dH = A_HAT.T @ dAH
    dZ0 = dH * elu_grad(Z0)
    dW0 = AX.T @ dZ0 + 2 * DECAY * W0
    db0 = dZ0.sum(0)
    return loss, np.concatenate([dW0.ravel(), db0, dW1.ravel(), db1])


def make_problem(nodes=6, features=4, hidden=5, classes=3):
    rng = np.random.default_rng([nodes, features, hidden, classes])
    nodes = nodes + 1
    upper = np.triu(rng.random((nodes, nodes)) < 0.5, 1).astype(float)
    labels = np.eye(classes)[rng.integers(0, classes, nodes)]
    load(upper + upper.T, rng.standard_normal((nodes, features)), labels, np.arange(0, nodes, 2))
    return gcn, rng.standard_normal(features * hidden + hidden + hidden * classes + classes) * 0.8
