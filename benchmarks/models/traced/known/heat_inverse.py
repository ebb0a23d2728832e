"""Inverse heat conduction: nodal conductivities from temperatures, implicit Euler, adjoint state method."""

import numpy as np

STYLE = "PDE inverse problem, implicit steps, linear solves, adjoint state"

LENGTH_OF_ROD = 1.0
HEAT_CAPACITY = 2.0


def assemble_stiffness(conductivity_at_faces, grid_spacing):
    n_nodes = conductivity_at_faces.size - 1
    stiffness_matrix = np.zeros((n_nodes, n_nodes))
    for node in range(n_nodes):
        left_face = conductivity_at_faces[node] / grid_spacing**2
        right_face = conductivity_at_faces[node + 1] / grid_spacing**2
        stiffness_matrix[node, node] = left_face + right_face
        if node > 0:
            stiffness_matrix[node, node - 1] = -left_face
        if node < n_nodes - 1:
            stiffness_matrix[node, node + 1] = -right_face
    return stiffness_matrix


def face_jumps(field):
    """Differences across the faces, with zero outside."""
    return np.diff(np.pad(field, 1))


def objective(log_conductivity, initial_temperature, source, measurements, time_step, tikhonov):
    n_steps, n_nodes = measurements.shape
    grid_spacing = LENGTH_OF_ROD / (n_nodes + 1)
    conductivity = np.exp(log_conductivity)
    system_matrix = HEAT_CAPACITY * np.eye(n_nodes) + time_step * assemble_stiffness(conductivity, grid_spacing)

    temperature = initial_temperature
    temperature_history = []
    data_misfit = 0.0
    for step in range(n_steps):
        right_hand_side = HEAT_CAPACITY * temperature + time_step * source
        temperature = np.linalg.solve(system_matrix, right_hand_side)
        temperature_history.append(temperature)
        data_misfit += 0.5 * np.sum((temperature - measurements[step]) ** 2)
    roughness = np.diff(log_conductivity)
    cost = data_misfit + 0.5 * tikhonov * np.dot(roughness, roughness)

    conductivity_gradient = np.zeros_like(conductivity)
    adjoint_temperature = np.zeros(n_nodes)
    for step in range(n_steps - 1, -1, -1):
        forcing = temperature_history[step] - measurements[step] + HEAT_CAPACITY * adjoint_temperature
        adjoint_temperature = np.linalg.solve(system_matrix.T, forcing)
        sensitivity = face_jumps(adjoint_temperature) * face_jumps(temperature_history[step])
        conductivity_gradient -= time_step * sensitivity / grid_spacing**2

    gradient = conductivity_gradient * conductivity
    gradient[1:] += tikhonov * roughness
    gradient[:-1] -= tikhonov * roughness
    return cost, gradient


def make_problem(n_nodes=5, n_steps=4):
    generator = np.random.default_rng([n_nodes, n_steps])
    initial_temperature = generator.standard_normal(n_nodes)
    source = 5 * generator.standard_normal(n_nodes)
    measurements = generator.standard_normal((n_steps, n_nodes))
    log_conductivity = 0.3 * generator.standard_normal(n_nodes + 1) - 1.0
    return objective, log_conductivity, (initial_temperature, source, measurements, 0.1, 0.05)
