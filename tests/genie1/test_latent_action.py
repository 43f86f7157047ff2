import torch

from genie_gym.genie1.latent_action import LatentActionConfig, LatentActionModel, warp


def make_model() -> LatentActionModel:
    torch.manual_seed(0)
    return LatentActionModel(LatentActionConfig(channels=16, encoder_blocks=1, decoder_blocks=1))


def test_a_transition_is_named_by_the_frames_around_it_alone():
    model = make_model().eval()
    video = torch.rand(1, 6, 3, 64, 64)
    vectors = []
    model.encoder.register_forward_hook(lambda _m, _i, output: vectors.append(output.detach()))
    model.infer(video)
    changed = video.clone()
    changed[:, 4] = 0
    model.infer(changed)
    differs = (vectors[0] - vectors[1]).abs().amax(1) > 1e-6
    # Frame 4 takes part in the transitions 3 -> 4 and 4 -> 5, and in none before them.
    assert differs.tolist() == [False, False, False, True, True]


def test_encoder_and_codes_receive_gradient():
    """A straight-through that cuts it leaves the codes where they began: a well-known bug."""
    model = make_model().train()
    video = torch.rand(2, 4, 3, 64, 64)
    before = model.quantizer.codebook.clone()
    actions = model.infer(video)
    torch.nn.functional.mse_loss(model.predict(video, actions.codes), video[:, 1:]).backward()
    # The decoder's last layers start at zero, so one step is taken before the gradient reaches the encoder.
    with torch.no_grad():
        for parameter in model.decoder.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    model.zero_grad()
    actions = model.infer(video)
    torch.nn.functional.mse_loss(model.predict(video, actions.codes), video[:, 1:]).backward()
    assert model.encoder.patchify.weight.grad.abs().sum() > 0
    assert not torch.equal(before, model.quantizer.codebook)


def test_indices_and_codes_agree():
    model = make_model().eval()
    actions = model.infer(torch.rand(2, 5, 3, 64, 64))
    assert actions.indices.shape == (2, 4)
    assert int(actions.indices.max()) < model.config.num_actions
    assert torch.allclose(model.codes(actions.indices), actions.codes, atol=1e-6)


def test_warp_moves_by_whole_pixels_exactly():
    image = torch.rand(1, 3, 16, 24)
    flow = torch.zeros(1, 2, 16, 24)
    assert torch.allclose(warp(image, flow), image, atol=1e-5)
    flow[:, 0] = 3  # read from three pixels to the right: the picture moves left
    flow[:, 1] = -2
    assert torch.allclose(warp(image, flow)[:, :, 2:, :-3], image[:, :, :-2, 3:], atol=1e-5)


def test_sizes_that_are_no_multiple_of_the_cell():
    model = make_model().eval()
    video = torch.rand(1, 3, 3, 45, 50)
    assert model.predict(video, model.infer(video).codes).shape == (1, 2, 3, 45, 50)


def test_the_code_steers_the_flow_and_not_the_fill():
    model = make_model().eval()
    fills = []
    model.decoder.fill.register_forward_hook(lambda _m, _i, output: fills.append(output.detach()))
    torch.nn.init.normal_(model.decoder.flow.weight)
    for block in model.decoder.blocks:
        torch.nn.init.normal_(block.film.weight)
    video = torch.rand(1, 2, 3, 64, 64)
    first, second = (model.predict(video, model.codes(torch.tensor([[code]]))) for code in (0, 1))
    assert torch.equal(*fills)
    assert not torch.allclose(first, second)


@torch.no_grad()
def test_a_draft_of_a_draft_keeps_what_rests():
    """Flow too small to be meant blurs a background away in a few steps; settled, it stays to the last bit."""
    model = make_model().eval()
    torch.nn.init.constant_(model.decoder.fill.bias, -1e4)
    torch.nn.init.constant_(model.decoder.flow.bias, 0.1)
    image, code = torch.rand(2, 3, 32, 32), model.codes(torch.tensor([0, 1]))
    predicted = drafted = image
    for _ in range(10):
        predicted = model.predict(torch.stack([predicted] * 3, 1), torch.stack([code] * 2, 1))[:, -1]
        drafted = model.draft(drafted, drafted, code)
    assert torch.equal(drafted, image)
    assert predicted.std() < 0.8 * image.std()
    torch.nn.init.constant_(model.decoder.flow.bias, 3.0)  # what is meant moves
    moved = model.draft(image, image, code)
    assert not torch.allclose(moved, image, atol=0.1)
    video = torch.stack([image, image, moved], 1)
    assert torch.equal(model.drafts(video, torch.stack([code] * 2, 1))[:, 1], moved)
