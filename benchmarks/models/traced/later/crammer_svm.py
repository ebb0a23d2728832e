'''Multi-class SVM (Crammer-Singer, squared hinge) on top of a learned projection and input gains'''
import numpy as np
STYLE='sklearn-like class, no spaces, camelCase, python loops'

class CrammerSingerSVM:
    def __init__(self,X,labels,nClasses,rank,C=1.5,lam1=0.05,lam2=0.1):
        self.X=X
        self.labels=labels
        self.nSamples,self.nFeat=X.shape
        self.nClasses=nClasses
        self.rank=rank
        self.C=C
        self.lam1=lam1   # decay of the projection
        self.lam2=lam2   # decay of log gains

    def split(self,theta):
        a=self.nFeat
        b=a+self.nFeat*self.rank
        c=b+self.rank*self.nClasses
        logGain=theta[:a]
        P=theta[a:b].reshape(self.nFeat,self.rank)
        W=theta[b:c].reshape(self.rank,self.nClasses)
        bias=theta[c:]
        return logGain,P,W,bias

    def costAndGradient(self,theta):
        logGain,P,W,bias=self.split(theta)
        gain=np.exp(logGain)
        cost=0.0
        dGain=np.zeros(self.nFeat)
        dP=np.zeros(P.shape)
        dW=np.zeros(W.shape)
        dBias=np.zeros(self.nClasses)
        for i in range(self.nSamples):
            x=self.X[i]*gain
            feat=x.dot(P)
            scores=feat.dot(W)+bias
            yi=self.labels[i]
            # worst violator
            margins=scores-scores[yi]+1.0
            margins[yi]=-np.inf
            j=int(np.argmax(margins))
            if margins[j]<=0:
                continue
            cost+=self.C*margins[j]**2
            slope=2*self.C*margins[j]
            dW[:,j]+=slope*feat
            dW[:,yi]-=slope*feat
            dBias[j]+=slope
            dBias[yi]-=slope
            dFeat=slope*(W[:,j]-W[:,yi])
            dP+=np.outer(x,dFeat)
            dx=P.dot(dFeat)
            dGain+=dx*self.X[i]
        cost/=self.nSamples
        dP/=self.nSamples
        dW/=self.nSamples
        dBias/=self.nSamples
        dLogGain=dGain*gain/self.nSamples
        # regularisation, bias is free
        cost+=0.5*np.sum(W*W)+self.lam1*np.sum(P**2)+self.lam2*np.sum(logGain**2)
        dW+=W
        dP+=2*self.lam1*P
        dLogGain+=2*self.lam2*logGain
        return cost,np.hstack((dLogGain,dP.flatten(),dW.flatten(),dBias))

def make_problem(nFeat=5,rank=2,nClasses=4,nSamples=9):
    rng=np.random.default_rng([nFeat,nClasses])
    X=rng.normal(size=(nSamples,nFeat))
    labels=np.arange(nSamples)%nClasses
    svm=CrammerSingerSVM(X,labels,nClasses,rank)
    nTheta=nFeat+nFeat*rank+rank*nClasses+nClasses
    return svm.costAndGradient,0.5*rng.normal(size=nTheta)
