"""Sequential 1-D CNN: strided convolution, average pooling with overlap, dense layer, softmax."""
import numpy as np

STYLE = "keras clone, Sequential with get_weights/set_weights lists, loops over output positions"


class Layer:
    weights = ()
    build = lambda self, shape, rng: shape


class Conv1D(Layer):
    def __init__(self, filters, kernel_size, strides=1):
        self.filters, self.kernel_size, self.strides = filters, kernel_size, strides

    def build(self, shape, rng):
        steps, channels = shape
        self.weights = [rng.normal(0, 0.5, (self.kernel_size, channels, self.filters)),
                        rng.normal(0, 0.1, self.filters)]
        return (steps - self.kernel_size) // self.strides + 1, self.filters

    def call(self, inputs):
        kernel, bias = self.weights
        self.inputs = inputs
        steps = (inputs.shape[1] - self.kernel_size) // self.strides + 1
        out = np.empty((len(inputs), steps, self.filters))
        for o in range(steps):
            begin = o * self.strides
            window = inputs[:, begin:begin + self.kernel_size]
            out[:, o] = np.tensordot(window, kernel, axes=2) + bias
        return out

    def gradient(self, upstream):
        kernel = self.weights[0]
        d_inputs = np.zeros_like(self.inputs)
        d_kernel = np.zeros_like(kernel)
        for o in range(upstream.shape[1]):
            begin = o * self.strides
            window = self.inputs[:, begin:begin + self.kernel_size]
            d_kernel += np.tensordot(window, upstream[:, o], axes=(0, 0))
            d_inputs[:, begin:begin + self.kernel_size] += np.dot(
                upstream[:, o], kernel.transpose(0, 2, 1)).reshape(window.shape)
        self.gradients = [d_kernel, upstream.sum(axis=(0, 1))]
        return d_inputs


class AveragePooling1D(Layer):
    def __init__(self, pool_size, strides):
        self.pool_size, self.strides = pool_size, strides

    def build(self, shape, rng):
        return (shape[0] - self.pool_size) // self.strides + 1, shape[1]

    def call(self, inputs):
        self.shape = inputs.shape
        starts = range(0, inputs.shape[1] - self.pool_size + 1, self.strides)
        return np.stack([inputs[:, s:s + self.pool_size].mean(1) for s in starts], axis=1)

    def gradient(self, upstream):
        d_inputs = np.zeros(self.shape)
        for o in range(upstream.shape[1]):
            s = o * self.strides
            d_inputs[:, s:s + self.pool_size] += upstream[:, o:o + 1] / self.pool_size
        return d_inputs


class Softsign(Layer):
    def call(self, inputs):
        self.denominator = 1 + np.abs(inputs)
        return inputs / self.denominator

    def gradient(self, upstream):
        return upstream / self.denominator ** 2


class Flatten(Layer):
    build = lambda self, shape, rng: (shape[0] * shape[1],)

    def call(self, inputs):
        self.shape = inputs.shape
        return inputs.reshape(len(inputs), -1)

    def gradient(self, upstream):
        return upstream.reshape(self.shape)


class Dense(Layer):
    def __init__(self, units): self.units = units

    def build(self, shape, rng):
        self.weights = [rng.normal(0, 0.5, (shape[0], self.units)), np.zeros(self.units)]
        return (self.units,)

    def call(self, inputs):
        self.inputs = inputs
        return inputs @ self.weights[0] + self.weights[1]

    def gradient(self, upstream):
        self.gradients = [self.inputs.T @ upstream, upstream.sum(axis=0)]
        return upstream @ self.weights[0].T


class Sequential:
    def __init__(self, layers, input_shape, rng):
        self.layers = layers
        for layer in layers:
            input_shape = layer.build(input_shape, rng)

    def get_weights(self):
        return [w for layer in self.layers for w in layer.weights]

    def evaluate(self, weights, x, labels):
        weights = list(weights)
        for layer in self.layers:
            layer.weights = [weights.pop(0) for _ in layer.weights]
            x = layer.call(x)
        prob = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
        loss = -np.mean(np.log((prob * labels).sum(axis=1)))
        upstream = (prob - labels) / len(labels)
        for layer in reversed(self.layers):
            upstream = layer.gradient(upstream)
        return loss, [g for layer in self.layers if len(layer.weights) for g in layer.gradients]


def make_problem(channels=2, filters=3, classes=4, batch=5):
    rng = np.random.default_rng(55)
    model = Sequential([Conv1D(filters, 3, strides=2), Softsign(), AveragePooling1D(3, 1),
                        Conv1D(filters, 2), Flatten(), Dense(classes)], (11, channels), rng)
    labels = np.eye(classes)[rng.integers(0, classes, batch)]
    return model.evaluate, model.get_weights(), (rng.normal(size=(batch, 11, channels)), labels)
