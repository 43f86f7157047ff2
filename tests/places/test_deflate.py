import pytest
import torch
from blocks import library as small_library

from genie_gym.places.deflate import deflate, inflate
from genie_gym.places.library import AssetLibrary


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.float32])
@pytest.mark.parametrize("shape", [(0, 3), (5,), (4, 3), (2, 3, 4)])
def test_nothing_is_lost(dtype, shape):
    values = torch.randint(0, 200, shape).to(dtype)
    back = inflate(deflate(values), values)
    assert back.dtype == dtype
    assert torch.equal(back, values)


def test_a_library_is_small_in_files_and_whole_again():
    library = small_library()
    saved = library.state_dict()
    raw = sum(part.numel() * part.element_size() for part in library.buffers())
    assert sum(part.numel() * part.element_size() for part in saved.values()) < raw / 2
    again = AssetLibrary(library.config)
    again.load_state_dict(saved)
    assert all(torch.equal(a, b) for a, b in zip(library.buffers(), again.buffers(), strict=True))


@pytest.mark.parametrize(
    "damage",
    [
        lambda x: x[:-9],
        lambda x: x[:-2],
        lambda x: torch.cat([x, x[:1]]),
        lambda x: x.float(),
        lambda x: torch.zeros(9, dtype=torch.uint8),
        lambda _: deflate(torch.zeros(10**6, dtype=torch.uint8)),
    ],
)
def test_what_is_no_such_thing_is_refused(damage):
    library = small_library()
    saved = library.state_dict()
    saved["albedo"] = damage(saved["albedo"])
    with pytest.raises(RuntimeError, match="albedo is damaged, or of another size"):
        AssetLibrary(library.config).load_state_dict(saved)
