#!/usr/bin/env bash
# Reads an exported dataset with the real LeRobot and compares every value with the source: colours within what H.264 loses,
# depths within 0.5 %, all else to the bit. LeRobot wants Python 3.12 and a torch of its own (some 5 GB), so it gets an
# environment of its own.
#
#   PYTHON=python3.12 VENV=/tmp/lerobot bash docs/check_lerobot.sh [MINARI DATASET]
#
# Without a dataset it plays a small one. An environment in VENV is used again; by default it is made and removed. BACKEND is
# what LeRobot decodes with: pyav, or torchcodec, which needs the libraries of FFmpeg. GENIE_PYTHON is ours, with pyarrow.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${VENV:-$work/venv}
ours=${GENIE_PYTHON:-python}

source=${1:-$work/walks-v0}
if [ $# -eq 0 ]; then
  printf 'a snowy village at dusk\na desert town, noon\n' > "$work/prompts.txt"
  "$ours" -m genie_gym generate --env Genie3-v0 --out "$source" --episodes 3 --num-envs 3 --prompts "$work/prompts.txt" \
    --tasks reach_beacon --max-episode-steps 24 --store rgb depth pose --policy sticky --option action_mode keyboard
fi
"$ours" - "$source" "$work" <<'PY'
import sys
from pathlib import Path

import gymnasium as gym

from genie_gym.datasets.exports.lerobot import export_lerobot
from genie_gym.datasets.minari_reader import MinariFolder

with MinariFolder(sys.argv[1]) as dataset:
    print(export_lerobot(dataset, Path(sys.argv[2]) / "plain"))
    if isinstance(dataset.action_space, gym.spaces.Discrete):
        print(export_lerobot(dataset, Path(sys.argv[2]) / "one_hot", fps=29.97, one_hot=True))
PY

unset PYTHONPATH
[ -x "$venv/bin/python" ] || "${PYTHON:-python3.12}" -m venv "$venv"
"$venv/bin/python" -c "import lerobot, h5py" 2>/dev/null || "$venv/bin/pip" install -q "lerobot[dataset]>=0.6,<0.7" h5py
for kind in plain one_hot; do
  [ -d "$work/$kind" ] || continue
  HF_HUB_OFFLINE=1 HF_DATASETS_CACHE="$work/cache" "$venv/bin/python" - "$source" "$work/$kind" "${BACKEND:-pyav}" <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import h5py
import numpy as np
import torch
from lerobot.datasets.lerobot_dataset import LeRobotDataset

source, exported, backend = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
found = LeRobotDataset("genie/check", root=exported, depth_output_unit="m", video_backend=backend)
one_hot = exported.name == "one_hot"
rate = found.meta.fps
index, errors, depths, compared = 0, [], [], set()


def same(name, here, there):
    here, there = np.asarray(here), np.asarray(there)
    assert np.array_equal(here.reshape(-1), there.reshape(-1)), (name, index, here, there)
    compared.add(name)


with h5py.File(source / "data" / "main_data.hdf5") as file:
    assert found.num_episodes == len(file), (found.num_episodes, len(file))
    for number in range(len(file)):
        episode = file[f"episode_{number}"]
        observations = episode["observations"]
        parts = observations if isinstance(observations, h5py.Group) else {"rgb": observations}
        steps = len(episode["actions"])
        assert found.meta.episodes[number]["length"] == steps
        about = dict(episode.attrs)
        texts = [str(about.get("task", "")).replace("_", " "), str(about.get("prompt", ""))]
        text = ": ".join(one for one in texts if one)
        ended, cut = episode["terminations"][()], episode["truncations"][()]
        state = [part for name, part in parts.items() if name not in ("rgb", "depth")]
        for step in range(steps):
            item = found[index]
            same("index", index, item["index"])
            same("episode_index", number, item["episode_index"])
            same("frame_index", step, item["frame_index"])
            same("timestamp", np.float32(step / rate), item["timestamp"])
            assert item["task"] == text or (not text and item["task"].startswith("play ")), (item["task"], text)
            action = np.float32(episode["actions"][step])
            same("action", np.eye(item["action"].numel(), dtype=np.float32)[int(action)] if one_hot else action, item["action"])
            same("next.reward", np.float32(episode["rewards"][step]), item["next.reward"])
            same("next.done", ended[step] | cut[step], item["next.done"])
            same("next.truncated", cut[step], item["next.truncated"])
            if "next.success" in item:
                same("next.success", step == steps - 1 and about["reached"], item["next.success"])
            if state:
                flat = np.concatenate([np.float32(part[step]).ravel() for part in state])
                same("observation.state", flat, item["observation.state"])
            if "rgb" in parts:
                seen = item["observation.images.rgb"].permute(1, 2, 0).double().numpy() * 255
                errors.append(((seen - parts["rgb"][step]) ** 2).mean())
            if "depth" in parts:
                known = np.float64(parts["depth"][step])
                info = found.meta.features["observation.images.depth"]["info"]
                inside = (known >= info["video.depth_min"]) & (known <= info["video.depth_max"])
                seen = item["observation.images.depth"][0].double().numpy()
                depths.append((np.abs(seen - known)[inside] / known[inside]).max())
            index += 1
assert index == len(found)

loader = torch.utils.data.DataLoader(
    LeRobotDataset(
        "genie/check", root=exported, episodes=[0], delta_timestamps={"action": [0, 1 / rate, 2 / rate]}, video_backend=backend
    ),
    batch_size=2,
)
batch = next(iter(loader))
said = f"LeRobot {version('lerobot')}, {found.num_episodes} episodes, {index} frames ({exported.name}, {backend})"
print(f"{said}: the same to the bit: {', '.join(sorted(compared))}, task")
if errors:
    noise = [10 * np.log10(255**2 / max(error, 1e-9)) for error in errors]
    print(f"  colours: {10 * np.log10(255**2 / np.mean(errors)):.1f} dB, the worst frame {min(noise):.1f} dB")
    assert min(noise) > 30
if depths:
    print(f"  depths: within {100 * max(depths):.2g} %")
    assert max(depths) < 0.005
print(f"  three actions of a batch of two: {list(batch['action'].shape)}; statistics of: {', '.join(sorted(found.meta.stats))}")
PY
done
