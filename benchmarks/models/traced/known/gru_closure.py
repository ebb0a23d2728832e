import numpy as np
STYLE = "GRU, closures returned as backward functions"
sig = lambda u: 1/(1+np.exp(-u))

def linear(W, x, U, h, b):
    def back(d, acc, keys):
        kW, kU, kb = keys
        acc[kW] += np.outer(d, x); acc[kU] += np.outer(d, h); acc[kb] += d
        return W.T @ d, U.T @ d
    return W @ x + U @ h + b, back

def cell(P, x, h):
    zp, bz = linear(P['Wz'], x, P['Uz'], h, P['bz'])
    rp, br = linear(P['Wr'], x, P['Ur'], h, P['br'])
    z = sig(zp)
    r = sig(rp)
    rh = r*h
    cp, bc = linear(P['Wc'], x, P['Uc'], rh, P['bc'])
    c = np.tanh(cp)
    new = (1-z)*h + z*c
    def back(dnew, acc):
        dz = dnew*(c-h)
        dc = dnew*z
        dh = dnew*(1-z)
        dx, drh = bc(dc*(1-c**2), acc, ('Wc', 'Uc', 'bc'))
        dr = drh*h
        dh = dh + drh*r
        ex, eh = br(dr*r*(1-r), acc, ('Wr', 'Ur', 'br'))
        dx = dx + ex
        dh = dh + eh
        ex, eh = bz(dz*z*(1-z), acc, ('Wz', 'Uz', 'bz'))
        dx = dx + ex
        dh = dh + eh
        return dx, dh
    return new, back

def fun(P, tokens, target):
    h = P['h0']
    tape = []
    for tok in tokens:
        h, back = cell(P, P['E'][tok], h)
        tape.append((tok, back))
    e = P['V'] @ h - target
    J = np.log1p(e**2).sum()
    G = {k: np.zeros_like(v) for k, v in P.items()}
    de = 2*e/(1+e**2)
    G['V'] += np.outer(de, h)
    dh = P['V'].T @ de
    for tok, back in tape[::-1]:
        dx, dh = back(dh, G)
        G['E'][tok] += dx
    G['h0'] += dh
    return J, G

def make_problem(D=2, H=3, T=5, V=4):
    g = np.random.default_rng([D, H, T, V])
    P = {'E': g.standard_normal((V, D)), 'h0': g.standard_normal(H)}
    for k in 'zrc':
        P['W'+k] = g.standard_normal((H, D)); P['U'+k] = .5*g.standard_normal((H, H)); P['b'+k] = g.standard_normal(H)
    P['V'] = g.standard_normal((2, H))
    return fun, P, (g.integers(0, V, T).tolist(), g.standard_normal(2))
