"""Multivariate Hawkes process, exponential kernels: negative log likelihood and gradient by reversed recursion."""
import math
import numpy as np

STYLE = "Fortran 77 in Python, scalar loops"


def HAWKES(NDIM, NEV, TEND, TEV, ITYP, P):
    # P = ( LOG MU(NDIM), LOG ALPHA(NDIM,NDIM) BY ROWS, LOG BETA(NDIM) )
    AMU = [0.0]*NDIM
    ALF = [[0.0]*NDIM for I in range(NDIM)]
    BET = [0.0]*NDIM
    for I in range(NDIM):
        AMU[I] = math.exp(P[I])
        BET[I] = math.exp(P[NDIM + NDIM*NDIM + I])
        for J in range(NDIM):
            ALF[I][J] = math.exp(P[NDIM + NDIM*I + J])
    # FORWARD.  R(K,J) = SUM OVER EARLIER EVENTS OF TYPE J OF EXP(-BETA(J)*(T(K)-T))
    R = [[0.0]*NDIM for K in range(NEV)]
    Q = [[0.0]*NDIM for K in range(NEV)]
    ALAM = [0.0]*NEV
    F = 0.0
    for K in range(NEV):
        if K > 0:
            DT = TEV[K] - TEV[K-1]
            for J in range(NDIM):
                Q[K][J] = R[K-1][J]
                if ITYP[K-1] == J:
                    Q[K][J] = Q[K][J] + 1.0
                R[K][J] = math.exp(-BET[J]*DT)*Q[K][J]
        I = ITYP[K]
        ALAM[K] = AMU[I]
        for J in range(NDIM):
            ALAM[K] = ALAM[K] + ALF[I][J]*BET[J]*R[K][J]
        F = F - math.log(ALAM[K])
    for I in range(NDIM):
        F = F + AMU[I]*TEND
    for K in range(NEV):
        J = ITYP[K]
        COMP = 1.0 - math.exp(-BET[J]*(TEND - TEV[K]))
        for I in range(NDIM):
            F = F + ALF[I][J]*COMP
    # DERIVATIVES W.R.T. MU, ALPHA, BETA
    DMU = [0.0]*NDIM
    DALF = [[0.0]*NDIM for I in range(NDIM)]
    DBET = [0.0]*NDIM
    for I in range(NDIM):
        DMU[I] = TEND
    for K in range(NEV):
        J = ITYP[K]
        EX = math.exp(-BET[J]*(TEND - TEV[K]))
        for I in range(NDIM):
            DALF[I][J] = DALF[I][J] + 1.0 - EX
            DBET[J] = DBET[J] + ALF[I][J]*(TEND - TEV[K])*EX
    # BACKWARD SWEEP, RB = ADJOINT OF R(K,.)
    RB = [0.0]*NDIM
    for K in range(NEV-1, -1, -1):
        I = ITYP[K]
        W = -1.0/ALAM[K]
        DMU[I] = DMU[I] + W
        for J in range(NDIM):
            DALF[I][J] = DALF[I][J] + W*BET[J]*R[K][J]
            DBET[J] = DBET[J] + W*ALF[I][J]*R[K][J]
            RB[J] = RB[J] + W*ALF[I][J]*BET[J]
        if K > 0:
            DT = TEV[K] - TEV[K-1]
            for J in range(NDIM):
                DBET[J] = DBET[J] - RB[J]*DT*R[K][J]
                RB[J] = RB[J]*math.exp(-BET[J]*DT)
    G = np.zeros(len(P))
    for I in range(NDIM):
        G[I] = DMU[I]*AMU[I]
        G[NDIM + NDIM*NDIM + I] = DBET[I]*BET[I]
        for J in range(NDIM):
            G[NDIM + NDIM*I + J] = DALF[I][J]*ALF[I][J]
    return F, G


def make_problem(ndim=2, nev=14):
    nev = max(nev, 5)
    rng = np.random.default_rng(1971)
    tev = np.cumsum(rng.exponential(0.5, nev))
    ityp = np.concatenate([np.arange(ndim), rng.integers(0, ndim, nev)])[:nev]
    x0 = np.r_[rng.normal(-0.5, 0.2, ndim), rng.normal(-1, 0.3, ndim*ndim), rng.normal(0.3, 0.2, ndim)]
    tend = float(tev[-1] + 0.7)
    return lambda x: HAWKES(ndim, nev, tend, tev.tolist(), ityp.tolist(), x.tolist()), x0
