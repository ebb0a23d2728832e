"""Mixture of linear experts with a softmax gate: Gaussian mixture likelihood plus load balancing."""
from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Callable

import numpy as np
from numpy.typing import NDArray

STYLE = "typed clean code, frozen dataclasses with pack/unpack"

Array = NDArray[np.float64]


@dataclass(frozen=True)
class MoeParams:
    gate_kernel: Array      # (features, experts)
    gate_bias: Array        # (experts,)
    expert_kernel: Array    # (features, experts)
    expert_bias: Array      # (experts,)
    log_scale: Array        # (experts,)

    def pack(self) -> Array:
        return np.concatenate([getattr(self, f.name).ravel() for f in fields(self)])

    @classmethod
    def unpack(cls, theta: Array, features: int, experts: int) -> MoeParams:
        shapes = [(features, experts), (experts,), (features, experts), (experts,), (experts,)]
        cuts = np.cumsum([int(np.prod(s)) for s in shapes])[:-1]
        parts = np.split(theta, cuts)
        return cls(*(part.reshape(shape) for part, shape in zip(parts, shapes)))


@dataclass(frozen=True)
class Activations:
    gate: Array             # softmax of the gate logits, (batch, experts)
    residual: Array         # target minus expert mean, (batch, experts)
    posterior: Array        # responsibilities, (batch, experts)
    load: Array             # mean gate per expert, (experts,)


@dataclass(frozen=True)
class MixtureOfExperts:
    inputs: Array
    targets: Array
    experts: int
    balance: float

    def forward(self, params: MoeParams) -> tuple[float, Activations]:
        logits = self.inputs @ params.gate_kernel + params.gate_bias
        logits = logits - logits.max(axis=1, keepdims=True)
        log_gate = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        means = self.inputs @ params.expert_kernel + params.expert_bias
        residual = self.targets[:, None] - means
        scaled = residual * np.exp(-params.log_scale)
        log_joint = log_gate - 0.5 * scaled**2 - params.log_scale
        peak = log_joint.max(axis=1, keepdims=True)
        log_evidence = peak + np.log(np.exp(log_joint - peak).sum(axis=1, keepdims=True))
        gate = np.exp(log_gate)
        load = gate.mean(axis=0)
        loss = -log_evidence.mean() + self.balance * self.experts * np.sum(load**2)
        return float(loss), Activations(
            gate=gate,
            residual=residual,
            posterior=np.exp(log_joint - log_evidence),
            load=load,
        )

    def backward(self, params: MoeParams, acts: Activations) -> MoeParams:
        batch = self.inputs.shape[0]
        precision = np.exp(-2.0 * params.log_scale)
        # likelihood: d(-log evidence) = -posterior * d(log joint)
        d_joint = -acts.posterior / batch
        d_means = d_joint * acts.residual * precision
        d_log_scale = np.sum(d_joint * (acts.residual**2 * precision - 1.0), axis=0)
        d_logits = d_joint - acts.gate * d_joint.sum(axis=1, keepdims=True)
        # load balancing goes through the softmax itself
        d_load = 2.0 * self.balance * self.experts * acts.load
        d_gate = np.broadcast_to(d_load / batch, acts.gate.shape)
        inner = np.sum(d_gate * acts.gate, axis=1, keepdims=True)
        d_logits = d_logits + acts.gate * (d_gate - inner)
        return MoeParams(
            gate_kernel=self.inputs.T @ d_logits,
            gate_bias=d_logits.sum(axis=0),
            expert_kernel=self.inputs.T @ d_means,
            expert_bias=d_means.sum(axis=0),
            log_scale=d_log_scale,
        )

    def as_objective(self) -> Callable[[Array], tuple[float, Array]]:
        def objective(theta: Array) -> tuple[float, Array]:
            params = MoeParams.unpack(theta, self.inputs.shape[1], self.experts)
            loss, acts = self.forward(params)
            return loss, self.backward(params, acts).pack()

        return objective


def make_problem(features: int = 4, experts: int = 3, batch: int = 7):
    rng = np.random.default_rng(features * 100 + experts)
    inputs = rng.standard_normal((batch, features))
    targets = np.abs(inputs[:, 0]) + 0.3 * rng.standard_normal(batch)
    model = MixtureOfExperts(inputs, targets, experts, balance=0.8)
    theta0 = 0.6 * rng.standard_normal(2 * features * experts + 3 * experts)
    return model.as_objective(), theta0
