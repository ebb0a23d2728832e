"""Box-regression head of a detector: anchors decoded with exp and sigmoid, GIoU + objectness loss."""
import numpy as np

STYLE = "detector tutorial, verbose names, corner-by-corner backward"

BOX_WEIGHT = 1.5


def decode_boxes(raw, anchors):
    """raw (N, 4) -> corners x1, y1, x2, y2, anchors are (cx, cy, w, h)."""
    offset = 1.0 / (1.0 + np.exp(-raw[:, :2])) - 0.5
    center = anchors[:, :2] + offset * anchors[:, 2:]
    size = anchors[:, 2:] * np.exp(raw[:, 2:])
    return np.hstack([center - size / 2, center + size / 2]), offset, size


def decode_boxes_backward(grad_corners, offset, size, anchors):
    grad_center = grad_corners[:, :2] + grad_corners[:, 2:]
    grad_size = 0.5 * (grad_corners[:, 2:] - grad_corners[:, :2])
    grad_offset = grad_center * anchors[:, 2:]
    sigmoid = offset + 0.5
    grad_raw_xy = grad_offset * sigmoid * (1 - sigmoid)
    grad_raw_wh = grad_size * size
    return np.hstack([grad_raw_xy, grad_raw_wh])


def giou_with_grad(box, target):
    """GIoU of one predicted and one true box, and its gradient for the predicted corners."""
    x1, y1, x2, y2 = box
    t1, s1, t2, s2 = target
    inter_w = min(x2, t2) - max(x1, t1)
    inter_h = min(y2, s2) - max(y1, s1)
    hull_w = max(x2, t2) - min(x1, t1)
    hull_h = max(y2, s2) - min(y1, s1)
    overlaps = inter_w > 0 and inter_h > 0
    inter = inter_w * inter_h if overlaps else 0.0
    union = (x2 - x1) * (y2 - y1) + (t2 - t1) * (s2 - s1) - inter
    hull = hull_w * hull_h
    giou = inter / union - (hull - union) / hull

    grad_inter = np.zeros(4)
    if overlaps:
        grad_inter[0] = -inter_h * (x1 > t1)
        grad_inter[1] = -inter_w * (y1 > s1)
        grad_inter[2] = inter_h * (x2 < t2)
        grad_inter[3] = inter_w * (y2 < s2)
    grad_area = np.array([-(y2 - y1), -(x2 - x1), y2 - y1, x2 - x1])
    grad_union = grad_area - grad_inter
    grad_hull = np.array([-hull_h * (x1 < t1), -hull_w * (y1 < s1),
                          hull_h * (x2 > t2), hull_w * (y2 > s2)])
    grad_iou = (grad_inter * union - inter * grad_union) / union ** 2
    grad_ratio = (grad_union * hull - union * grad_hull) / hull ** 2
    return giou, grad_iou + grad_ratio


def make_problem(n_features=4, n_hidden=5, n_anchors=6):
    rng = np.random.default_rng(8)
    features = rng.normal(size=(n_anchors, n_features))
    anchors = np.hstack([rng.uniform(2, 6, (n_anchors, 2)), rng.uniform(1, 3, (n_anchors, 2))])
    truth = anchors + 0.35 * rng.normal(size=anchors.shape)
    truth = np.hstack([truth[:, :2] - anchors[:, 2:] / 2, truth[:, :2] + anchors[:, 2:] / 2])
    objectness = (np.arange(n_anchors) % 3 != 1).astype(float)

    def detection_loss(weights):
        hidden = np.tanh(features @ weights["hidden"])
        output = hidden @ weights["output"] + weights["bias"]
        corners, offset, size = decode_boxes(output[:, :4], anchors)
        probability = 1.0 / (1.0 + np.exp(-output[:, 4]))
        bce = objectness * np.log(probability) + (1 - objectness) * np.log(1 - probability)
        loss = -np.mean(bce)

        n_positive = objectness.sum()
        grad_corners = np.zeros_like(corners)
        for k in np.flatnonzero(objectness):
            giou, grad_giou = giou_with_grad(corners[k], truth[k])
            loss += BOX_WEIGHT * (1 - giou) / n_positive
            grad_corners[k] = -BOX_WEIGHT * grad_giou / n_positive

        grad_output = np.zeros_like(output)
        grad_output[:, :4] = decode_boxes_backward(grad_corners, offset, size, anchors)
        grad_output[:, 4] = (probability - objectness) / n_anchors
        grad_hidden = (grad_output @ weights["output"].T) * (1 - hidden ** 2)
        grads = {"hidden": features.T @ grad_hidden, "output": hidden.T @ grad_output,
                 "bias": grad_output.sum(axis=0)}
        return loss, grads

    weights = {"hidden": 0.6 * rng.normal(size=(n_features, n_hidden)),
               "output": 0.4 * rng.normal(size=(n_hidden, 5)), "bias": 0.2 * rng.normal(size=5)}
    return detection_loss, weights
