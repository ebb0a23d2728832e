"""Ordinal regression (cumulative logits) on a small tanh network, ordered cut points by construction."""

import numpy as np

STYLE = "verbose names, numbered comments, homework-like, namedtuple parameters"

from collections import namedtuple

ModelParameters = namedtuple('ModelParameters', [
    'hidden_weights', 'hidden_biases', 'score_weights', 'first_threshold', 'log_gaps'])


def logistic_function(value):
    return 1.0 / (1.0 + np.exp(-value))


def compute_thresholds(parameters):
    """The first cut point is free, every next one is a positive gap further to the right."""
    gaps = np.exp(parameters.log_gaps)
    return parameters.first_threshold + np.concatenate(([0.0], np.cumsum(gaps)))


def ordinal_cost(parameters, features, grades, regularization_strength):
    number_of_examples = features.shape[0]
    thresholds = compute_thresholds(parameters)
    number_of_grades = len(thresholds) + 1

    # Step 1: hidden layer
    hidden_input = np.dot(features, parameters.hidden_weights) + parameters.hidden_biases
    hidden_output = np.tanh(hidden_input)

    # Step 2: one latent score per example
    latent_score = np.dot(hidden_output, parameters.score_weights)

    # Step 3: P(grade <= k) for all k, padded by 0 on the left and 1 on the right
    cumulative = logistic_function(thresholds[np.newaxis, :] - latent_score[:, np.newaxis])
    padded = np.hstack((np.zeros((number_of_examples, 1)), cumulative,
                        np.ones((number_of_examples, 1))))
    upper = padded[np.arange(number_of_examples), grades + 1]
    lower = padded[np.arange(number_of_examples), grades]
    likelihood = upper - lower

    # Step 4: cost
    data_cost = -np.sum(np.log(likelihood)) / number_of_examples
    weight_cost = 0.5 * regularization_strength * (
        np.sum(parameters.hidden_weights ** 2) + np.sum(parameters.score_weights ** 2))
    cost = data_cost + weight_cost

    # Step 5: derivative with respect to every padded cumulative probability
    likelihood_gradient = -1.0 / (likelihood * number_of_examples)
    padded_gradient = np.zeros((number_of_examples, number_of_grades + 1))
    for example in range(number_of_examples):
        grade = grades[example]
        padded_gradient[example, grade + 1] += likelihood_gradient[example]
        padded_gradient[example, grade] -= likelihood_gradient[example]

    # Step 6: through the logistic function (the padding is constant, so it is cut off)
    logit_gradient = padded_gradient[:, 1:-1] * cumulative * (1.0 - cumulative)
    threshold_gradient = np.sum(logit_gradient, axis=0)
    latent_score_gradient = -np.sum(logit_gradient, axis=1)

    # Step 7: thresholds. Each gap moves all the cut points to its right
    first_threshold_gradient = np.sum(threshold_gradient)
    log_gaps_gradient = np.zeros_like(parameters.log_gaps)
    for gap_index in range(len(log_gaps_gradient)):
        moved_by_gap = np.sum(threshold_gradient[gap_index + 1:])
        log_gaps_gradient[gap_index] = moved_by_gap * np.exp(parameters.log_gaps[gap_index])

    # Step 8: score weights and hidden layer
    score_weights_gradient = np.dot(hidden_output.T, latent_score_gradient)
    hidden_output_gradient = np.outer(latent_score_gradient, parameters.score_weights)
    hidden_input_gradient = hidden_output_gradient * (1.0 - hidden_output ** 2)
    hidden_weights_gradient = np.dot(features.T, hidden_input_gradient)
    hidden_biases_gradient = np.sum(hidden_input_gradient, axis=0)

    # Step 9: regularization (not for biases and thresholds)
    score_weights_gradient += regularization_strength * parameters.score_weights
    hidden_weights_gradient += regularization_strength * parameters.hidden_weights

    return cost, ModelParameters(hidden_weights_gradient, hidden_biases_gradient,
                                 score_weights_gradient, first_threshold_gradient,
                                 log_gaps_gradient)


def make_problem(number_of_features=3, hidden_units=4, number_of_grades=5, number_of_examples=7):
    generator = np.random.default_rng(1234)
    features = generator.normal(size=(number_of_examples, number_of_features))
    grades = generator.integers(0, number_of_grades, size=number_of_examples)
    start = ModelParameters(
        hidden_weights=generator.normal(size=(number_of_features, hidden_units)) * 0.6,
        hidden_biases=generator.normal(size=hidden_units) * 0.3,
        score_weights=generator.normal(size=hidden_units),
        first_threshold=np.array(-1.2),
        log_gaps=generator.normal(size=number_of_grades - 2) * 0.3)
    return ordinal_cost, start, (features, grades, 0.02)
