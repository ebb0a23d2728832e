"""RankNet: pairwise logistic loss over documents of each query, scores by a maxout-free two-layer net."""

import numpy as np

STYLE = "pairwise ranking, lambdas accumulated over pairs, group norm of features"


def score_documents(docs, weights):
    W, v = weights
    centred = docs - docs.mean(axis=0)
    hidden = np.log(1.0 + np.exp(centred @ W))
    return hidden @ v, hidden, centred


def query_loss(docs, relevance, weights):
    W, v = weights
    s, hidden, centred = score_documents(docs, weights)
    n = len(s)
    loss = 0.0
    lambdas = np.zeros(n)
    n_pairs = 0
    for i in range(n):
        for j in range(n):
            if relevance[i] <= relevance[j]:
                continue
            gain = 2.0 ** relevance[i] - 2.0 ** relevance[j]
            loss += gain * np.log1p(np.exp(s[j] - s[i]))
            push = gain / (1.0 + np.exp(s[i] - s[j]))
            lambdas[i] -= push
            lambdas[j] += push
            n_pairs += 1
    if n_pairs == 0:
        return 0.0, (np.zeros_like(W), np.zeros_like(v))
    loss /= n_pairs
    lambdas /= n_pairs

    grad_v = hidden.T @ lambdas
    grad_hidden = np.outer(lambdas, v)
    grad_pre = grad_hidden * (1.0 - np.exp(-hidden))
    grad_W = centred.T @ grad_pre
    return loss, (grad_W, grad_v)


def ranknet(theta, queries, hidden_units):
    n_features = queries[0][0].shape[1]
    W = theta[:-hidden_units].reshape(n_features, hidden_units)
    v = theta[-hidden_units:]
    total, total_W, total_v = 0.0, 0.0, 0.0
    for docs, relevance in queries:
        loss, (grad_W, grad_v) = query_loss(docs, relevance, (W, v))
        total += loss
        total_W = total_W + grad_W
        total_v = total_v + grad_v
    return total, np.concatenate([total_W.ravel(), total_v])


def make_problem(docs=4, features=5, hidden_units=3):
    rng = np.random.default_rng([docs, features, hidden_units])
    queries = []
    for extra in range(2):
        relevance = np.arange(docs + extra) % 3
        queries.append((rng.standard_normal((docs + extra, features)), relevance))
    return ranknet, rng.standard_normal(features * hidden_units + hidden_units), (queries, hidden_units)
