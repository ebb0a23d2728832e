"""Small models that carry derivatives forward, right ones and wrong ones."""

from __future__ import annotations

from typing import Any

import numpy as np


def stacked(theta: Any, returns: Any) -> Any:
    """Return a likelihood and its score; all derivatives of a value in one array."""
    omega, alpha, beta = np.exp(theta[0]), np.exp(theta[1]), 1 / (1 + np.exp(-theta[2]))
    v, nll = 1.0, 0.0
    d_v, score = np.zeros(3), np.zeros(3)
    for r in returns:
        shock = r**2
        d_v = alpha * np.array([0.0, shock, 0.0]) + beta * d_v + np.array([omega, 0.0, 0.0])
        d_v += np.array([0.0, 0.0, beta * (1 - beta) * v])
        v = omega + alpha * shock + beta * v
        nll += np.log(v) + shock / v
        score += d_v / v - shock * d_v / v**2
    return nll, score


def stacked_wrong(theta: Any, returns: Any) -> Any:
    """Return a likelihood and a score; a term of the recursion is missing."""
    omega, alpha, beta = np.exp(theta[0]), np.exp(theta[1]), 1 / (1 + np.exp(-theta[2]))
    m, v, nll = 0.3 * omega, 1.0, 0.0
    d_m, d_v, score = np.array([0.3 * omega, 0.0, 0.0]), np.zeros(3), np.zeros(3)
    for r in returns:
        shock = (r - m) ** 2
        d_shock = -2 * (r - m) * d_m
        d_v = alpha * d_shock
        d_v += np.array([omega, alpha * shock, beta * (1 - beta) * v])
        v = omega + alpha * shock + beta * v
        nll += np.log(v) + shock / v
        score += d_v / v + d_shock / v - shock * d_v / v**2
    return nll, score


def single(theta: Any, returns: Any) -> Any:
    """Return a likelihood and its score; each derivative is a number."""
    omega, alpha, beta = np.exp(theta[0]), np.exp(theta[1]), 1 / (1 + np.exp(-theta[2]))
    d_omega, d_alpha = [omega, 0.0, 0.0], [0.0, alpha, 0.0]
    d_beta = [0.0, 0.0, beta * (1 - beta)]
    v, nll = 1.0, 0.0
    d_v, score = np.zeros(3), np.zeros(3)
    for r in returns:
        shock = r**2
        for j in range(3):
            d_v[j] = d_omega[j] + d_alpha[j] * shock + beta * d_v[j] + d_beta[j] * v
        v = omega + alpha * shock + beta * v
        nll += np.log(v) + shock / v
        for j in range(3):
            score[j] += d_v[j] / v - shock * d_v[j] / v**2
    return nll, score


def single_wrong(theta: Any, returns: Any) -> Any:
    """Return a likelihood and a score; a term of the recursion is missing."""
    omega, alpha, beta = np.exp(theta[0]), np.exp(theta[1]), 0.6 + 0.0 * theta[2]
    d_omega, d_alpha = [omega, 0.0, 0.0], [0.0, alpha, 0.0]
    v, nll = 1.0, 0.0
    d_v, score = np.zeros(3), np.zeros(3)
    for r in returns:
        shock = r**2
        for j in range(3):
            d_v[j] = d_omega[j] + d_alpha[j] * shock
        v = omega + alpha * shock + beta * v
        nll += np.log(v) + shock / v
        for j in range(3):
            score[j] += d_v[j] / v - shock * d_v[j] / v**2
    return nll, score


def score_wrong(theta: Any, returns: Any) -> Any:
    """Return a likelihood and a score; the recursion is right, what is made of it is not."""
    omega, alpha, beta = np.exp(theta[0]), np.exp(theta[1]), 1 / (1 + np.exp(-theta[2]))
    v, nll = 1.0, 0.0
    d_v, score = np.zeros(3), np.zeros(3)
    for r in returns:
        shock = r**2
        d_v = beta * d_v + np.array([omega, alpha * shock, beta * (1 - beta) * v])
        v = omega + alpha * shock + beta * v
        nll += np.log(v) + shock / v
        score += d_v / v
    return nll, score


def branching(theta: Any) -> Any:
    """Return a cost that counts its steps by a parameter."""
    cost, gradient = theta[1] ** 2, np.zeros(2)
    if theta[0] > 0:
        cost = cost + theta[0]
    gradient[1] = 3 * theta[1]
    return cost, gradient
