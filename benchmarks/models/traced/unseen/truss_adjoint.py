"""Planar truss: bar areas and node heights, compliance + smooth stress penalty + volume, discrete adjoint."""
import numpy as np

STYLE = "structural engineer, FORTRAN 77 habits: UPPER CASE, IEL loops, element assembly by hand"


def MESH(NBAY):
    """Two chords with verticals and one diagonal per bay, pinned at the left."""
    XY, CON = [], []
    for I in range(NBAY + 1):
        XY.append((1.0 * I, 0.0))
        XY.append((1.0 * I, 1.0 - 0.1 * I / NBAY))
    for I in range(NBAY):
        L, U, LR, UR = 2 * I, 2 * I + 1, 2 * I + 2, 2 * I + 3
        CON += [(L, LR), (U, UR), (L, UR), (LR, UR)]
        if I % 2 == 0:
            CON.append((U, LR))
    return np.array(XY), CON


def BAR(XYI, XYJ):
    DX = XYJ - XYI
    RL = np.sqrt(DX[0]**2 + DX[1]**2)
    return DX, RL


def OBJ(X, XY0, CON, F, FREE, E, SALL, CVOL):
    NEL = len(CON)
    NN = len(XY0)
    A = np.exp(X[:NEL])
    XY = XY0.copy()
    XY[2:, 1] += X[NEL:]

    # ASSEMBLE
    K = np.zeros((2 * NN, 2 * NN))
    for IEL in range(NEL):
        I, J = CON[IEL]
        DX, RL = BAR(XY[I], XY[J])
        B = np.concatenate([-DX, DX])
        ED = [2 * I, 2 * I + 1, 2 * J, 2 * J + 1]
        K[np.ix_(ED, ED)] += E * A[IEL] / RL**3 * np.outer(B, B)

    # SOLVE
    U = np.zeros(2 * NN)
    KFF = K[np.ix_(FREE, FREE)]
    U[FREE] = np.linalg.solve(KFF, F[FREE])

    # RESPONSES AND, IN THE SAME SWEEP, THEIR PARTIAL DERIVATIVES
    COST = F @ U
    DU = F.copy()
    DA = np.zeros(NEL)
    DXY = np.zeros((NN, 2))
    for IEL in range(NEL):
        I, J = CON[IEL]
        DX, RL = BAR(XY[I], XY[J])
        DEL = U[2 * J:2 * J + 2] - U[2 * I:2 * I + 2]
        SIG = E * (DX @ DEL) / RL**2
        R = SIG / SALL
        COST += 0.25 * R**4 + CVOL * A[IEL] * RL
        DSIG = R**3 / SALL
        DDEL = DSIG * E * DX / RL**2
        DU[2 * J:2 * J + 2] += DDEL
        DU[2 * I:2 * I + 2] -= DDEL
        DA[IEL] += CVOL * RL
        DRL = CVOL * A[IEL] - 2.0 * DSIG * SIG / RL
        DDX = DSIG * E * DEL / RL**2 + DRL * DX / RL
        DXY[J] += DDX
        DXY[I] -= DDX

    # ADJOINT SOLVE, K IS SYMMETRIC
    LAM = np.zeros(2 * NN)
    LAM[FREE] = -np.linalg.solve(KFF, DU[FREE])

    # LAM' DK U, BAR BY BAR
    for IEL in range(NEL):
        I, J = CON[IEL]
        DX, RL = BAR(XY[I], XY[J])
        UREL = U[2 * J:2 * J + 2] - U[2 * I:2 * I + 2]
        LREL = LAM[2 * J:2 * J + 2] - LAM[2 * I:2 * I + 2]
        S = E * A[IEL] / RL**3
        BU = DX @ UREL
        BL = DX @ LREL
        DA[IEL] += E / RL**3 * BL * BU
        DDX = S * (BL * UREL + BU * LREL)
        DDX -= 3.0 * S * BL * BU / RL**2 * DX
        DXY[J] += DDX
        DXY[I] -= DDX

    G = np.zeros(len(X))
    G[:NEL] = DA * A
    G[NEL:] = DXY[2:, 1]
    return COST, G


def make_problem(n_bay=3):
    XY, CON = MESH(n_bay)
    NN = len(XY)
    RNG = np.random.default_rng(77 + n_bay)
    F = np.zeros(2 * NN)
    F[2 * NN - 1] = -0.1
    F[2 * NN - 4] = 0.03
    F[9 if NN > 4 else 5] -= 0.05
    FREE = np.arange(4, 2 * NN)
    X0 = np.concatenate([RNG.normal(0.0, 0.2, len(CON)), RNG.normal(0.0, 0.1, NN - 2)])
    return OBJ, X0, (XY, CON, F, FREE, 5.0, 0.3, 0.05)
