"""Network of sigmoid layers after Nielsen's book: column vectors, one example at a time, L2."""
import numpy as np

STYLE = "Nielsen book Network class, per-sample backprop"


class Network(object):

    def __init__(self, sizes, lmbda=0.3):
        self.num_layers = len(sizes)
        self.sizes = sizes
        self.lmbda = lmbda
        rng = np.random.default_rng(12)
        self.biases = [rng.standard_normal((y, 1)) for y in sizes[1:]]
        self.weights = [rng.standard_normal((y, x)) / np.sqrt(x)
                        for x, y in zip(sizes[:-1], sizes[1:])]

    def feedforward(self, a):
        for b, w in zip(self.biases, self.weights):
            a = sigmoid(np.dot(w, a) + b)
        return a

    def total_cost(self, data):
        cost = 0.0
        for x, y in data:
            a = self.feedforward(x)
            cost += 0.5 * np.sum((a - y) ** 2) / len(data)
        cost += 0.5 * (self.lmbda / len(data)) * sum(np.linalg.norm(w) ** 2 for w in self.weights)
        return cost

    def total_gradient(self, data):
        nabla_b = [np.zeros(b.shape) for b in self.biases]
        nabla_w = [np.zeros(w.shape) for w in self.weights]
        for x, y in data:
            delta_nabla_b, delta_nabla_w = self.backprop(x, y)
            nabla_b = [nb + dnb for nb, dnb in zip(nabla_b, delta_nabla_b)]
            nabla_w = [nw + dnw for nw, dnw in zip(nabla_w, delta_nabla_w)]
        nabla_b = [nb / len(data) for nb in nabla_b]
        nabla_w = [(nw + self.lmbda * w) / len(data) for nw, w in zip(nabla_w, self.weights)]
        return nabla_w, nabla_b

    def backprop(self, x, y):
        nabla_b = [np.zeros(b.shape) for b in self.biases]
        nabla_w = [np.zeros(w.shape) for w in self.weights]
        # feedforward
        activation = x
        activations = [x]  # list to store all the activations, layer by layer
        zs = []  # list to store all the z vectors, layer by layer
        for b, w in zip(self.biases, self.weights):
            z = np.dot(w, activation) + b
            zs.append(z)
            activation = sigmoid(z)
            activations.append(activation)
        # backward pass
        delta = self.cost_derivative(activations[-1], y) * sigmoid_prime(zs[-1])
        nabla_b[-1] = delta
        nabla_w[-1] = np.dot(delta, activations[-2].transpose())
        for l in range(2, self.num_layers):
            z = zs[-l]
            sp = sigmoid_prime(z)
            delta = np.dot(self.weights[-l + 1].transpose(), delta) * sp
            nabla_b[-l] = delta
            nabla_w[-l] = np.dot(delta, activations[-l - 1].transpose())
        return (nabla_b, nabla_w)

    def cost_derivative(self, output_activations, y):
        return (output_activations - y)


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))


def make_problem(n_in=3, n_hidden=5, n_hidden2=4, n_out=2, n_train=6):
    net = Network([n_in, n_hidden, n_hidden2, n_out])
    rng = np.random.default_rng(3)
    training_data = [(rng.standard_normal((n_in, 1)), rng.integers(0, 2, (n_out, 1)).astype(float))
                     for _ in range(n_train)]
    n = len(net.weights)

    def cost_and_gradient(params):
        net.weights, net.biases = list(params[:n]), list(params[n:])
        nabla_w, nabla_b = net.total_gradient(training_data)
        return net.total_cost(training_data), nabla_w + nabla_b

    return cost_and_gradient, net.weights + net.biases
