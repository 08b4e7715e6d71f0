"""The losses' formulas in NumPy float64: (B, C, H, W) logits, (B, H, W) labels."""

import numpy as np
from torch import Tensor

IGNORED = 255


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of the classes."""
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def probability_of_truth(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(N,) probability of the true class at each valid pixel, in the labels' order."""
    frames, rows, columns = np.nonzero(labels != IGNORED)
    classes = labels[frames, rows, columns]
    return softmax(logits)[frames, classes, rows, columns]


def modulation(logits: np.ndarray, labels: np.ndarray, gamma: float) -> float:
    """Mean over valid pixels of (1 - pt)^gamma."""
    return float(np.mean((1 - probability_of_truth(logits, labels)) ** gamma))


def focal(
    logits: np.ndarray,
    labels: np.ndarray,
    gamma: float,
    class_weight: np.ndarray | None = None,
) -> float:
    """Weighted mean over valid pixels of -(1 - pt)^gamma log pt."""
    pt = probability_of_truth(logits, labels)
    classes = labels[labels != IGNORED]
    weights = np.ones(len(pt)) if class_weight is None else class_weight[classes]
    return float(np.average(-((1 - pt) ** gamma) * np.log(pt), weights=weights))


def kl(student: np.ndarray, teacher: np.ndarray, temperature: float) -> float:
    """T^2 times the mean over pixels of KL(teacher || student)."""
    q, p = softmax(student / temperature), softmax(teacher / temperature)
    return float(temperature**2 * (p * np.log(p / q)).sum(1).mean())


# Functions of one pixel, channel or vector, over which the losses below loop.


def vector_kl(student: np.ndarray, teacher: np.ndarray) -> float:
    """KL(softmax(teacher) || softmax(student)) of two vectors, of any magnitude."""
    log_q = student - student.max() - np.log(np.exp(student - student.max()).sum())
    log_p = teacher - teacher.max() - np.log(np.exp(teacher - teacher.max()).sum())
    return float(sum(np.exp(b) * (b - a) for a, b in zip(log_q, log_p, strict=True)))


def cosine(x: np.ndarray, y: np.ndarray) -> float:
    """Cosine of two vectors; 0 if one is zero."""
    length = np.sqrt(x @ x) * np.sqrt(y @ y)
    return float(x @ y / length) if length else 0.0


def correlation_distance(xs: list[np.ndarray], ys: list[np.ndarray]) -> float:
    """Mean of 1 - Pearson's r of two vectors, 0 if one is constant."""
    values = [
        0.0 if np.ptp(x) == 0 or np.ptp(y) == 0 else 1 - np.corrcoef(x, y)[0, 1]
        for x, y in zip(xs, ys, strict=True)
    ]
    return float(np.mean(values))


def pixels(maps: np.ndarray) -> list[np.ndarray]:
    """The (C,) vectors of (B, C, h, w), frame by frame and row by row."""
    B, _, h, w = maps.shape
    return [maps[b, :, i, j] for b in range(B) for i in range(h) for j in range(w)]


def channels(maps: np.ndarray) -> list[np.ndarray]:
    """The (h w,) vectors of (B, C, h, w), frame by frame."""
    return [channel.ravel() for frame in maps for channel in frame]


# Losses on logits.


def tempered_kl(student: np.ndarray, teacher: np.ndarray, temperature: float) -> float:
    """``kl``, for logits of any magnitude."""
    pairs = zip(pixels(student), pixels(teacher), strict=True)
    values = [vector_kl(s / temperature, t / temperature) for s, t in pairs]
    return float(temperature**2 * np.mean(values))


def rarity_kl(
    student: np.ndarray,
    teacher: np.ndarray,
    temperature: float,
    power: float,
    floor: float,
    shares: list[float] | None = None,
) -> float:
    """``tempered_kl``, pixels weighted by the rarity of the teacher's class."""
    answers = [int(t.argmax()) for t in pixels(teacher)]
    C = teacher.shape[1]
    f = (
        [answers.count(c) / len(answers) for c in range(C)]
        if shares is None
        else shares
    )
    f = [share / sum(f) for share in f]
    rarity = [1 / max(share, floor) ** power for share in f]
    mean = sum(share * each for share, each in zip(f, rarity, strict=True))
    values = [
        rarity[c] / mean * vector_kl(s / temperature, t / temperature)
        for s, t, c in zip(pixels(student), pixels(teacher), answers, strict=True)
    ]
    return float(temperature**2 * np.mean(values))


def hard_labels(student: np.ndarray, teacher: np.ndarray, threshold: float) -> float:
    """Mean of -log of the student's p of the teacher's class, where it is sure."""
    values = []
    for s, t in zip(pixels(student), pixels(teacher), strict=True):
        p = np.exp(t - t.max()) / np.exp(t - t.max()).sum()
        if p.max() > threshold:
            log_q = s - s.max() - np.log(np.exp(s - s.max()).sum())
            values.append(-log_q[p.argmax()])
    return float(np.mean(values)) if values else 0.0


def student_error(
    student: np.ndarray,
    teacher: np.ndarray,
    gamma: float,
    threshold: float,
    classes: list[int],
) -> float:
    """Mean over classes of the student's mean error where the teacher is sure."""
    q, p = pixels(softmax(student)), pixels(softmax(teacher))
    means = []
    for c in classes:
        sure = [i for i in range(len(p)) if p[i].argmax() == c and p[i][c] >= threshold]
        if sure:
            means.append(np.mean([(1 - q[i][c]) ** gamma for i in sure]))
    return float(np.mean(means)) if means else 0.0


def standardized_kl(
    student: np.ndarray, teacher: np.ndarray, temperature: float
) -> float:
    """``kl`` of z-scores, which are 0 where all logits are equal."""

    def z_score(z: np.ndarray) -> np.ndarray:
        if np.ptp(z) == 0:
            return np.zeros_like(z)
        deviation = np.sqrt(((z - z.mean()) ** 2).sum() / (len(z) - 1))
        return (z - z.mean()) / deviation / temperature

    pairs = zip(pixels(student), pixels(teacher), strict=True)
    values = [vector_kl(z_score(s), z_score(t)) for s, t in pairs]
    return float(temperature**2 * np.mean(values))


def mse(student: np.ndarray, teacher: np.ndarray) -> float:
    """Mean squared difference."""
    return float(((student - teacher) ** 2).sum() / student.size)


def cwd(student: np.ndarray, teacher: np.ndarray, temperature: float) -> float:
    """Channel-wise divergence."""
    pairs = zip(channels(student), channels(teacher), strict=True)
    total = sum(vector_kl(s / temperature, t / temperature) for s, t in pairs)
    return temperature**2 * total / (student.shape[0] * student.shape[1])


def dist_classes(student: np.ndarray, teacher: np.ndarray, temperature: float) -> float:
    """DIST's relation between classes."""
    q, p = softmax(student / temperature), softmax(teacher / temperature)
    return temperature**2 * correlation_distance(pixels(q), pixels(p))


def dist_pixels(student: np.ndarray, teacher: np.ndarray, temperature: float) -> float:
    """DIST's relation between pixels."""
    q, p = softmax(student / temperature), softmax(teacher / temperature)
    return temperature**2 * correlation_distance(channels(q), channels(p))


# Losses on features.


def patches(features: np.ndarray, size: int) -> list[list[np.ndarray]]:
    """Means of equal patches, at most size^2 per frame; the last may be smaller."""
    _, _, h, w = features.shape
    high, wide = -(-h // size), -(-w // size)
    return [
        [
            frame[:, top : top + high, left : left + wide].mean((1, 2))
            for top in range(0, h, high)
            for left in range(0, w, wide)
        ]
        for frame in features
    ]


def skd(student: np.ndarray, teacher: np.ndarray, nodes: int) -> float:
    """Pair-wise similarity."""
    squares = [
        (cosine(s[i], s[j]) - cosine(t[i], t[j])) ** 2
        for s, t in zip(patches(student, nodes), patches(teacher, nodes), strict=True)
        for i in range(len(s))
        for j in range(len(s))
    ]
    return float(np.mean(squares))


def ifvd(student: np.ndarray, teacher: np.ndarray, labels: np.ndarray) -> float:
    """Intra-class feature variation; labels (B, H, W), any number of them valid."""
    _, _, h, w = student.shape
    _, H, W = labels.shape
    small = [
        int(frame[i * H // h, j * W // w])
        for frame in labels
        for i in range(h)
        for j in range(w)
    ]

    def variations(features: np.ndarray) -> np.ndarray:
        vectors = pixels(features)
        pairs = list(zip(vectors, small, strict=True))
        mean = {
            label: np.mean([v for v, k in pairs if k == label], 0) for label in small
        }
        return np.array([cosine(v, mean[k]) for v, k in pairs if k != IGNORED])

    return float(np.mean((variations(student) - variations(teacher)) ** 2))


def cirkd(
    student: np.ndarray, teacher: np.ndarray, temperature: float, size: int
) -> float:
    """Cross-image relations of a mini-batch."""
    ours, theirs = patches(student, size), patches(teacher, size)
    values = []
    for i in range(len(ours)):
        for j in range(len(ours)):
            for s, t in zip(ours[i], theirs[i], strict=True):
                row_s = np.array([cosine(s, other) for other in ours[j]])
                row_t = np.array([cosine(t, other) for other in theirs[j]])
                values.append(vector_kl(row_s / temperature, row_t / temperature))
    return float(np.mean(values))


def cosine_distance(student: np.ndarray, teacher: np.ndarray) -> float:
    """1 - cosine of the features of a pixel."""
    pairs = zip(pixels(student), pixels(teacher), strict=True)
    return float(np.mean([1 - cosine(s, t) for s, t in pairs]))


def attention(student: np.ndarray, teacher: np.ndarray) -> float:
    """Attention transfer."""
    squares = []
    for s, t in zip(student, teacher, strict=True):
        maps = [(frame**2).mean(0) for frame in (s, t)]
        q_s, q_t = (values / np.sqrt((values**2).sum()) for values in maps)
        squares.append((q_s - q_t) ** 2)
    return float(np.mean(squares))


def numpy64(tensor: Tensor) -> np.ndarray:
    """Values as float64, or as they are where they are integers."""
    values = tensor.detach().cpu()
    return (values.double() if values.is_floating_point() else values).numpy()
