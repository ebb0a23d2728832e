"""Variational autoencoder: Gaussian encoder (softplus sigma), Bernoulli decoder, beta weighted KL, class."""
import numpy as np

STYLE = "Stack Overflow class with self.everything"


class VAE:

    def __init__(self, n_input, n_hidden, n_latent, beta=0.8):
        self.sizes = n_input, n_hidden, n_latent
        self.beta = beta
        self.names = ['We', 'be', 'Wmu', 'bmu', 'Wsig', 'bsig', 'Wd', 'bd', 'Wo', 'bo']
        self.shapes = [(n_input, n_hidden), (n_hidden,),
                       (n_hidden, n_latent), (n_latent,),
                       (n_hidden, n_latent), (n_latent,),
                       (n_latent, n_hidden), (n_hidden,),
                       (n_hidden, n_input), (n_input,)]

    def n_params(self):
        return sum(int(np.prod(s)) for s in self.shapes)

    def set_params(self, theta):
        pos = 0
        for name, shape in zip(self.names, self.shapes):
            size = int(np.prod(shape))
            setattr(self, name, theta[pos:pos + size].reshape(shape))
            pos += size

    def encode(self, X):
        self.X = X
        self.h_enc = np.tanh(np.dot(X, self.We) + self.be)
        self.mu = np.dot(self.h_enc, self.Wmu) + self.bmu
        self.pre_sigma = np.dot(self.h_enc, self.Wsig) + self.bsig
        self.sigma = np.log1p(np.exp(self.pre_sigma)) + 1e-2

    def sample(self, noise):
        self.noise = noise
        self.z = self.mu + self.sigma * noise

    def decode(self):
        self.h_dec = np.tanh(np.dot(self.z, self.Wd) + self.bd)
        self.logits = np.dot(self.h_dec, self.Wo) + self.bo

    def loss(self):
        x, l = self.X, self.logits
        # numerically stable binary cross entropy with logits
        bce = np.maximum(l, 0) - l * x + np.log1p(np.exp(-np.abs(l)))
        kl = -0.5 * (1 + 2 * np.log(self.sigma) - self.mu ** 2 - self.sigma ** 2)
        self.reconstruction = np.sum(bce, axis=1).mean()
        self.kl = np.sum(kl, axis=1).mean()
        return self.reconstruction + self.beta * self.kl

    def backward(self):
        n = self.X.shape[0]
        g = {}
        # decoder
        d_logits = (1 / (1 + np.exp(-self.logits)) - self.X) / n
        g['Wo'] = np.dot(self.h_dec.T, d_logits)
        g['bo'] = d_logits.sum(axis=0)
        d_h_dec = np.dot(d_logits, self.Wo.T)
        d_pre_dec = d_h_dec * (1 - np.square(self.h_dec))
        g['Wd'] = np.dot(self.z.T, d_pre_dec)
        g['bd'] = d_pre_dec.sum(axis=0)
        d_z = np.dot(d_pre_dec, self.Wd.T)

        # reparametrisation trick, plus the KL
        d_mu = d_z + self.beta * self.mu / n
        d_sigma = d_z * self.noise
        d_sigma += self.beta * (self.sigma - 1 / self.sigma) / n
        d_pre_sigma = d_sigma / (1 + np.exp(-self.pre_sigma))

        # encoder
        g['Wmu'] = np.dot(self.h_enc.T, d_mu)
        g['bmu'] = d_mu.sum(axis=0)
        g['Wsig'] = np.dot(self.h_enc.T, d_pre_sigma)
        g['bsig'] = d_pre_sigma.sum(axis=0)
        d_h_enc = np.dot(d_mu, self.Wmu.T)
        d_h_enc += np.dot(d_pre_sigma, self.Wsig.T)
        d_pre_enc = d_h_enc * (1 - np.square(self.h_enc))
        g['We'] = np.dot(self.X.T, d_pre_enc)
        g['be'] = d_pre_enc.sum(axis=0)
        return np.concatenate([g[name].ravel() for name in self.names])

    def __call__(self, theta, X, noise):
        self.set_params(theta)
        self.encode(X)
        self.sample(noise)
        self.decode()
        return self.loss(), self.backward()


def make_problem(n_input=5, n_hidden=4, n_latent=2, n_samples=6):
    rng = np.random.RandomState(42)
    vae = VAE(n_input, n_hidden, n_latent)
    X = (rng.rand(n_samples, n_input) > 0.6).astype(float)
    noise = rng.randn(n_samples, n_latent)
    theta = 0.5 * np.random.default_rng(7).standard_normal(vae.n_params())
    return vae, theta, (X, noise)
