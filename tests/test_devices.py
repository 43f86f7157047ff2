import pytest
import torch

from genie_gym.cli import main
from genie_gym.devices import pick_device
from genie_gym.errors import GenieGymError


def test_devices_that_are_there_are_picked():
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device("cpu:0") == torch.device("cpu", 0)
    assert pick_device("auto").type in ("cpu", "cuda")


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps", "mps:0", "xpu", "xpu:1", "mtia", "meta", "hpu", "vulkan", "xla"])
def test_devices_that_are_not_are_refused_in_one_sentence(name):
    if (module := getattr(torch, name.split(":")[0], None)) and module.device_count():
        pytest.skip("it is there")
    with pytest.raises(GenieGymError, match=f"no device '{name}' here: of .* torch sees none; use auto or cpu"):
        pick_device(name)


def test_numbers_beyond_the_last_are_refused(monkeypatch, capsys):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert pick_device("cuda:1").index == 1
    with pytest.raises(GenieGymError, match="no device 'cuda:7' here: of cuda devices torch sees 2, numbered from 0"):
        pick_device("cuda:7")
    assert main(["sheet", "genie1", "--device", "xpu"]) == 2
    assert capsys.readouterr().err == "genie-gym: no device 'xpu' here: of xpu devices torch sees none; use auto or cpu.\n"


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:-1", "cuda:a", "", None])
def test_names_of_nothing_are_unknown(name, as_users_call):
    with pytest.raises(GenieGymError, match=f"unknown device {name!r}; try auto, cpu or cuda"):
        pick_device(name)
