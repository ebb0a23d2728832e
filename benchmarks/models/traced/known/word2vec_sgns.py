"""Skip-gram with negative sampling, in the style of the CS224n assignment."""

import numpy as np

STYLE = "word2vec negative sampling, np.add.at"


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def negSamplingLossAndGradient(centerWordVec, outsideWordIdx, outsideVectors, negSampleWordIndices):
    indices = [outsideWordIdx] + negSampleWordIndices
    U = outsideVectors[indices]
    U[1:] *= -1
    prob = sigmoid(U @ centerWordVec)
    loss = -np.sum(np.log(prob))

    delta = prob - 1
    gradCenterVec = U.T @ delta
    gradRows = np.outer(delta, centerWordVec)
    gradRows[1:] *= -1
    gradOutsideVecs = np.zeros_like(outsideVectors)
    np.add.at(gradOutsideVecs, indices, gradRows)
    return loss, gradCenterVec, gradOutsideVecs


def naiveSoftmaxLossAndGradient(centerWordVec, outsideWordIdx, outsideVectors):
    scores = outsideVectors @ centerWordVec
    scores -= np.max(scores)
    y_hat = np.exp(scores) / np.sum(np.exp(scores))
    loss = -np.log(y_hat[outsideWordIdx])

    y_hat[outsideWordIdx] -= 1
    gradCenterVec = outsideVectors.T @ y_hat
    gradOutsideVecs = y_hat[:, None] @ centerWordVec[None, :]
    return loss, gradCenterVec, gradOutsideVecs


def skipgram(currentCenterWord, outsideWords, negatives, centerWordVectors, outsideVectors):
    loss = 0.0
    gradCenterVecs = np.zeros(centerWordVectors.shape)
    gradOutsideVectors = np.zeros(outsideVectors.shape)
    centerVec = centerWordVectors[currentCenterWord]
    for word, negs in zip(outsideWords, negatives):
        l, gc, go = negSamplingLossAndGradient(centerVec, word, outsideVectors, negs)
        loss += l
        gradCenterVecs[currentCenterWord] += gc
        gradOutsideVectors += go
        l, gc, go = naiveSoftmaxLossAndGradient(centerVec, word, outsideVectors)
        loss += 0.5 * l
        gradCenterVecs[currentCenterWord] += 0.5 * gc
        gradOutsideVectors += 0.5 * go
    return loss, gradCenterVecs, gradOutsideVectors


def word2vec_wrapper(wordVectors, batch):
    batchsize = len(batch)
    grad = np.zeros(wordVectors.shape)
    N = wordVectors.shape[0]
    centerWordVectors = wordVectors[: N // 2, :]
    outsideVectors = wordVectors[N // 2 :, :]
    loss = 0.0
    for center, context, negatives in batch:
        c, gin, gout = skipgram(center, context, negatives, centerWordVectors, outsideVectors)
        loss += c / batchsize
        grad[: N // 2, :] += gin / batchsize
        grad[N // 2 :, :] += gout / batchsize
    return loss, grad


def make_problem(vocabulary=5, dim=4, batchsize=3):
    rng = np.random.default_rng([vocabulary, dim, batchsize])
    pick = lambda k: [int(i) for i in rng.integers(0, vocabulary, k)]
    batch = [(pick(1)[0], pick(2), [pick(3), pick(3)]) for _ in range(batchsize)]
    return word2vec_wrapper, 0.8 * rng.standard_normal((2 * vocabulary, dim)), (batch,)
