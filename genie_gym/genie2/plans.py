"""What is known of a view, in the tokens that views are planned in.

Legend: B views, N places, Q codes a place.
"""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Int
from torch import Tensor

from genie_gym.genie2.rgbd import pack
from genie_gym.genie2.view_tokenizer import ViewTokenizer
from genie_gym.geometry.reproject import Seen
from genie_gym.geometry.surroundings import spread

KNOWN = 0.75  # the share of a place's pixels that must be covered for its codes to count


def known_codes(tokenizer: ViewTokenizer, seen: Seen, hidden_code: int) -> Int[Tensor, "B N Q"]:
    """The codes of what is covered, `hidden_code` at all other places."""
    packed = pack(seen.colours, seen.inverse_depth)
    _, codes = tokenizer.encode(spread(packed, seen.covered))
    covered = tokenizer.padded(seen.covered[:, None].float())
    share = F.avg_pool2d(covered, tokenizer.config.side).flatten(1)
    return codes.masked_fill((share < KNOWN)[..., None], hidden_code)
