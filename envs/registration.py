"""The Gymnasium ids of this package. Entry points are text, so that registering imports neither torch nor a simulator."""

import gymnasium as gym

# Procgen's own names, as ids: GenieSim/CoinRun-v0, GenieSim/StarPilot-v0, ...
PROCGEN_IDS = {
    "bigfish": "BigFish", "bossfight": "BossFight", "caveflyer": "CaveFlyer", "chaser": "Chaser",
    "climber": "Climber", "coinrun": "CoinRun", "dodgeball": "Dodgeball", "fruitbot": "FruitBot",
    "heist": "Heist", "jumper": "Jumper", "leaper": "Leaper", "maze": "Maze", "miner": "Miner",
    "ninja": "Ninja", "plunder": "Plunder", "starpilot": "StarPilot",
}  # fmt: skip
TOWN_STEPS, ARM_STEPS = 1440, 240  # a minute and ten seconds, at 24 steps a second


def register_all() -> None:
    """Registers every world and simulator of the package. Called once, by `import genie_gym`."""
    for game, name in PROCGEN_IDS.items():
        gym.register(
            f"GenieSim/{name}-v0",
            entry_point="genie_gym.envs.sim.procgen:ProcgenEnv",
            vector_entry_point="genie_gym.envs.sim.procgen:ProcgenVectorEnv",
            kwargs={"game": game},
        )
    gym.register("GenieSim/Town-v0", entry_point="genie_gym.envs.sim.town.env:TownEnv", max_episode_steps=TOWN_STEPS)
    gym.register("GenieSim/Arm-v0", entry_point="genie_gym.envs.sim.arm.env:ArmEnv", max_episode_steps=ARM_STEPS)
    gym.register(
        "Genie1-v0",
        entry_point="genie_gym.envs.world_env:GenieEnv",
        vector_entry_point="genie_gym.envs.world_env:GenieVectorEnv",
        max_episode_steps=256,
        kwargs={"world": "genie1"},
    )


SIMULATOR_NAMES = {"town": "GenieSim/Town-v0", "arm": "GenieSim/Arm-v0"}
SIMULATORS = tuple(SIMULATOR_NAMES.values())  # cameras in a simulated world, with ground truth and scripted drivers


def is_native(env_id: str) -> bool:
    """Whether the id is one of this package's, whose vector environment steps all rows at once."""
    return str(gym.registry[env_id].vector_entry_point).startswith("genie_gym.")
