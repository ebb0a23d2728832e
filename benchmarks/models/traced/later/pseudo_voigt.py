"""XPS peak fit: pseudo-Voigt peaks on a line, Jacobian column by column (ported from a Matlab script)"""
import numpy as np

STYLE = "Matlab port, Jacobian columns and g = J'*r"


def peakfit(p,x,y,w,npk):
    N = len(x)
    f = np.zeros(N)
    J = np.zeros((N,len(p)))
    for k in range(npk):
        A  = p[4*k]
        x0 = p[4*k+1]
        G  = np.exp(p[4*k+2])               # fwhm
        et = 1/(1+np.exp(-p[4*k+3]))        # mixing
        u  = (x-x0)/G
        L  = 1/(1+4*u**2)
        g  = np.exp(-4*np.log(2)*u**2)
        pv = et*L+(1-et)*g
        f  = f+A*pv
        # derivative with respect to u
        dL = -8*u*L**2
        dg = -8*np.log(2)*u*g
        du = A*(et*dL+(1-et)*dg)
        J[:,4*k]   = pv
        J[:,4*k+1] = -du/G
        J[:,4*k+2] = -du*u
        J[:,4*k+3] = A*(L-g)*et*(1-et)
    # linear background
    xm = np.mean(x)
    f = f+p[-2]+p[-1]*(x-xm)
    J[:,-2] = 1
    J[:,-1] = x-xm
    r = f-y
    chi2 = np.sum(w*r**2)/2
    grad = J.T@(w*r)
    # all the widths should be alike
    lw = p[2:4*npk:4]
    dev = lw-np.mean(lw)
    chi2 = chi2+2*np.sum(dev**2)
    grad[2:4*npk:4] = grad[2:4*npk:4]+4*dev
    return chi2,grad


def make_problem(npk=3,npts=40):
    npts = max(npts,4*npk)
    rng = np.random.default_rng(284)
    x = np.linspace(0,10,npts)
    p = np.zeros(4*npk+2)
    y = 0.5+0.1*x
    for k in range(npk):
        c = 10*(k+0.5)/npk
        y = y+(2+k%2)*np.exp(-(x-c)**2)
        p[4*k:4*k+4] = [1.5+rng.random(),c+0.5*rng.standard_normal(),0.3+0.4*rng.standard_normal(),-0.5+rng.random()]
    p[-2:] = [0.8,0.05]
    y = y+0.05*rng.standard_normal(npts)
    w = 1/(0.1+0.05*y)
    return peakfit,p,(x,y,w,npk)
