"""Gated message passing on a small directed graph, graph-level regression."""
from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

STYLE = "dataclass(slots) layers, np.add.at scatter"


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-z))


@dataclass(slots=True)
class Graph:
    src: np.ndarray
    dst: np.ndarray
    edge_feat: np.ndarray
    n_nodes: int

    @property
    def indegree(self) -> np.ndarray:
        return np.maximum(np.bincount(self.dst, minlength=self.n_nodes), 1)[:, None]


@dataclass(slots=True)
class GatedConv:
    graph: Graph
    W_msg: np.ndarray
    W_self: np.ndarray
    u_gate: np.ndarray
    cache: dict = field(default_factory=dict)
    grads: dict = field(default_factory=dict)

    def forward(self, h: np.ndarray) -> np.ndarray:
        g = self.graph
        gate = sigmoid(g.edge_feat @ self.u_gate)[:, None]
        hw = h @ self.W_msg
        agg = np.zeros((g.n_nodes, hw.shape[1]))
        np.add.at(agg, g.dst, gate * hw[g.src])
        z = h @ self.W_self + agg / g.indegree
        out = np.tanh(z)
        self.cache = dict(h=h, gate=gate, hw=hw, out=out)
        return out

    def backward(self, d_out: np.ndarray) -> np.ndarray:
        g, c = self.graph, self.cache
        d_z = d_out * (1.0 - c["out"] ** 2)
        d_agg = d_z / g.indegree
        d_msg = d_agg[g.dst]
        d_gate = np.sum(d_msg * c["hw"][g.src], axis=1)
        d_hw = np.zeros_like(c["hw"])
        np.add.at(d_hw, g.src, d_msg * c["gate"])
        s = c["gate"][:, 0]
        self.grads["W_msg"] = c["h"].T @ d_hw
        self.grads["W_self"] = c["h"].T @ d_z
        self.grads["u_gate"] = g.edge_feat.T @ (d_gate * s * (1.0 - s))
        return d_hw @ self.W_msg.T + d_z @ self.W_self.T


@dataclass(slots=True)
class AttentiveReadout:
    a: np.ndarray
    w: np.ndarray
    cache: tuple = ()
    grads: dict = field(default_factory=dict)

    def forward(self, h: np.ndarray) -> float:
        score = h @ self.a
        p = np.exp(score - score.max())
        p /= p.sum()
        val = h @ self.w
        self.cache = h, p, val
        return float(p @ val)

    def backward(self, d_y: float) -> np.ndarray:
        h, p, val = self.cache
        d_val = d_y * p
        d_p = d_y * val
        d_score = p * (d_p - p @ d_p)
        self.grads["a"] = h.T @ d_score
        self.grads["w"] = h.T @ d_val
        return np.outer(d_score, self.a) + np.outer(d_val, self.w)


def make_problem(n_nodes=6, n_feat=2, n_hidden=3, n_edge_feat=4):
    rng = np.random.default_rng(n_nodes * 1000 + n_feat * 100 + n_hidden * 10 + n_edge_feat)
    n_edges = 2 * n_nodes
    graph = Graph(rng.integers(0, n_nodes, n_edges), rng.integers(0, n_nodes, n_edges),
                  rng.normal(size=(n_edges, n_edge_feat)), n_nodes)
    feats, target = rng.normal(size=(n_nodes, n_feat)), 1.3
    F, H, E = n_feat, n_hidden, n_edge_feat
    shapes = [(F, H), (F, H), (E,), (H, H), (H, H), (E,), (H,), (H,)]
    cuts = np.cumsum([np.prod(s) for s in shapes])

    def fun(theta: np.ndarray) -> tuple[float, np.ndarray]:
        p = [v.reshape(s) for v, s in zip(np.split(theta, cuts[:-1]), shapes)]
        convs = [GatedConv(graph, *p[:3]), GatedConv(graph, *p[3:6])]
        head = AttentiveReadout(*p[6:])
        h = feats
        for conv in convs:
            h = conv.forward(h)
        resid = head.forward(h) - target
        d_h = head.backward(resid)
        for conv in reversed(convs):
            d_h = conv.backward(d_h)
        parts = [conv.grads[k] for conv in convs for k in ("W_msg", "W_self", "u_gate")]
        parts += [head.grads["a"], head.grads["w"]]
        return 0.5 * resid ** 2, np.concatenate([q.ravel() for q in parts])

    return fun, 0.5 * rng.normal(size=cuts[-1])
