"""Recursive neural network on binary trees (Socher), CS224d assignment style: forward and backward by recursion."""

import numpy as np

STYLE = "recursive tree net, recursion on node objects"


class Node:
    def __init__(self, label, word=None, left=None, right=None):
        self.label = label
        self.word = word
        self.left = left
        self.right = right
        self.isLeaf = word is not None


class RNN:
    def __init__(self, wvecDim, outputDim, numWords, rho):
        self.wvecDim, self.outputDim, self.numWords, self.rho = wvecDim, outputDim, numWords, rho

    def initStack(self, stack):
        self.L, self.W, self.b, self.Ws, self.bs = stack
        self.dL, self.dW, self.db, self.dWs, self.dbs = [np.zeros_like(s) for s in stack]

    def costAndGrad(self, stack, trees):
        self.initStack(stack)
        cost = 0.0
        for tree in trees:
            cost += self.forwardProp(tree)
            self.backProp(tree)
        scale = 1.0 / len(trees)
        cost += (self.rho / 2) * np.sum(self.W ** 2)
        cost += (self.rho / 2) * np.sum(self.Ws ** 2)
        return scale * cost, [
            scale * self.dL,
            scale * (self.dW + self.rho * self.W),
            scale * self.db,
            scale * (self.dWs + self.rho * self.Ws),
            scale * self.dbs,
        ]

    def forwardProp(self, node):
        cost = 0.0
        if node.isLeaf:
            node.hActs = self.L[:, node.word]
        else:
            cost += self.forwardProp(node.left)
            cost += self.forwardProp(node.right)
            lr = np.hstack([node.left.hActs, node.right.hActs])
            node.hActs = np.tanh(np.dot(self.W, lr) + self.b)
        scores = np.dot(self.Ws, node.hActs) + self.bs
        scores = np.exp(scores - np.max(scores))
        node.probs = scores / np.sum(scores)
        return cost - np.log(node.probs[node.label])

    def backProp(self, node, error=None):
        deltas = node.probs.copy()
        deltas[node.label] -= 1.0
        self.dWs += np.outer(deltas, node.hActs)
        self.dbs += deltas
        deltas = np.dot(self.Ws.T, deltas)
        if error is not None:
            deltas = deltas + error
        if node.isLeaf:
            self.dL[:, node.word] += deltas
            return
        deltas = deltas * (1 - node.hActs ** 2)
        lr = np.hstack([node.left.hActs, node.right.hActs])
        self.dW += np.outer(deltas, lr)
        self.db += deltas
        deltas = np.dot(self.W.T, deltas)
        self.backProp(node.left, deltas[:self.wvecDim])
        self.backProp(node.right, deltas[self.wvecDim:])


def make_problem(wvecDim=3, outputDim=4, numWords=5):
    rng = np.random.default_rng([wvecDim, outputDim, numWords])

    def leaf():
        return Node(int(rng.integers(outputDim)), word=int(rng.integers(numWords)))

    def join(a, b):
        return Node(int(rng.integers(outputDim)), left=a, right=b)

    trees = [join(join(leaf(), leaf()), leaf()), join(leaf(), join(leaf(), leaf()))]
    stack = [
        rng.standard_normal((wvecDim, numWords)),
        0.7 * rng.standard_normal((wvecDim, 2 * wvecDim)),
        0.2 * rng.standard_normal(wvecDim),
        0.7 * rng.standard_normal((outputDim, wvecDim)),
        0.2 * rng.standard_normal(outputDim),
    ]
    return RNN(wvecDim, outputDim, numWords, 0.3).costAndGrad, stack, (trees,)
