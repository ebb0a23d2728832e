"""Toy U-Net (one down, one up, skip connection) for binary masks: soft Dice plus cross-entropy."""
STYLE = "segmentation notebook, shifts over kernel taps, dict of layers, packs in a closure"

import numpy as np

TAPS = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 0), (0, 1), (1, -1), (1, 0), (1, 1)]


def shift(img, dy, dx):
    # periodic borders keep it simple
    return np.roll(img, (dy, dx), axis=(-2, -1))


def conv3(img, kernel):
    # img (N, H, W) -> (N, C, H, W)
    out = 0
    for t, (dy, dx) in enumerate(TAPS):
        out = out + kernel[None, :, t, None, None] * shift(img, dy, dx)[:, None]
    return out


def mix(x, w):
    # 1x1 convolution (N, A, H, W) -> (N, B, H, W)
    return np.tensordot(x, w, axes=([1], [0])).transpose(0, 3, 1, 2)


def down(x):
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).mean(axis=(3, 5))


def up(x):
    return x.repeat(2, axis=2).repeat(2, axis=3)


def dice_and_bce(prob, mask, smooth=1.0):
    inter = (prob * mask).sum(axis=(1, 2))
    total = prob.sum(axis=(1, 2)) + mask.sum(axis=(1, 2))
    dice = (2 * inter + smooth) / (total + smooth)
    bce = -(mask * np.log(prob) + (1 - mask) * np.log(1 - prob))
    loss = np.mean(1 - dice) + np.mean(bce)

    n = len(prob)
    top = (2 * inter + smooth)[:, None, None]
    bot = (total + smooth)[:, None, None]
    d_dice = (2 * mask * bot - top) / bot ** 2
    d_prob = -d_dice / n
    d_prob = d_prob + (prob - mask) / (prob * (1 - prob)) / prob.size
    return loss, d_prob


def build(images, masks, C, D):
    parts = {'kernel': (C, 9), 'bias': (C,), 'low': (C, D), 'head': (C + D,), 'shift': (1,)}

    def fun(theta):
        # unpack
        p, i = {}, 0
        for name, shape in parts.items():
            size = int(np.prod(shape))
            p[name] = theta[i:i + size].reshape(shape)
            i += size

        # forward
        full = np.tanh(conv3(images, p['kernel']) + p['bias'][:, None, None])
        small = down(full)
        pre = mix(small, p['low'])
        low = np.arctan(pre)
        cat = np.concatenate([full, up(low)], axis=1)
        logit = np.einsum('nchw,c->nhw', cat, p['head']) + p['shift'][0]
        prob = 1 / (1 + np.exp(-logit))
        loss, d_prob = dice_and_bce(prob, masks)

        # backward
        g = {}
        d_logit = d_prob * prob * (1 - prob)
        g['shift'] = d_logit.sum()
        g['head'] = np.einsum('nhw,nchw->c', d_logit, cat)
        d_cat = d_logit[:, None] * p['head'][None, :, None, None]
        d_full, d_up = d_cat[:, :C], d_cat[:, C:]
        # repeat 2x2 -> sum of the four
        d_low = 4 * down(d_up)
        d_pre = d_low / (1 + pre ** 2)
        g['low'] = np.einsum('nchw,ndhw->cd', small, d_pre)
        d_small = mix(d_pre, p['low'].T)
        # mean of the four -> a quarter to each
        d_full = d_full + up(d_small) / 4
        d_conv = d_full * (1 - full ** 2)
        g['bias'] = d_conv.sum(axis=(0, 2, 3))
        g['kernel'] = np.zeros((C, 9))
        for t, (dy, dx) in enumerate(TAPS):
            g['kernel'][:, t] = (d_conv * shift(images, dy, dx)[:, None]).sum(axis=(0, 2, 3))
        return loss, np.concatenate([np.ravel(g[name]) for name in parts])

    return fun


def make_problem(C=3, D=2, half=2, n=4):
    rng = np.random.default_rng(8)
    images = rng.normal(size=(n, 2 * half, 2 * half))
    masks = (images + 0.5 * shift(images, 0, 1) > 0.3).astype(float)
    size = 9 * C + C + C * D + C + D + 1
    return build(images, masks, C, D), 0.5 * rng.normal(size=size)
