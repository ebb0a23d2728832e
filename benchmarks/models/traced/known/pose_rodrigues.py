"""Camera pose from point projections: axis-angle rotation (Rodrigues), radial distortion, robust loss."""

import numpy as np

STYLE = "geometry, Jacobians of 3x3 rotations, chain of small matrices"


def hat(w):
    return np.array([[0.0, -w[2], w[1]], [w[2], 0.0, -w[0]], [-w[1], w[0], 0.0]])


GENERATORS = [hat(e) for e in np.eye(3)]


def rotation(w):
    """Rotation matrix and its three partial derivatives."""
    angle = np.sqrt(w @ w)
    a = np.sin(angle) / angle
    b = (1.0 - np.cos(angle)) / angle**2
    W = hat(w)
    R = np.eye(3) + a * W + b * W @ W
    # d a / d angle, d b / d angle
    da = (np.cos(angle) - a) / angle
    db = (np.sin(angle) - 2.0 * b * angle) / angle**2
    partials = []
    for i in range(3):
        dangle = w[i] / angle
        Gi = GENERATORS[i]
        dR = da * dangle * W + a * Gi
        dR = dR + db * dangle * W @ W + b * (Gi @ W + W @ Gi)
        partials.append(dR)
    return R, partials


def reprojection(pose, points, pixels):
    w, t, f, k1 = pose[:3], pose[3:6], pose[6], pose[7]
    R, dRs = rotation(w)
    total = 0.0
    g = np.zeros(8)
    for X, uv in zip(points, pixels):
        Y = R @ X + t
        p = Y[:2] / Y[2]
        r2 = p @ p
        d = 1.0 + k1 * r2
        q = f * d * p
        e = q - uv
        s = e @ e
        total += np.log(1.0 + 0.5 * s)

        # dtotal/de, then back through distortion and division
        ge = e / (1.0 + 0.5 * s)
        g[6] += d * (ge @ p)
        gd = f * (ge @ p)
        g[7] += gd * r2
        gp = f * d * ge + gd * k1 * 2.0 * p
        gY = np.append(gp / Y[2], -(gp @ Y[:2]) / Y[2] ** 2)
        g[3:6] += gY
        for i in range(3):
            g[i] += gY @ dRs[i] @ X
    return total / len(points), g / len(points)


def make_problem(n_points=5):
    rng = np.random.default_rng(n_points)
    points = rng.standard_normal((n_points, 3))
    pixels = rng.standard_normal((n_points, 2))
    pose = np.concatenate([[0.4, -0.7, 0.5], [0.1, -0.2, 5.0], [1.5, 0.1]])
    return reprojection, pose + 0.05 * rng.standard_normal(8), (points, pixels)
