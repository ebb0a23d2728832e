"""Topology optimisation: SIMP cantilever, density filter + tanh projection, two loads, output displacement."""
import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import splu

STYLE = "matlab top88 translated, order='F', sparse"


def lk(nu):
    A11 = np.array([[12, 3, -6, -3], [3, 12, 3, 0], [-6, 3, 12, -3], [-3, 0, -3, 12]])
    A12 = np.array([[-6, -3, 0, 3], [-3, -6, -3, -6], [0, -3, -6, 3], [3, -6, 3, -6]])
    B11 = np.array([[-4, 3, -2, 9], [3, -4, -9, 4], [-2, -9, -4, -3], [9, 4, -3, -4]])
    B12 = np.array([[2, -3, 4, -9], [-3, 2, 9, -2], [4, 9, 2, 3], [-9, -2, 3, 2]])
    KE = np.block([[A11, A12], [A12.T, A11]]) + nu*np.block([[B11, B12], [B12.T, B11]])
    return KE/(1 - nu**2)/24


def make_problem(nelx=5, nely=3):
    penal = 3.0; rmin = 1.6; E0 = 1.0; Emin = 1e-2; volfrac = 0.45; beta = 1.8; eta = 0.5
    KE = lk(0.3)
    nodenrs = np.arange((1+nelx)*(1+nely)).reshape(1+nely, 1+nelx, order='F')
    edofVec = (2*nodenrs[:-1, :-1] + 2).reshape(nelx*nely, 1, order='F')
    edofMat = edofVec + np.r_[0, 1, 2*nely+2, 2*nely+3, 2*nely, 2*nely+1, -2, -1]
    iK = np.kron(edofMat, np.ones((8, 1), int)).ravel()
    jK = np.kron(edofMat, np.ones((1, 8), int)).ravel()
    ndof = 2*(nelx+1)*(nely+1)
    free = np.arange(2*(nely+1), ndof)
    F = np.zeros((ndof, 2))
    F[ndof-1, 0] = -1.0; F[2*(nelx*(nely+1))+1, 1] = 0.6
    iout = ndof-2; utarget = 0.8
    # filter
    ex, ey = np.meshgrid(np.arange(nelx), np.arange(nely))
    ex = ex.ravel(order='F'); ey = ey.ravel(order='F')
    H = np.maximum(0, rmin - np.hypot(ex[:, None]-ex, ey[:, None]-ey))
    Hs = H.sum(axis=1)
    nrm = np.tanh(beta*eta) + np.tanh(beta*(1-eta))

    def fun(xvec):
        x = xvec.reshape(nely, nelx, order='F')
        xTilde = (H @ x.ravel(order='F'))/Hs
        xPhys = (np.tanh(beta*eta) + np.tanh(beta*(xTilde-eta)))/nrm
        # FE analysis
        Ee = Emin + xPhys**penal*(E0-Emin)
        sK = (Ee[:, None]*KE.ravel()).ravel()
        K = coo_matrix((sK, (iK, jK)), shape=(ndof, ndof)).tocsc()
        LU = splu(K[free, :][:, free])
        U = np.zeros((ndof, 2))
        U[free, :] = LU.solve(F[free, :])
        # objective
        comp = np.sum(F*U)
        uerr = U[iout, 0] - utarget
        vol = xPhys.mean()/volfrac - 1
        c = 0.05*comp + 0.5*uerr**2 + 10*vol**2
        # adjoint
        R = np.zeros((ndof, 2))
        R[:, :] = 0.05*F
        R[iout, 0] += uerr
        Lam = np.zeros((ndof, 2))
        Lam[free, :] = -LU.solve(R[free, :])
        dE = np.zeros(nelx*nely)
        for k in range(2):
            Ue = U[edofMat, k]
            Le = Lam[edofMat, k]
            dE += np.sum((Le @ KE)*Ue, axis=1)
        dxPhys = penal*xPhys**(penal-1)*(E0-Emin)*dE
        dxPhys += 20*vol/volfrac/xPhys.size
        dxTilde = dxPhys*beta*(1 - np.tanh(beta*(xTilde-eta))**2)/nrm
        dx = H.T @ (dxTilde/Hs)
        return c, dx

    rng = np.random.default_rng(88)
    x0 = 0.55 + 0.25*rng.random(nelx*nely)
    return fun, x0
