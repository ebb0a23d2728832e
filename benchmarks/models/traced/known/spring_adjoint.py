"""Chain of masses and springs, symplectic Euler; stiffnesses and start velocities from observed positions."""

import numpy as np

STYLE = "physics simulation with adjoint, long names"

TIME_STEP = 0.1
DAMPING_COEFFICIENT = 0.3


def spring_extensions(positions):
    padded_positions = np.concatenate(([0.0], positions, [0.0]))
    return np.diff(padded_positions)


def net_forces(stiffnesses, positions):
    extensions = spring_extensions(positions)
    tensions = stiffnesses * (extensions + 0.5 * extensions**3)
    return tensions[1:] - tensions[:-1]


def simulate(stiffnesses, initial_velocities, number_of_steps):
    number_of_masses = initial_velocities.size
    position_history = np.zeros((number_of_steps + 1, number_of_masses))
    velocity_history = np.zeros((number_of_steps + 1, number_of_masses))
    velocity_history[0] = initial_velocities
    for step in range(number_of_steps):
        force = net_forces(stiffnesses, position_history[step])
        acceleration = force - DAMPING_COEFFICIENT * velocity_history[step]
        velocity_history[step + 1] = velocity_history[step] + TIME_STEP * acceleration
        position_history[step + 1] = position_history[step] + TIME_STEP * velocity_history[step + 1]
    return position_history, velocity_history


def misfit_and_gradient(model_vector, observed_positions):
    number_of_steps, number_of_masses = observed_positions.shape
    log_stiffnesses = model_vector[: number_of_masses + 1]
    initial_velocities = model_vector[number_of_masses + 1 :]
    stiffnesses = np.exp(log_stiffnesses)

    position_history, velocity_history = simulate(stiffnesses, initial_velocities, number_of_steps)
    residuals = position_history[1:] - observed_positions
    misfit = 0.5 * np.sum(residuals**2)

    # adjoint simulation, backwards in time
    stiffness_gradient = np.zeros(number_of_masses + 1)
    position_adjoint = np.zeros(number_of_masses)
    velocity_adjoint = np.zeros(number_of_masses)
    for step in range(number_of_steps - 1, -1, -1):
        position_adjoint = position_adjoint + residuals[step]
        velocity_adjoint = velocity_adjoint + TIME_STEP * position_adjoint
        force_adjoint = TIME_STEP * velocity_adjoint
        extensions = spring_extensions(position_history[step])
        padded_adjoint = np.concatenate(([0.0], force_adjoint, [0.0]))
        tension_adjoint = padded_adjoint[:-1] - padded_adjoint[1:]
        stiffness_gradient += tension_adjoint * (extensions + 0.5 * extensions**3)
        extension_adjoint = tension_adjoint * stiffnesses * (1.0 + 1.5 * extensions**2)
        position_adjoint = position_adjoint + extension_adjoint[:-1] - extension_adjoint[1:]
        velocity_adjoint = velocity_adjoint - DAMPING_COEFFICIENT * force_adjoint

    gradient = np.concatenate((stiffness_gradient * stiffnesses, velocity_adjoint))
    return misfit, gradient


def make_problem(number_of_masses=4, number_of_steps=6):
    random = np.random.default_rng([number_of_masses, number_of_steps])
    true_model = random.standard_normal(2 * number_of_masses + 1)
    positions, _ = simulate(
        np.exp(true_model[: number_of_masses + 1]), true_model[number_of_masses + 1 :], number_of_steps
    )
    starting_model = true_model + 0.5 * random.standard_normal(true_model.size)
    return misfit_and_gradient, starting_model, (positions[1:],)
