"""Where in blocks of texels each patch finds what looks like it: from good places to better ones, compiled.

Legend: n patches, U V rows and columns of all blocks, one below the other, L levels of blur.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from genie_gym.places.kernels import kernel

BLOCK, MARGIN = 96, 1  # texels along a side of a block; between a window and the edge of its block
SIDE = 8  # texels of a patch
SWEEPS = 4
STRIP = 4  # fine texels along an edge that are compared with what the neighbour goes on with
SEAM = 1.0  # of an edge that does not go on, against how a patch differs
NO_BLOCK = 900.0  # of an edge beyond which the neighbour's block ends


@kernel
@no_type_check
def improve(low, shine_weight, level, neighbours, steps, boxes, fine, finer, mean_weight, origin):
    """Betters `origin` [n, 2] in place: patch after patch tries what neighbours go on with, and places near by. `low`
    [n, 8, 8, 4], `boxes` [L, U, V, 4] the blocks, each texel the mean of those around it, `fine` [U, V, 4]."""
    count = len(low)
    means = np.zeros((count, 3))
    for p in range(count):
        for c in range(3):
            total = 0.0
            for j in range(SIDE):
                for i in range(SIDE):
                    total += low[p, j, i, c]
            means[p, c] = total / SIDE**2
    shown = np.zeros((count, 3))  # what each patch's window has as its mean
    cost = np.zeros(count)
    found = np.zeros(3)
    for p in range(count):
        cost[p] = _differs(
            low[p], means[p], shine_weight[p], boxes[level[p]], finer, mean_weight, origin[p, 0], origin[p, 1], found
        )
        for c in range(3):
            shown[p, c] = found[c]
    for sweep in range(SWEEPS):
        reach = 3 if sweep < 2 else 1
        for q in range(count):
            p = q if sweep % 2 == 0 else count - 1 - q
            best = cost[p] + _seams(
                p, origin[p, 0], origin[p, 1], shown[p], means, shown, neighbours, steps, fine, finer, origin
            )
            for k in range(4 + (2 * reach + 1) ** 2):
                if k < 4:
                    n = neighbours[p, k]
                    if n < 0:
                        continue
                    row, column = origin[n, 0] + steps[p, k, 0], origin[n, 1] + steps[p, k, 1]
                    if row // BLOCK != origin[n, 0] // BLOCK:
                        continue
                else:
                    row = origin[p, 0] + (k - 4) // (2 * reach + 1) - reach
                    column = origin[p, 1] + (k - 4) % (2 * reach + 1) - reach
                    if row // BLOCK != origin[p, 0] // BLOCK:
                        continue
                inside = row % BLOCK
                last = BLOCK - SIDE * finer - MARGIN
                if row < 0 or inside < MARGIN or inside > last or column < MARGIN or column > last:
                    continue
                if row == origin[p, 0] and column == origin[p, 1]:
                    continue
                own = _differs(low[p], means[p], shine_weight[p], boxes[level[p]], finer, mean_weight, row, column, found)
                if own >= best:
                    continue
                whole = own + _seams(p, row, column, found, means, shown, neighbours, steps, fine, finer, origin)
                if whole < best - 1e-6:
                    best = whole
                    origin[p, 0], origin[p, 1], cost[p] = row, column, own
                    for c in range(3):
                        shown[p, c] = found[c]


@kernel
@no_type_check
def _differs(low, mean, shine_weight, box, finer, mean_weight, row, column, found):
    """How a patch differs from a window: the mean square over its texels; `found` gets the window's mean."""
    for c in range(3):
        found[c] = 0.0
    half = finer // 2
    for j in range(SIDE):
        for i in range(SIDE):
            for c in range(3):
                found[c] += box[row + j * finer + half, column + i * finer + half, c]
    for c in range(3):
        found[c] /= SIDE**2
    total = 0.0
    for j in range(SIDE):
        for i in range(SIDE):
            for c in range(3):
                away = (low[j, i, c] - mean[c]) - (box[row + j * finer + half, column + i * finer + half, c] - found[c])
                total += away * away
            if shine_weight > 0:
                away = low[j, i, 3] - box[row + j * finer + half, column + i * finer + half, 3]
                total += shine_weight * away * away
    total /= SIDE**2
    for c in range(3):
        total += mean_weight * (mean[c] - found[c]) ** 2
    return total


@kernel
@no_type_check
def _seams(p, row, column, window_mean, means, shown, neighbours, steps, fine, finer, origin):
    """How a patch with a window differs, along its edges, from what its neighbours go on with."""
    span = SIDE * finer
    total = 0.0
    for k in range(4):
        n = neighbours[p, k]
        if n < 0:
            continue
        on_row, on_column = origin[n, 0] + steps[p, k, 0], origin[n, 1] + steps[p, k, 1]
        if on_row == row and on_column == column:
            continue
        top, bottom, left, right = 0, span, 0, span
        if k == 0:
            right = STRIP
        elif k == 1:
            left = span - STRIP
        elif k == 2:
            bottom = STRIP
        else:
            top = span - STRIP
        begin = origin[n, 0] // BLOCK * BLOCK
        if on_row + top < begin or on_row + bottom > begin + BLOCK or on_column + left < 0 or on_column + right > BLOCK:
            total += SEAM * NO_BLOCK
            continue
        apart, compared = 0.0, 0
        for r in range(top, bottom, 2):
            for q in range(left, right, 2):
                for c in range(3):
                    mine = fine[row + r, column + q, c] - window_mean[c] + means[p, c]
                    theirs = fine[on_row + r, on_column + q, c] - shown[n, c] + means[n, c]
                    apart += (mine - theirs) ** 2
                compared += 1
        total += SEAM * min(apart / compared, 2 * NO_BLOCK)
    return total
