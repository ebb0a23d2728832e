import numpy as np

STYLE = "VAE script style, dict of parameters by closure"


def build_vae(X, eps, n_hidden):
    N, D = X.shape
    L = eps.shape[1]
    layout = [('We', (D, n_hidden)), ('be', (n_hidden,)),
              ('Wmu', (n_hidden, L)), ('bmu', (L,)),
              ('Wlv', (n_hidden, L)), ('blv', (L,)),
              ('Wd', (L, D)), ('bd', (D,))]

    def unflatten(vec):
        P, i = {}, 0
        for key, shp in layout:
            j = i + int(np.prod(shp))
            P[key] = vec[i:j].reshape(shp)
            i = j
        return P

    def flatten(G):
        return np.concatenate([G[key].ravel() for key, _ in layout])

    def elbo(vec):
        P = unflatten(vec)

        # ---- encoder
        he = np.tanh(X @ P['We'] + P['be'])
        mu = he @ P['Wmu'] + P['bmu']
        logvar = he @ P['Wlv'] + P['blv']
        std = np.exp(0.5 * logvar)
        z = mu + eps * std

        # ---- decoder (Bernoulli)
        logits = z @ P['Wd'] + P['bd']
        recon = np.sum(np.logaddexp(0, logits) - X * logits)
        kl = -0.5 * np.sum(1 + logvar - mu ** 2 - np.exp(logvar))
        loss = (recon + kl) / N

        # ---- backward
        G = {}
        dlogits = (1 / (1 + np.exp(-logits)) - X) / N
        G['Wd'] = z.T @ dlogits
        G['bd'] = dlogits.sum(0)
        dz = dlogits @ P['Wd'].T
        dmu = dz + mu / N
        dlogvar = dz * eps * 0.5 * std
        dlogvar += 0.5 * (np.exp(logvar) - 1) / N
        G['Wmu'] = he.T @ dmu
        G['bmu'] = dmu.sum(0)
        G['Wlv'] = he.T @ dlogvar
        G['blv'] = dlogvar.sum(0)
        dhe = dmu @ P['Wmu'].T
        dhe += dlogvar @ P['Wlv'].T
        dpre = dhe * (1 - he ** 2)
        G['We'] = X.T @ dpre
        G['be'] = dpre.sum(0)
        return loss, flatten(G)

    return elbo


def make_problem(N=5, D=4, n_hidden=3, L=2):
    rng = np.random.default_rng([N, D, n_hidden, L])
    X = (rng.random((N, D)) > 0.5).astype(float)
    eps = rng.standard_normal((N, L))
    n = D * n_hidden + n_hidden + 2 * (n_hidden * L + L) + L * D + D
    return build_vae(X, eps, n_hidden), 0.5 * rng.standard_normal(n)
