"""
Minimal character-level Vanilla RNN model, after a well known gist.
"""
import numpy as np

STYLE = "Karpathy min-char-rnn"


def lossFun(inputs, targets, hprev, Wxh, Whh, Why, bh, by):
  """
  inputs,targets are both list of integers.
  hprev is Hx1 array of initial hidden state
  returns the loss, gradients on model parameters, and last hidden state
  """
  xs, hs, ys, ps = {}, {}, {}, {}
  hs[-1] = np.copy(hprev)
  vocab_size = Wxh.shape[1]
  loss = 0
  # forward pass
  for t in range(len(inputs)):
    xs[t] = np.zeros((vocab_size,1)) # encode in 1-of-k representation
    xs[t][inputs[t]] = 1
    hs[t] = np.tanh(np.dot(Wxh, xs[t]) + np.dot(Whh, hs[t-1]) + bh) # hidden state
    ys[t] = np.dot(Why, hs[t]) + by # unnormalized log probabilities for next chars
    ps[t] = np.exp(ys[t]) / np.sum(np.exp(ys[t])) # probabilities for next chars
    loss += -np.log(ps[t][targets[t],0]) # softmax (cross-entropy loss)
  # backward pass: compute gradients going backwards
  dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
  dbh, dby = np.zeros_like(bh), np.zeros_like(by)
  dhnext = np.zeros_like(hs[0])
  for t in reversed(range(len(inputs))):
    dy = np.copy(ps[t])
    dy[targets[t]] -= 1 # backprop into y
    dWhy += np.dot(dy, hs[t].T)
    dby += dy
    dh = np.dot(Why.T, dy) + dhnext # backprop into h
    dhraw = (1 - hs[t] * hs[t]) * dh # backprop through tanh nonlinearity
    dbh += dhraw
    dWxh += np.dot(dhraw, xs[t].T)
    dWhh += np.dot(dhraw, hs[t-1].T)
    dhnext = np.dot(Whh.T, dhraw)
  return loss, dWxh, dWhh, dWhy, dbh, dby, hs[len(inputs)-1]


def make_problem(vocab_size=4, hidden_size=3, seq_length=5):
  rng = np.random.default_rng([vocab_size, hidden_size, seq_length])
  text = rng.integers(0, vocab_size, seq_length + 1)
  inputs, targets = list(text[:-1]), list(text[1:])
  hprev = 0.3 * rng.standard_normal((hidden_size, 1))
  H, V = hidden_size, vocab_size
  ends = np.cumsum([H*V, H*H, V*H, H])

  def fun(p):
    a, b, c, d, e = np.split(p, ends)
    out = lossFun(inputs, targets, hprev, a.reshape(H, V), b.reshape(H, H), c.reshape(V, H), d.reshape(H, 1), e.reshape(V, 1))
    return out[0], np.concatenate([g.ravel() for g in out[1:6]])

  return fun, 0.5 * rng.standard_normal(H*V + H*H + V*H + H + V)
