"""Skeleton fitting: chain of unnormalised joint quaternions and bone lengths, marker misfit."""
import numpy as np

STYLE = "quaternion components as scalars, tuple assignments, AoS chain walked both ways"


def qmul(a, b):
    aw, ax, ay, az = a.tolist()
    bw, bx, by, bz = b.tolist()
    return np.array([aw * bw - ax * bx - ay * by - az * bz,
                     aw * bx + ax * bw + ay * bz - az * by,
                     aw * by - ax * bz + ay * bw + az * bx,
                     aw * bz + ax * by - ay * bx + az * bw])


def cross(a, b):
    (x, y, z), (X, Y, Z) = a.tolist(), b.tolist()
    return np.array([y * Z - z * Y, z * X - x * Z, x * Y - y * X])


def conj(q):
    return q * np.array([1.0, -1.0, -1.0, -1.0])


def qmul_bwd(g, a, b):
    # the map a -> a*b is orthogonal up to |b|, its transpose multiplies by conj(b)
    da, db = qmul(g, conj(b)), qmul(conj(a), g)
    return da, db


def normalize(q):
    n = np.sqrt(q @ q)
    return q / n, n


def normalize_bwd(g, u, n):
    return (g - u * (u @ g)) / n


def rotate(u, p):
    w, v = u[0], u[1:]
    t = 2.0 * cross(v, p)
    return p + w * t + cross(v, t)


def rotate_bwd(g, u, p):
    w, v = u[0], u[1:]
    t = 2.0 * cross(v, p)
    dw, dt = g @ t, w * g + cross(g, v)
    dv = cross(t, g)
    dv, dp = dv + 2.0 * cross(p, dt), g + 2.0 * cross(dt, v)
    return np.array([dw, *dv]), dp


def make_problem(n_joint=4, n_marker=2, n_frame=2):
    rng = np.random.default_rng(1000 + 100 * n_joint + 10 * n_marker + n_frame)
    offsets = 0.3 * rng.standard_normal((n_joint, n_marker, 3))
    seen = rng.standard_normal((n_frame, n_joint, n_marker, 3))
    axis = np.array([0.0, 0.6, 0.8])
    nq = 4 * n_frame * n_joint
    stiff = 0.1

    def fun(x):
        quats, loglen = x[:nq].reshape(n_frame, n_joint, 4), x[nq:]
        length = np.exp(loglen)
        dquats, dlen = np.zeros_like(quats), np.zeros(n_joint)
        cost = 0.0
        for f in range(n_frame):
            # down the chain
            world, root, stack = np.array([1.0, 0, 0, 0]), np.zeros(3), []
            for j in range(n_joint):
                u, n = normalize(quats[f, j])
                parent, world = world, qmul(world, u)
                bone = length[j] * axis
                local = offsets[j] * length[j]
                errs = [root + rotate(world, p) - s for p, s in zip(local, seen[f, j])]
                cost += sum(0.5 * e @ e for e in errs) / n_frame
                cost += stiff * (1.0 - u[0] ** 2)
                root = root + rotate(world, bone)
                stack.append((u, n, parent, world, bone, local, errs))

            # and back up
            droot, dworld = np.zeros(3), np.zeros(4)
            for j in reversed(range(n_joint)):
                u, n, parent, world, bone, local, errs = stack.pop()
                dq, dbone = rotate_bwd(droot, world, bone)
                dworld = dworld + dq
                dlen[j] += dbone @ axis
                for e, p, o in zip(errs, local, offsets[j]):
                    g = e / n_frame
                    dq, dp = rotate_bwd(g, world, p)
                    droot, dworld = droot + g, dworld + dq
                    dlen[j] += dp @ o
                dworld, du = qmul_bwd(dworld, parent, u)
                du[0] -= 2.0 * stiff * u[0]
                dquats[f, j] = normalize_bwd(du, u, n)
        return cost, np.concatenate([dquats.ravel(), dlen * length])

    q0 = rng.standard_normal((n_frame, n_joint, 4)) * 0.4 + [1.0, 0, 0, 0]
    return fun, np.concatenate([q0.ravel(), 0.2 * rng.standard_normal(n_joint)])
