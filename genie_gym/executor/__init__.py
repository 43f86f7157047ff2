"""Work that its number fixes, done by as many workers as there are: in this process, in processes of this machine, or on a
Ray cluster. Recording and generation stand on it.

    job = PlayEpisodes(recording)
    with progress(total=100) as bar:
        for number, episode in in_order(LocalProcesses(4).run(job, range(100))):
            bar.update()
"""

from genie_gym.executor.core import Executor, Job, ThisProcess, Worker, in_order
from genie_gym.executor.processes import LocalProcesses

__all__ = ["Executor", "Job", "LocalProcesses", "ThisProcess", "Worker", "in_order"]
