"""nnCostFunction.m of a well known course, ported line by line."""

import numpy as np

STYLE = "MATLAB port, bias column, order='F'"


def sigmoid(z):
    g = 1.0 / (1.0 + np.exp(-z))
    return g


def sigmoidGradient(z):
    g = sigmoid(z) * (1 - sigmoid(z))
    return g


def nnCostFunction(nn_params, input_layer_size, hidden_layer_size, num_labels, X, y, lambda_):
    # Reshape nn_params back into the parameters Theta1 and Theta2
    Theta1 = np.reshape(nn_params[: hidden_layer_size * (input_layer_size + 1)],
                        (hidden_layer_size, input_layer_size + 1), order="F")
    Theta2 = np.reshape(nn_params[hidden_layer_size * (input_layer_size + 1) :],
                        (num_labels, hidden_layer_size + 1), order="F")

    # Setup some useful variables
    m = X.shape[0]
    J = 0
    Theta1_grad = np.zeros(Theta1.shape)
    Theta2_grad = np.zeros(Theta2.shape)

    # Part 1
    Y = np.eye(num_labels)[y, :]
    a1 = np.hstack((np.ones((m, 1)), X))
    z2 = a1 @ Theta1.T
    a2 = np.hstack((np.ones((m, 1)), sigmoid(z2)))
    z3 = a2 @ Theta2.T
    h = sigmoid(z3)
    J = (1 / m) * np.sum(np.sum((-Y) * np.log(h) - (1 - Y) * np.log(1 - h)))
    J = J + lambda_ / (2 * m) * (np.sum(np.sum(Theta1[:, 1:] ** 2)) + np.sum(np.sum(Theta2[:, 1:] ** 2)))

    # Part 2
    for t in range(m):
        a_1 = a1[t, :]
        z_2 = Theta1 @ a_1
        a_2 = np.concatenate(([1], sigmoid(z_2)))
        a_3 = sigmoid(Theta2 @ a_2)
        delta_3 = a_3 - Y[t, :]
        delta_2 = (Theta2.T @ delta_3)[1:] * sigmoidGradient(z_2)
        Theta1_grad = Theta1_grad + np.outer(delta_2, a_1)
        Theta2_grad = Theta2_grad + np.outer(delta_3, a_2)
    Theta1_grad = Theta1_grad / m
    Theta2_grad = Theta2_grad / m

    # Part 3
    Theta1_grad[:, 1:] = Theta1_grad[:, 1:] + (lambda_ / m) * Theta1[:, 1:]
    Theta2_grad[:, 1:] = Theta2_grad[:, 1:] + (lambda_ / m) * Theta2[:, 1:]

    # Unroll gradients
    grad = np.concatenate((Theta1_grad.ravel(order="F"), Theta2_grad.ravel(order="F")))
    return J, grad


def make_problem(input_layer_size=3, hidden_layer_size=5, num_labels=4, m=6):
    rng = np.random.default_rng([input_layer_size, hidden_layer_size, num_labels, m])
    X = rng.standard_normal((m, input_layer_size))
    y = np.arange(m) % num_labels
    n = hidden_layer_size * (input_layer_size + 1) + num_labels * (hidden_layer_size + 1)
    nn_params = rng.uniform(-1, 1, n)
    return nnCostFunction, nn_params, (input_layer_size, hidden_layer_size, num_labels, X, y, 1.5)
