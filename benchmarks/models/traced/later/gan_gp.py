"""GAN critic with gradient penalty (WGAN-GP): the derivative of a derivative, by hand."""
import numpy as np

STYLE = "paper re-implementation, algorithm-box comments, maths names, nested vjp functions"


def phi(a):
    return np.tanh(a)


def dphi(a):
    return 1 - np.tanh(a) ** 2


def d2phi(a):
    t = np.tanh(a)
    return -2 * t * (1 - t ** 2)


def critic(w, x):
    """D_w(x) = v . phi(W2 phi(W1 x + b1) + b2); returns values and a vjp for w"""
    W1, b1, W2, b2, v = w
    a1 = x @ W1.T + b1
    h1 = phi(a1)
    a2 = h1 @ W2.T + b2
    h2 = phi(a2)

    def vjp(ybar):
        vbar = h2.T @ ybar
        a2bar = np.outer(ybar, v) * dphi(a2)
        a1bar = (a2bar @ W2) * dphi(a1)
        return [a1bar.T @ x, a1bar.sum(0), a2bar.T @ h1, a2bar.sum(0), vbar]

    return h2 @ v, vjp


def input_gradient(w, x):
    """g(x) = grad_x D_w(x), and a vjp of g for w (second derivatives of phi show up)"""
    W1, b1, W2, b2, v = w
    # D's forward and backward are the forward here
    a1 = x @ W1.T + b1
    h1 = phi(a1)
    a2 = h1 @ W2.T + b2
    s2 = v * dphi(a2)
    r1 = s2 @ W2
    s1 = r1 * dphi(a1)
    g = s1 @ W1

    def vjp(gbar):
        W1bar = s1.T @ gbar
        s1bar = gbar @ W1.T
        r1bar = s1bar * dphi(a1)
        W2bar = s2.T @ r1bar
        s2bar = r1bar @ W2.T
        vbar = (s2bar * dphi(a2)).sum(0)
        # now down the ordinary forward pass
        a2bar = s2bar * v * d2phi(a2)
        b2bar = a2bar.sum(0)
        W2bar += a2bar.T @ h1
        h1bar = a2bar @ W2
        a1bar = h1bar * dphi(a1) + s1bar * r1 * d2phi(a1)
        b1bar = a1bar.sum(0)
        W1bar += a1bar.T @ x
        return [W1bar, b1bar, W2bar, b2bar, vbar]

    return g, vjp


def critic_loss(theta, shapes, real, fake, eps, lam):
    # unflatten
    w, k = [], 0
    for s in shapes:
        n = int(np.prod(s))
        w.append(theta[k:k + n].reshape(s))
        k += n
    m = len(real)
    # line 4-6 of Algorithm 1: sample x, x~ and x^ = eps x + (1 - eps) x~
    xhat = eps * real + (1 - eps) * fake
    # line 7
    d_real, vjp_real = critic(w, real)
    d_fake, vjp_fake = critic(w, fake)
    g, vjp_pen = input_gradient(w, xhat)
    norm = np.sqrt((g ** 2).sum(axis=1))
    L = (d_fake - d_real).mean() + lam * ((norm - 1) ** 2).mean()
    # line 9: the gradient
    up = np.ones(m) / m
    grad_real = vjp_real(-up)
    grad_fake = vjp_fake(up)
    gbar = (2 * lam / m) * ((norm - 1) / norm)[:, None] * g
    grad_pen = vjp_pen(gbar)
    total = [a + b + c for a, b, c in zip(grad_real, grad_fake, grad_pen)]
    return L, np.hstack([t.ravel() for t in total])


def make_problem(dim=2, width1=5, width2=4, m=6):
    rng = np.random.default_rng(1701)
    shapes = [(width1, dim), (width1,), (width2, width1), (width2,), (width2,)]
    theta = 0.8 * rng.normal(size=sum(int(np.prod(s)) for s in shapes))
    real = rng.normal(size=(m, dim)) + 1
    fake = 0.5 * rng.normal(size=(m, dim)) - 0.5
    eps = rng.random((m, 1))
    return critic_loss, theta, (shapes, real, fake, eps, 1.5)
