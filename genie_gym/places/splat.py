"""Which surfel each pixel shows: things' surfels as discs, drawn into buffers of depth, compiled for CPUs.

The rules (`splat_torch.py` has the same):

1. What faces away from the camera is left out; what is seen nearly from the side is turned until it is not.
2. A disc is met by a pixel's ray in the disc's plane; what lies outside the thing's box is cut off. A disc that is smaller
   than a pixel covers the one pixel in which its middle lies.
3. The disc with the least depth is shown, where depths grow towards a disc's rim: so neighbours on a surface meet halfway,
   however rough it is. What is behind the ground is hidden by its depth proper.
4. Where discs are larger than pixels, colours and normals are the mean of those of the thing that meet there.
5. A surfel with a pattern is a square in its plane, level along u (x where it lies flat), v = normal × u, as far as no line
   cuts it off, and alone where it is shown: what the texels of its window of the atlas (bilinear, of the level that is as
   coarse as a pixel) differ by from their mean is added to its colour.
6. A pixel that shows something else than all four around it, which show one thing in front of that, is a crack: it shows
   what its left one does.

Legend: H W image.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from genie_gym.places.kernels import kernel

NEAREST = 0.05  # metres
SIDEWAYS = 0.12  # of the cosine between normal and ray: what faces away by more is left out, what faces less is turned to it
POINT = 0.6  # pixels: radius below which a disc covers one pixel
SQUARE_RIM = 0.02  # the same of squares, which meet without
RIM = 0.6  # of a disc's radius: how much deeper its rim counts than its middle
BLENDED = 1.0  # pixels: radius from which colours are mixed
ALIKE_DEPTH, ALIKE_SHARE = 0.02, 0.01  # metres, and of the depth: what lies that far behind what is shown is mixed with it …
ALIKE_RADIUS = 0.35  # … and of the radius besides
CUT = 0.01  # metres by which a thing may reach out of its box
CRACK = 0.1  # metres behind its neighbours, from which a pixel is a crack
FADES = 1.4  # texels of a level that a pixel covers, from which the next coarser one is shown
LEVEL = 0.95  # of a normal's height from which a square lies flat
SNOWED = 0.7  # of a pattern that snow hides, where it changes colours by `SNOW_SUM` in all
SNOW_SUM = 200.0
CHANNELS = 10  # of what is mixed: weight, albedo, glow, normal


@kernel
@no_type_check
def splat(
    items, begin, end, axes, origin, step, size, squeeze, scale, eye, sheltered, position, normal, radius, radii, albedo,
    glow, pattern, atlas, texels, windows, means, lines, dry, focal, ground,
    columns, surfel, item, depth, key, mixed,
):  # fmt: skip
    """Draws the things `items` (first, last + 1) of a view, in columns (first, last + 1) of a picture, into buffers [H, W]:
    `surfel` and `item` that are shown (-1: none), their `depth`, and `mixed` [H, W, 10]. `ground` [H, W] hides."""
    height, width = ground.shape
    west, east = columns
    middle_x, middle_y = width / 2, height / 2
    total = 0
    for i in range(items[0], items[1]):
        total += end[i] - begin[i]
    large = np.empty((total, 13), np.float32)
    large_surfel = np.empty(total, np.int64)
    large_item = np.empty(total, np.int64)
    count = np.int64(0)
    local = np.empty(3)
    wide, tall = middle_x / focal, middle_y / focal  # of what is seen at depth 1, and a little more
    wide_length, tall_length = np.sqrt(1 + wide * wide) * 1.01, np.sqrt(1 + tall * tall) * 1.01
    for i in range(items[0], items[1]):
        a, o, s, q, h, e = axes[i], origin[i], step[i], squeeze[i], size[i] / 2 + CUT, eye[i]
        for k in range(begin[i], end[i]):
            for c in range(3):
                local[c] = position[k, c] * s[c]
            nx, ny, nz = normal[k, 0] * q[0], normal[k, 1] * q[1], normal[k, 2] * q[2]
            vx, vy, vz = e[0] - local[0], e[1] - local[1], e[2] - local[2]
            facing = nx * vx + ny * vy + nz * vz
            lengths = (nx * nx + ny * ny + nz * nz) * (vx * vx + vy * vy + vz * vz)
            if facing < 0 and facing * facing > SIDEWAYS * SIDEWAYS * lengths:
                continue
            facing /= np.sqrt(lengths) + 1e-12
            x = a[0, 0] * local[0] + a[0, 1] * local[1] + a[0, 2] * local[2] + o[0]
            y = a[1, 0] * local[0] + a[1, 1] * local[1] + a[1, 2] * local[2] + o[1]
            z = a[2, 0] * local[0] + a[2, 1] * local[1] + a[2, 2] * local[2] + o[2]
            r = np.float64(radii[radius[k]] * scale[i])
            if z + r < NEAREST or abs(x) - z * wide > r * wide_length or abs(y) - z * tall > r * tall_length:
                continue
            if z < 2 * NEAREST and r < NEAREST:
                continue
            pixels = r * focal / max(z, NEAREST)
            if pixels < POINT:
                if z < NEAREST:
                    continue
                u, v = int(np.floor(x / z * focal + middle_x)), int(np.floor(y / z * focal + middle_y))
                if u >= west and u < east and v >= 0 and v < height and z < key[v, u] and z < ground[v, u]:
                    key[v, u], depth[v, u], surfel[v, u], item[v, u] = z, z, k, i
                continue
            # The normal in the camera's axes, turned towards the camera where the disc is seen from the side.
            inverse = 1 / (np.sqrt(nx * nx + ny * ny + nz * nz) + 1e-12)
            nx, ny, nz = nx * inverse, ny * inverse, nz * inverse
            mx = a[0, 0] * nx + a[0, 1] * ny + a[0, 2] * nz
            my = a[1, 0] * nx + a[1, 1] * ny + a[1, 2] * nz
            mz = a[2, 0] * nx + a[2, 1] * ny + a[2, 2] * nz
            if facing < SIDEWAYS:
                away = np.sqrt(x * x + y * y + z * z) + 1e-12
                more = (SIDEWAYS - facing) / away
                mx, my, mz = mx - more * x, my - more * y, mz - more * z
                inverse = 1 / np.sqrt(mx * mx + my * my + mz * mz)
                mx, my, mz = mx * inverse, my * inverse, mz * inverse
            left, right, top, bottom = _window(x, y, z, mx, my, mz, r, focal, width, height)
            left, right = max(left, west), min(right, east)
            if left >= right or top >= bottom:
                continue
            cut = False
            for c in range(3):
                n = nx if c == 0 else (ny if c == 1 else nz)
                if facing < SIDEWAYS or abs(local[c]) + r * np.sqrt(max(1 - n * n, 0.0)) > h[c]:
                    cut = True
            plane = mx * x + my * y + mz * z
            square = pattern[k] >= 0
            ux, uy, uz, wx, wy, wz = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
            half, ends = r * 0.70710678, lines[max(pattern[k], 0)]
            if square:
                lx, ly = 1.0, 0.0
                if abs(nz) <= LEVEL:
                    flat = np.sqrt(nx * nx + ny * ny) + 1e-12
                    lx, ly = -ny / flat, nx / flat
                ux = a[0, 0] * lx + a[0, 1] * ly
                uy = a[1, 0] * lx + a[1, 1] * ly
                uz = a[2, 0] * lx + a[2, 1] * ly
                kx, ky, kz = -nz * ly, nz * lx, nx * ly - ny * lx
                inverse = 1 / (np.sqrt(kx * kx + ky * ky + kz * kz) + 1e-12)
                kx, ky, kz = kx * inverse, ky * inverse, kz * inverse
                wx = a[0, 0] * kx + a[0, 1] * ky + a[0, 2] * kz
                wy = a[1, 0] * kx + a[1, 1] * ky + a[1, 2] * kz
                wz = a[2, 0] * kx + a[2, 1] * ky + a[2, 2] * kz
            shown = False
            for v in range(top, bottom):
                ry = (v + 0.5 - middle_y) / focal
                for u in range(left, right):
                    rx = (u + 0.5 - middle_x) / focal
                    slant = mx * rx + my * ry + mz
                    if slant > -1e-4:
                        continue
                    t = plane / slant
                    if t < NEAREST:
                        continue
                    # Whether it may be mixed here is for this pixel alone to say, not for others of the same columns.
                    mixes = not square and t < depth[v, u] + ALIKE_DEPTH + ALIKE_SHARE * t + ALIKE_RADIUS * r
                    hidden = t >= ground[v, u] or t >= key[v, u]
                    if hidden and (shown or not mixes):
                        continue
                    dx, dy, dz = rx * t - x, ry * t - y, t - z
                    if square:
                        along = max(abs(dx * ux + dy * uy + dz * uz), abs(dx * wx + dy * wy + dz * wz))
                        share = 2 * along * along / (r * r)
                    else:
                        share = (dx * dx + dy * dy + dz * dz) / (r * r)
                    if share > 1:
                        continue
                    shown = shown or mixes
                    if hidden:
                        continue
                    if square:
                        east_share, up_share = (dx * ux + dy * uy + dz * uz) / half, (dx * wx + dy * wy + dz * wz) / half
                        lost = False
                        for c in range(2):
                            if ends[c, 0] * east_share + ends[c, 1] * up_share + ends[c, 2] > 0:
                                lost = True
                        if lost:
                            continue
                    if cut:
                        outside = False
                        for c in range(3):
                            if abs(local[c] + a[0, c] * dx + a[1, c] * dy + a[2, c] * dz) > h[c]:
                                outside = True
                        if outside:
                            continue
                    shown = True
                    rim = t + (SQUARE_RIM if square else RIM) * r * share
                    if rim < key[v, u]:
                        key[v, u], depth[v, u], surfel[v, u], item[v, u] = rim, t, k, i
            if shown and (pixels >= BLENDED or square):
                large[count, 0], large[count, 1], large[count, 2], large[count, 3] = x, y, z, r
                large[count, 4], large[count, 5], large[count, 6] = mx, my, mz
                large[count, 7], large[count, 8], large[count, 9] = ux, uy, uz
                large[count, 10], large[count, 11], large[count, 12] = wx, wy, wz
                large_surfel[count], large_item[count] = k, i
                count += 1
    _mix(
        count, large, large_surfel, large_item, sheltered, normal, albedo, glow, pattern, atlas, texels, windows, means, dry,
        focal, west, east, depth, surfel, item, mixed,
    )  # fmt: skip


@kernel
@no_type_check
def _mix(
    count, large, large_surfel, large_item, sheltered, normal, albedo, glow, pattern, atlas, texels, windows, means, dry,
    focal, west, east, depth, surfel, item, mixed,
):  # fmt: skip
    """Sums up what discs that are larger than pixels show of the thing that is shown."""
    height, width = depth.shape
    middle_x, middle_y = width / 2, height / 2
    for n in range(count):
        x, y, z, r = (np.float64(large[n, 0]), np.float64(large[n, 1]), np.float64(large[n, 2]), np.float64(large[n, 3]))
        mx, my, mz = np.float64(large[n, 4]), np.float64(large[n, 5]), np.float64(large[n, 6])
        k, i = large_surfel[n], large_item[n]
        look = dry if sheltered[i] else albedo
        left, right, top, bottom = _window(x, y, z, mx, my, mz, r, focal, width, height)
        left, right = max(left, west), min(right, east)
        plane = mx * x + my * y + mz * z
        for v in range(top, bottom):
            ry = (v + 0.5 - middle_y) / focal
            for u in range(left, right):
                if item[v, u] != i:
                    continue
                if pattern[k] >= 0:
                    if surfel[v, u] != k:
                        continue
                elif pattern[surfel[v, u]] >= 0:
                    continue
                rx = (u + 0.5 - middle_x) / focal
                slant = mx * rx + my * ry + mz
                if slant > -1e-4:
                    continue
                t = plane / slant
                if abs(t - depth[v, u]) > ALIKE_DEPTH + ALIKE_SHARE * t + ALIKE_RADIUS * r:
                    continue
                dx, dy, dz = rx * t - x, ry * t - y, t - z
                if pattern[k] >= 0:
                    half = r * 0.70710678
                    east_share = (dx * large[n, 7] + dy * large[n, 8] + dz * large[n, 9]) / half * 0.5 + 0.5
                    up_share = (dx * large[n, 10] + dy * large[n, 11] + dz * large[n, 12]) / half * 0.5 + 0.5
                    window, mean = windows[pattern[k]], means[pattern[k]]
                    texel = _texel(atlas, texels, window, mean, east_share, up_share, t / focal / (2 * half / window[2]))
                    changed = 0.0
                    for c in range(3):
                        changed += abs(np.float64(look[k, c]) - np.float64(dry[k, c]))
                    strength = 1 - SNOWED * min(changed / SNOW_SUM, 1.0)
                    mixed[v, u, 0] = 1
                    for c in range(3):
                        mixed[v, u, 1 + c] = min(max(look[k, c] + strength * (texel[c] - mean[c]), 0.0), 255.0)
                        mixed[v, u, 4 + c] = glow[k, c] * texel[3] / 255
                        mixed[v, u, 7 + c] = normal[k, c]
                    continue
                share = (dx * dx + dy * dy + dz * dz) / (r * r)
                if share >= 1:
                    continue
                weight = (1 - share) * (1 - share)
                weight = weight * weight / (r * r)
                mixed[v, u, 0] += weight
                for c in range(3):
                    mixed[v, u, 1 + c] += weight * look[k, c]
                    mixed[v, u, 4 + c] += weight * glow[k, c]
                    mixed[v, u, 7 + c] += weight * normal[k, c]


@kernel
@no_type_check
def _window(x, y, z, nx, ny, nz, r, focal, width, height):
    """The first column, the last and one, and the same of lines, of the pixels that a disc may cover."""
    low_x, high_x, low_y, high_y = 1e9, -1e9, 1e9, -1e9
    deep = r * r * (1 - nz * nz)
    if z > np.sqrt(max(deep, 0.0)) + NEAREST:
        # All of it is before the camera: where rays touch the cone over the disc.
        a = z * z - deep
        b, c = x * z + r * r * nx * nz, x * x - r * r * (1 - nx * nx)
        root = np.sqrt(max(b * b - a * c, 0.0))
        low_x, high_x = (b - root) / a, (b + root) / a
        b, c = y * z + r * r * ny * nz, y * y - r * r * (1 - ny * ny)
        root = np.sqrt(max(b * b - a * c, 0.0))
        low_y, high_y = (b - root) / a, (b + root) / a
    else:
        # A square around it, as far as it is before the camera.
        if abs(nz) < 0.9:
            flat = r / np.sqrt(nx * nx + ny * ny)
            ax, ay, az = -ny * flat, nx * flat, 0.0
        else:
            flat = r / np.sqrt(ny * ny + nz * nz)
            ax, ay, az = 0.0, -nz * flat, ny * flat
        bx, by, bz = ny * az - nz * ay, nz * ax - nx * az, nx * ay - ny * ax
        for k in range(4):
            i, j = (1.0 if k == 0 or k == 3 else -1.0), (1.0 if k < 2 else -1.0)
            cx, cy, cz = x + i * ax + j * bx, y + i * ay + j * by, z + i * az + j * bz
            i, j = -j, i  # the next corner
            dx, dy, dz = x + i * ax + j * bx, y + i * ay + j * by, z + i * az + j * bz
            if cz >= NEAREST:
                low_x, high_x = min(low_x, cx / cz), max(high_x, cx / cz)
                low_y, high_y = min(low_y, cy / cz), max(high_y, cy / cz)
            if (cz >= NEAREST) != (dz >= NEAREST):
                s = (NEAREST - cz) / (dz - cz)
                u, v = (cx + s * (dx - cx)) / NEAREST, (cy + s * (dy - cy)) / NEAREST
                low_x, high_x, low_y, high_y = min(low_x, u), max(high_x, u), min(low_y, v), max(high_y, v)
    left = int(np.ceil(min(max(low_x * focal + width / 2 - 0.51, 0.0), width)))
    right = int(np.floor(min(max(high_x * focal + width / 2 - 0.49, -1.0), width - 1))) + 1
    top = int(np.ceil(min(max(low_y * focal + height / 2 - 0.51, 0.0), height)))
    bottom = int(np.floor(min(max(high_y * focal + height / 2 - 0.49, -1.0), height - 1))) + 1
    return max(left, 0), min(right, width), max(top, 0), min(bottom, height)


@kernel
@no_type_check
def _texel(atlas, texels, window, mean, east, up, pixel):
    """What a window of an atlas of (rows, columns) shows [4] at a point (0 to 1 along u and v), where a pixel covers so many
    of its texels: its mean where that are more than the coarsest level has."""
    found = np.empty(4)
    rows, columns, first, scale = atlas[0], atlas[1], 0, 1.0
    while pixel > FADES:
        if scale < 0.2:
            for c in range(4):
                found[c] = mean[c]
            return found
        first += rows * columns
        rows, columns, scale, pixel = rows // 2, columns // 2, scale / 2, pixel / 2
    fx = min(max((window[1] + east * window[2]) * scale - 0.5, 0.0), columns - 1.0)
    fy = min(max((window[0] + up * window[2]) * scale - 0.5, 0.0), rows - 1.0)
    column, row = min(int(fx), columns - 2), min(int(fy), rows - 2)
    ax, ay = fx - column, fy - row
    low = first + row * columns + column
    high = low + columns
    for c in range(4):
        below = texels[low, c] * (1 - ax) + texels[low + 1, c] * ax
        upper = texels[high, c] * (1 - ax) + texels[high + 1, c] * ax
        found[c] = below * (1 - ay) + upper * ay
    return found


@kernel
@no_type_check
def close_cracks(surfel, item, depth, mixed):
    """Rule 6, in place."""
    height, width = item.shape
    before_item, before_depth, before_surfel = item.copy(), depth.copy(), surfel.copy()
    for v in range(1, height - 1):
        for u in range(1, width - 1):
            i = before_item[v, u - 1]
            if i < 0 or before_item[v, u] == i:
                continue
            if before_item[v, u + 1] != i or before_item[v - 1, u] != i or before_item[v + 1, u] != i:
                continue
            nearer = before_depth[v, u - 1]
            if before_depth[v, u] > nearer + CRACK + 0.02 * nearer:
                surfel[v, u], item[v, u], depth[v, u] = before_surfel[v, u - 1], i, nearer
                mixed[v, u, 0] = 0
