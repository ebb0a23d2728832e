"""Dueling Q-network (V + A - mean A) with Huber TD error, importance weights and a fixed target net."""
import numpy as np

STYLE = "functional RL repo code, caches as dicts, flat theta with a table of shapes"

GAMMA = 0.9
DELTA = 0.7
WEIGHT_DECAY = 1e-2


def shapes(obs, hid, act):
    return [('W1', (obs, hid)), ('b1', (hid,)),
            ('Wv', (hid, 1)), ('bv', (1,)),
            ('Wa', (hid, act)), ('ba', (act,))]


def from_flat(theta, table):
    params, i = {}, 0
    for name, shp in table:
        k = int(np.prod(shp))
        params[name] = theta[i:i + k].reshape(shp)
        i += k
    return params


def to_flat(d, table):
    return np.concatenate([np.ravel(d[name]) for name, _ in table])


def q_forward(params, obs):
    pre = obs @ params['W1'] + params['b1']
    hid = np.where(pre > 0, pre, 0.1 * pre)
    v = hid @ params['Wv'] + params['bv']
    a = hid @ params['Wa'] + params['ba']
    q = v + a - a.mean(axis=1, keepdims=True)
    return q, dict(obs=obs, pre=pre, hid=hid)


def q_backward(params, cache, dq):
    dv = dq.sum(axis=1, keepdims=True)
    da = dq - dq.mean(axis=1, keepdims=True)
    grads = {}
    grads['Wv'] = cache['hid'].T @ dv
    grads['bv'] = dv.sum(axis=0)
    grads['Wa'] = cache['hid'].T @ da
    grads['ba'] = da.sum(axis=0)
    dhid = dv @ params['Wv'].T + da @ params['Wa'].T
    dpre = dhid * np.where(cache['pre'] > 0, 1.0, 0.1)
    grads['W1'] = cache['obs'].T @ dpre
    grads['b1'] = dpre.sum(axis=0)
    return grads


def huber(err):
    small = np.abs(err) <= DELTA
    return np.where(small, 0.5 * err ** 2, DELTA * (np.abs(err) - 0.5 * DELTA))


def huber_slope(err):
    return np.where(np.abs(err) <= DELTA, err, DELTA * np.sign(err))


def td_loss(theta, table, batch, y, is_weights):
    params = from_flat(theta, table)
    q, cache = q_forward(params, batch['obs'])
    rows = np.arange(len(y))
    td = q[rows, batch['act']] - y
    loss = np.sum(is_weights * huber(td)) / len(y)
    dq = np.zeros_like(q)
    dq[rows, batch['act']] = is_weights * huber_slope(td) / len(y)
    grads = q_backward(params, cache, dq)
    # decay on weights only
    for name in ('W1', 'Wv', 'Wa'):
        loss += 0.5 * WEIGHT_DECAY * np.sum(params[name] ** 2)
        grads[name] = grads[name] + WEIGHT_DECAY * params[name]
    return loss, to_flat(grads, table)


def make_problem(obs=4, hid=5, act=3, n=6):
    rng = np.random.default_rng(2015)
    table = shapes(obs, hid, act)
    size = sum(int(np.prod(s)) for _, s in table)
    batch = dict(obs=rng.normal(size=(n, obs)), next_obs=rng.normal(size=(n, obs)),
                 act=rng.integers(0, act, n), rew=rng.normal(size=n),
                 done=rng.random(n) < 0.3)
    theta = rng.normal(scale=0.6, size=size)
    frozen = from_flat(rng.normal(scale=0.6, size=size), table)
    q_next, _ = q_forward(frozen, batch['next_obs'])
    y = batch['rew'] + GAMMA * (1 - batch['done']) * q_next.max(axis=1)
    w = (1 / (1 + np.arange(n))) ** 0.4
    return td_loss, theta, (table, batch, y, w)
