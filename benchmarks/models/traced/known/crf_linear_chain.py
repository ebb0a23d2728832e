"""Linear-chain CRF for tagging; log-space alpha and beta tables."""

import numpy as np
from scipy.special import logsumexp

STYLE = "CRF log-space, one sentence at a time, accumulators"


class LinearChainCRF:
    def __init__(self, num_tags, num_features, l2):
        self.num_tags = num_tags
        self.num_features = num_features
        self.l2 = l2

    def split_weights(self, weights):
        T, F = self.num_tags, self.num_features
        emission = weights[: T * F].reshape(T, F)
        transition = weights[T * F : T * F + T * T].reshape(T, T)
        start = weights[-T:]
        return emission, transition, start

    def forward_table(self, scores, transition, start):
        alpha = np.empty_like(scores)
        alpha[0] = start + scores[0]
        for i in range(1, len(scores)):
            alpha[i] = scores[i] + logsumexp(alpha[i - 1][:, None] + transition, axis=0)
        return alpha

    def backward_table(self, scores, transition):
        beta = np.zeros_like(scores)
        for i in range(len(scores) - 1, 0, -1):
            beta[i - 1] = logsumexp(transition + scores[i] + beta[i], axis=1)
        return beta

    def gold_score(self, scores, tags, transition, start):
        total = start[tags[0]] + scores[0, tags[0]]
        for i in range(1, len(tags)):
            total += transition[tags[i - 1], tags[i]] + scores[i, tags[i]]
        return total

    def objective(self, weights, corpus):
        emission, transition, start = self.split_weights(weights)
        grad_emission = np.zeros_like(emission)
        grad_transition = np.zeros_like(transition)
        grad_start = np.zeros_like(start)
        nll = 0.0
        for features, tags in corpus:
            scores = features @ emission.T
            alpha = self.forward_table(scores, transition, start)
            log_z = logsumexp(alpha[-1])
            nll += log_z - self.gold_score(scores, tags, transition, start)

            # expected counts under the model ...
            beta = self.backward_table(scores, transition)
            unary = np.exp(alpha + beta - log_z)
            grad_emission += unary.T @ features
            grad_start += unary[0]
            for i in range(1, len(tags)):
                pair = alpha[i - 1][:, None] + transition + (scores[i] + beta[i])[None, :]
                grad_transition += np.exp(pair - log_z)

            # ... minus the observed ones
            for i, tag in enumerate(tags):
                grad_emission[tag] -= features[i]
                if i == 0:
                    grad_start[tag] -= 1.0
                else:
                    grad_transition[tags[i - 1], tag] -= 1.0

        nll += 0.5 * self.l2 * np.dot(weights, weights)
        grad = np.concatenate([grad_emission.ravel(), grad_transition.ravel(), grad_start])
        grad += self.l2 * weights
        return nll, grad


def make_problem(num_tags=3, num_features=5, length=4):
    rng = np.random.default_rng([num_tags, num_features, length])
    corpus = []
    for extra in (0, 2):
        n = length + extra
        corpus.append((rng.standard_normal((n, num_features)), [int(t) for t in rng.integers(0, num_tags, n)]))
    crf = LinearChainCRF(num_tags, num_features, l2=0.2)
    x0 = 0.5 * rng.standard_normal(num_tags * num_features + num_tags**2 + num_tags)
    return crf.objective, x0, (corpus,)
