import numpy as np
STYLE = "everything on one line, semicolons, single letters"
s = lambda z: 1/(1+np.exp(-z))
def c(t, X, y, l, q): h = s(X@t[:-1] + t[-1]); u = X@t[:-1]; J = -(y*np.log(h) + (1-y)*np.log(1-h)).mean() + l*np.sqrt(1+t[:-1]**2).sum() + q*np.log(1+u**2).sum(); r = (h-y)/len(y); g = np.r_[X.T@r + l*t[:-1]/np.sqrt(1+t[:-1]**2) + q*X.T@(2*u/(1+u**2)), r.sum()]; return J, g
def make_problem(m=6, n=4): r = np.random.default_rng([m, n]); return c, r.standard_normal(n+1), (r.standard_normal((m, n)), (r.random(m) < .5)*1., .2, .1)
