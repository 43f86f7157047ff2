"""What `genie-gym evaluate` measures of a Genie 2 world: what every world shares, and what a place must do: show what comes
into view, follow keys, stop at walls, be the same on return, know its depth and what it sees, stand still, keep its shape,
and be what a prompt asks for.

World steps at 128 clips: fidelity 1,792, ahead 2,304, keyboard 2,176, stillness 384, walls 1,152, revisits 21,120,
consistency 480, drift 11,520, flicker 256, graphs 768 and prompts 11,136: 53,088, of up to 32 rows at a time; and 11,420
transitions that actions are read off. Worlds with tasks: some 10,000 more.
"""

from __future__ import annotations

from functools import partial

from genie_gym.evaluation.ahead import ahead
from genie_gym.evaluation.consistency import consistency
from genie_gym.evaluation.drift import AT, drift
from genie_gym.evaluation.fidelity import fidelity
from genie_gym.evaluation.flicker import flicker
from genie_gym.evaluation.keyboard import keyboard, stillness
from genie_gym.evaluation.measure import Measure
from genie_gym.evaluation.prompts import prompts
from genie_gym.evaluation.revisits import revisits
from genie_gym.evaluation.table import Row
from genie_gym.evaluation.tasks import task_outcomes, task_play
from genie_gym.evaluation.walls import walls
from genie_gym.genie2.seen import graphs, semantics

MEASURES: tuple[Measure, ...] = (
    ahead,  # first, since it asks for the longest clips: video that is too short is refused before anything is played
    fidelity,
    keyboard,
    stillness,
    walls,
    revisits,
    consistency,
    task_outcomes,
    task_play,
    partial(drift, share=1 / 16, at=(*AT, 1440)),
    flicker,
    semantics,
    graphs,
    prompts,
)


ROWS: tuple[Row, ...] = (
    Row("ten frames imagined from one, PSNR (copying it)", "rollout_psnr_10", "copy_last_psnr_10", "26"),
    Row("frame 48", "rollout_psnr_at_48", "copy_last_psnr_at_48", "3 over copying"),
    Row("ΔtPSNR(4): what latent actions control, dB", "delta_psnr_4", aim="2"),
    Row("surfaces seen before, frame 10 (new ones)", "rollout_psnr_covered_10", "rollout_psnr_uncovered_10"),
    Row("things that move, frame 10 (copying)", "rollout_psnr_moving_10", "copy_last_psnr_moving_10"),
    Row("edges in what is new, of real ones (mist)", "sharpness_uncovered", "sharpness_uncovered_mist", "0.6 … 1.2"),
    Row("patch distance of what is new (between real ones)",
        "patch_distance_uncovered", "patch_distance_uncovered_real", "3.7"),
    Row("ten frames under the recorded keys, clips that begin at rest (under the actions read off them)",
        "keyboard_rollout_psnr_10", "keyboard_latent_psnr_10", "1 below latent actions"),
    Row("keys read back from what is imagined, cosine", "keyboard_readback"),
    Row("metres off after 24 steps of keys, median", "pose_error_m_24", aim="0.5"),
    Row("… degrees off", "pose_error_deg_24", aim="5"),
    Row("share of walls that stop one", "wall_stop_rate", aim="0.9"),
    Row("share of free ways on which one is stopped", "free_way_stop_rate", aim="0"),
    Row("back after 5 s, PSNR (the simulator itself)", "revisit_psnr_5s", "revisit_psnr_5s_simulator", "24"),
    Row("… over the same world without memory", "revisit_psnr_5s_over_no_memory", aim="5"),
    Row("back after 20 s (the simulator itself)", "revisit_psnr_20s", "revisit_psnr_20s_simulator", "24"),
    Row("… over the same world without memory", "revisit_psnr_20s_over_no_memory", aim="5"),
    Row("back after 60 s (the simulator itself)", "revisit_psnr_60s", "revisit_psnr_60s_simulator"),
    Row("relative error of depth, real frames (imagined ones at frame 10)", "depth_absrel", "depth_absrel_at_10", "0.10"),
    Row("standing still: largest change of a pixel", "still_change", aim="0"),
    Row("flicker of what stands still, grey levels a step (Town's own frames)", "flicker", "flicker_real"),
    Row("drift: frames of a minute's last ten seconds, in standard deviations of real frames (a frozen frame)",
        "drift", "drift_frozen"),
    Row("real clips told from spoiled ones by its score of consistency (AUC)", "consistency_auc", aim="0.95"),
    Row("classes of pixels: mean IoU", "semantic_miou"),
    Row("… right pixels", "semantic_accuracy"),
    Row("scene graph within 10 m, precision: real frames (imagined ones at step 24)",
        "graph_precision", "graph_precision_at_24"),
    Row("… recall", "graph_recall", "graph_recall_at_24"),
    Row("… recall at step 24 of what the first frame showed (how much that is)",
        "graph_recall_at_24_of_seen", "graph_seen_at_24", "0.6"),
    Row("tasks: the simulator's expert's keys are rewarded (random keys)", "task_expert_success", "task_random_success"),
    Row("goals told from other frames (AUC)", "reward_auc"),
    Row("scene that the judge names right, first views (Town's)",
        "prompt_scene_accuracy", "prompt_scene_accuracy_real", "0.8"),
    Row("… after 48 steps", "prompt_scene_accuracy_48", "prompt_scene_accuracy_48_real"),
    Row("weather", "prompt_weather_accuracy", "prompt_weather_accuracy_real", "0.9"),
    Row("… after 48 steps", "prompt_weather_accuracy_48", "prompt_weather_accuracy_48_real"),
    Row("time of day", "prompt_time_accuracy", "prompt_time_accuracy_real", "0.9"),
    Row("… after 48 steps", "prompt_time_accuracy_48", "prompt_time_accuracy_48_real"),
    Row("landmarks asked for that the judge sees within 300 steps (in Town)",
        "prompt_landmark_seen_300", "prompt_landmark_seen_300_real", "0.6"),
    Row("… where nobody asked for them (in Town)", "prompt_landmark_chance_300", "prompt_landmark_chance_300_real"),
    Row("grey levels between two seeds' first views (two layouts of Town)", "prompt_diversity", "prompt_diversity_real"),
)  # fmt: skip
"""What a table of results shows."""
