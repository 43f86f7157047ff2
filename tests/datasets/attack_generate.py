"""Attacks `genie-gym generate`: kills, damage, two writers, a full disk, many episodes. A script, no test: it takes minutes.

    python tests/datasets/attack_generate.py [--kills 20] [--only kills interrupts damage writers disk memory]

After each attack `--resume` must complete the dataset that an undisturbed run writes, to the byte, and no finished shard may
be written twice. A full disk is a small tmpfs where this process may mount one, else a limit on the size of files.
"""

import argparse
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from conftest import make_debug_world

from genie_gym.datasets.generate import GenerateConfig, generate
from genie_gym.datasets.minari_format import MinariWriter
from genie_gym.datasets.minari_reader import MinariFolder
from genie_gym.datasets.verify import verify
from genie_gym.errors import GenieGymError
from genie_gym.pretrained import save_world

EPISODES, SHARD, STEPS = 96, 4, 12
LONGEST = 300  # characters of a sentence
SLOW = 120.0  # seconds after which a command hangs
GONE = 15.0  # seconds in which workers notice that their parent is gone; loading torch takes several


@dataclass
class Attack:
    """What all attacks need: a folder, a world in it, an undisturbed dataset, and what was found."""

    folder: Path
    kills: int
    many: int
    rng: np.random.Generator
    found: list[str] = field(default_factory=list)
    seconds: dict[int, float] = field(default_factory=dict)
    """How long an undisturbed run takes, by the number of jobs."""

    @property
    def whole(self) -> Path:
        return self.folder / "whole-v0"

    def command(self, out: Path, *more: str, jobs: int = 1, episodes: int = EPISODES) -> list[str]:
        given = {"--episodes": episodes, "--num-envs": 4, "--jobs": jobs, "--max-episode-steps": STEPS, "--seed": 3,
                 "--episodes-per-shard": SHARD, "--policy": "sticky", "--out": out}  # fmt: skip
        words = [str(word) for pair in given.items() for word in pair]
        world = ["--option", "world", str(self.folder / "world"), "device", "cpu"]
        return [sys.executable, "-m", "genie_gym", "generate", *words, *more, *world]

    def expect(self, what: bool, otherwise: str) -> None:
        if not what:
            self.found.append(otherwise)
            print(f"  FOUND: {otherwise}", flush=True)

    def new(self, name: str) -> Path:
        """A folder that there is not yet."""
        out = self.folder / f"{name}-v0"
        shutil.rmtree(out, ignore_errors=True)
        return out

    def completes(self, out: Path, what: str, jobs: int = 1) -> None:
        """`--resume` brings the undisturbed dataset, and leaves what is finished alone."""
        before = written(out)
        code, said = run(self.command(out, "--resume", jobs=jobs))
        self.expect(code == 0, f"{what}: --resume ended with {code}: {last_line(said)}")
        if code == 0:
            self.is_whole(out, what)
            again = [name for name, when in before.items() if written(out).get(name) != when]
            self.expect(not again, f"{what}: --resume wrote finished shards again: {', '.join(again)}")

    def is_whole(self, out: Path, what: str) -> None:
        self.expect(shards(out) == shards(self.whole), f"{what}: other shards than those of an undisturbed run")
        damages = verify(out)
        self.expect(not damages, f"{what}: data verify finds {damages[:3]}")
        for name in ("README.md", "contact_sheet.png", "episodes.mp4"):
            self.expect((out / name).is_file(), f"{what}: there is no {name}")
        left = sorted(path.name for path in (*out.glob(".*"), *(out / "data").glob(".*")))
        self.expect(not left, f"{what}: leaves {', '.join(left)}")

    def is_one_sentence(self, code: int, said: str, what: str, wanted: int = 2) -> None:
        """A refusal: the exit code, one line on standard error beside the progress bar, no traceback."""
        lines = [line for line in re.split(r"[\r\n]+", said) if line.startswith("genie-gym: ")]
        faults = {
            f"exit code {code}": code != wanted, "a traceback": "Traceback" in said,
            f"{len(lines)} sentences": len(lines) != 1, f"{len(''.join(lines))} characters": len("".join(lines)) > LONGEST,
        }  # fmt: skip
        named = [fault for fault, is_so in faults.items() if is_so]
        self.expect(not named, f"{what}: {', '.join(named)}: {last_line(said)}")


# Processes


class Run(subprocess.Popen[bytes]):
    """A command in a session of its own, by which its workers are found."""

    def __init__(self, command: list[str], **options: Any):
        log, path = tempfile.mkstemp()
        super().__init__(command, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True, **options)
        os.close(log)
        self.log = Path(path)


def end(process: Run) -> tuple[int, str]:
    """Waits for it: its exit code, and what it said."""
    try:
        code = process.wait(SLOW)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait(), f"still running after {SLOW:g} s"
    finally:
        if process.poll() is None:  # this script is to end
            os.killpg(process.pid, signal.SIGKILL)
        said = process.log.read_text(errors="replace")
        process.log.unlink()
    return code, said


def run(command: list[str], **options: Any) -> tuple[int, str]:
    return end(Run(command, **options))


def last_line(said: str) -> str:
    return re.split(r"[\r\n]+", said.strip())[-1][:LONGEST]


def still_there(session: int) -> list[int]:
    """Living processes of a session."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, number = path.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue  # it ended meanwhile
        if int(number) == session and state != "Z":
            found.append(int(path.parent.name))
    return found


def seconds_until_gone(session: int, most: float = GONE) -> float | None:
    """How long a session's processes are still there; None where they are after `most` seconds, and are ended then."""
    begun = time.monotonic()
    while left := still_there(session):
        if time.monotonic() - begun > most:
            for number in left:
                os.kill(number, signal.SIGKILL)
            return None
        time.sleep(0.05)
    return time.monotonic() - begun


def wait_for(is_so: Callable[[], bool], process: Run, pause: float = 0.002) -> bool:
    """Waits for something while the process runs; whether it came."""
    begun = time.monotonic()
    while process.poll() is None and time.monotonic() - begun < SLOW:
        if is_so():
            return True
        time.sleep(pause)
    return False


# Datasets


def shards(out: Path) -> dict[str, str]:
    """The checksums that the manifest gives."""
    path = out / "manifest.json"
    return {name: one["sha256"] for name, one in json.loads(path.read_text())["shards"].items()} if path.is_file() else {}


def data_of(out: Path) -> Path:
    return out / "data" if (out / "data").is_dir() else out / ".data.part"


def written(out: Path) -> dict[str, int]:
    """When each shard that the manifest names was written."""
    return {name: (data_of(out) / name).stat().st_mtime_ns for name in shards(out) if (data_of(out) / name).is_file()}


# The attacks


def kills(attack: Attack) -> None:
    """kill -9 of all its processes at random moments, each run going on where the one before was killed."""
    out, known = attack.new("killed"), {}
    for number in range(attack.kills):
        jobs, more = 1 + number % 2, ["--resume"] if (out / "manifest.json").is_file() else []
        process = Run(attack.command(out, *more, jobs=jobs))
        if number % 4 < 2:  # while it plays
            wait_for(lambda out=out, known=known: len(shards(out)) > len(known), process)
            moment = float(attack.rng.uniform(0, 0.5))
        else:
            moment = float(attack.rng.uniform(0, attack.seconds[jobs]))
        time.sleep(moment)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        code, said = end(process)
        attack.expect(code in (0, -signal.SIGKILL), f"kill {number}: the run ended with {code}: {last_line(said)}")
        now = shards(out)
        lost = [name for name in known if now.get(name) != known[name] or not (data_of(out) / name).is_file()]
        attack.expect(not lost, f"kill {number} ({jobs} jobs): lost {', '.join(lost)}")
        attack.expect(
            all(shards(attack.whole).get(name) == one for name, one in now.items()), f"kill {number}: other shards"
        )
        print(f"  kill {number}: {jobs} jobs, {moment:.2f} s, {len(now)} shards", flush=True)
        known = now
        if code == 0:
            attack.is_whole(out, f"after {number} kills")
            out, known = attack.new("killed"), {}
    attack.completes(out, f"after {attack.kills} kills")


def late_kills(attack: Attack) -> None:
    """kill -9 while what joins the shards is written."""
    moments: dict[str, Callable[[Path], bool]] = {
        "before the shards are joined": lambda out: (out / ".data.part" / ".main_data.part.hdf5").exists(),
        "before the metadata": lambda out: (out / ".data.part" / "main_data.hdf5").exists(),
        "before the pictures": lambda out: (out / "data").is_dir(),
        "before the card": lambda out: (out / "contact_sheet.png").exists(),
    }
    out = attack.new("late")
    run(attack.command(out))
    for what, is_now in moments.items():
        if "shards" in what or "metadata" in what:
            (out / "data").rename(out / ".data.part")
            (out / ".data.part" / "main_data.hdf5").unlink()
        for name in ("README.md", "contact_sheet.png", "episodes.mp4"):
            (out / name).unlink(missing_ok=True)
        process = Run(attack.command(out, "--resume"))
        came = wait_for(lambda is_now=is_now: is_now(out), process, 0.0002)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        end(process)
        print(f"  killed {what}: {'yes' if came else 'was too quick'}", flush=True)
        attack.completes(out, f"killed {what}")


def signals(attack: Attack) -> None:
    """SIGTERM and kill -9 of the parent alone, Ctrl-C of one process and of all: nobody is left."""
    cases = [
        (signal.SIGKILL, False, 2, True), (signal.SIGKILL, False, 2, False), (signal.SIGTERM, False, 2, True),
        (signal.SIGTERM, False, 1, True), (signal.SIGINT, True, 1, True), (signal.SIGINT, True, 2, True),
        (signal.SIGINT, False, 2, True), (signal.SIGINT, True, 1, False), (signal.SIGINT, True, 2, False),
        (signal.SIGINT, True, 1, False),
    ]  # fmt: skip
    for number, (which, to_all, jobs, plays) in enumerate(cases):
        out = attack.new(f"signal{number}")
        what = f"{which.name} to {'all' if to_all else 'the parent'}, {jobs} jobs, {'playing' if plays else 'early'}"
        process = Run(attack.command(out, jobs=jobs))
        if plays:
            wait_for(lambda out=out: len(shards(out)) > 1, process)
        else:
            time.sleep(float(attack.rng.uniform(0.5, 0.7 * attack.seconds[jobs])))
        (os.killpg if to_all else os.kill)(process.pid, which)
        begun = time.monotonic()
        code, said = end(process)
        took, gone = time.monotonic() - begun, seconds_until_gone(process.pid)
        attack.expect(gone is not None, f"{what}: its workers are there {GONE:g} s later")
        print(f"  {what}: code {code} after {took:.1f} s, workers gone {gone or 0:.1f} s later", flush=True)
        if which == signal.SIGINT:
            attack.is_one_sentence(code, said, what, 130)
            attack.expect(took < 5, f"{what}: it took {took:.1f} s")
            attack.expect(gone is not None and gone < 1, f"{what}: its workers stayed for {gone} s")
        else:
            attack.expect(code == -which, f"{what}: exit code {code}: {last_line(said)}")
        attack.completes(out, what, jobs)


def orphans(attack: Attack) -> None:
    """Who resumes at once, while workers of the killed parent still write."""
    out = attack.new("orphans")
    process = Run(attack.command(out, jobs=2))
    wait_for(lambda: len(shards(out)) > 1, process)
    workers = [number for number in still_there(process.pid) if number != process.pid]
    for number in workers:
        os.kill(number, signal.SIGSTOP)  # they wake up when the next run is under way
    process.kill()
    end(process)
    second = Run(attack.command(out, "--resume"))
    wait_for(lambda: len(shards(out)) > 6, second)
    for number in workers:
        os.kill(number, signal.SIGCONT)
    code, said = end(second)
    attack.expect(code == 0, f"workers that outlive their parent disturb who resumes: {code}: {last_line(said)}")
    attack.expect(seconds_until_gone(process.pid) is not None, "workers outlive their parent")
    attack.completes(out, "workers that outlive their parent")


def damage(attack: Attack) -> None:
    """Damage that `data verify` must name, and `--resume` repair."""

    def flip(path: Path, share: float) -> None:
        values = bytearray(path.read_bytes())
        values[int(len(values) * share)] ^= 0x10
        path.write_bytes(values)

    def change(path: Path, **values: object) -> None:
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    cases: dict[str, Callable[[Path], object]] = {
        "a flipped byte in frames": lambda out: flip(out / "data/shard-00002.hdf5", 0.5),
        "a flipped byte in the first header": lambda out: flip(out / "data/shard-00002.hdf5", 0.0),
        "flipped bytes near the end": lambda out: [flip(out / "data/shard-00003.hdf5", s) for s in (0.97, 0.99)],
        "a missing shard": lambda out: (out / "data/shard-00001.hdf5").unlink(),
        "an empty shard": lambda out: (out / "data/shard-00001.hdf5").write_bytes(b""),
        "a cut shard": lambda out: os.truncate(out / "data/shard-00001.hdf5", 1000),
        "a deleted main_data.hdf5": lambda out: (out / "data/main_data.hdf5").unlink(),
        "a cut main_data.hdf5": lambda out: os.truncate(out / "data/main_data.hdf5", 900),
        "a deleted metadata.json": lambda out: (out / "data/metadata.json").unlink(),
        "an emptied metadata.json": lambda out: (out / "data/metadata.json").write_text(""),
        "metadata.json of other counts": lambda out: change(out / "data/metadata.json", total_episodes=3, total_steps=9),
        "an emptied manifest": lambda out: (out / "manifest.json").write_text(""),
        "a manifest of {}": lambda out: (out / "manifest.json").write_text("{}"),
        "a manifest without shards": lambda out: change(out / "manifest.json", shards={}),
        "a manifest of odd shards": lambda out: change(out / "manifest.json", shards={"shard-00000.hdf5": {}}),
        "a manifest of a list": lambda out: change(out / "manifest.json", shards=[1]),
        "a deleted manifest": lambda out: (out / "manifest.json").unlink(),
        "a shard by another name": lambda out: shutil.copy(out / "data/shard-00000.hdf5", out / "data/shard-00777.hdf5"),
    }
    for what, do in cases.items():
        out = attack.new("damaged/whole")  # the name that its metadata gives
        shutil.copytree(attack.whole, out)
        kept = {path.name: path.read_bytes() for path in (out / "data").glob("shard-*.hdf5")}
        do(out)
        try:
            named = verify(out)
        except GenieGymError as error:
            named = [str(error)]
        except Exception as error:
            named = []
            attack.expect(False, f"{what}: data verify fails with {type(error).__name__}: {error}")
        attack.expect(bool(named), f"{what}: data verify finds nothing")
        longest = max(named, key=len, default="")
        attack.expect(len(longest) <= LONGEST, f"{what}: data verify says {longest}")
        try:
            generate_again(attack, out)
            said = "repaired"
        except GenieGymError as error:
            said = str(error)
            attack.expect(len(said) <= LONGEST, f"{what}: --resume says {said}")
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
            attack.expect(False, f"{what}: --resume fails with {said[:300]}")
        print(f"  {what}: {len(named)} named ({(named or [''])[0][:110]}); --resume: {said[:200]}", flush=True)
        if said == "repaired":
            attack.is_whole(out, what)
        else:
            lost = [name for name in kept if not (out / "data" / name).exists() and name != "shard-00001.hdf5"]
            attack.expect(not lost, f"{what}: refused, and lost {lost[:3]}")


def generate_again(attack: Attack, out: Path) -> MinariWriter:
    """The same as the command with --resume, in this process."""
    kwargs = {"world": str(attack.folder / "world"), "device": "cpu"}
    config = GenerateConfig(
        episodes=EPISODES, seed=3, max_episode_steps=STEPS, episodes_per_shard=SHARD, policy="sticky", env_kwargs=kwargs
    )
    return generate(config, 4, out, resume=True)


def writers(attack: Attack) -> None:
    """Two at once on one folder."""
    out = attack.new("two")
    first = Run(attack.command(out))
    wait_for(lambda: len(shards(out)) > 1, first)
    os.kill(first.pid, signal.SIGSTOP)  # else it is done before the other one begins
    for more in ((), ("--resume",)):
        code, said = run(attack.command(out, *more))
        attack.is_one_sentence(code, said, f"a second writer {' '.join(more)}")
    os.kill(first.pid, signal.SIGCONT)
    code, said = end(first)
    attack.expect(code == 0, f"the first of two writers is disturbed: {last_line(said)}")
    attack.is_whole(out, "two writers")
    for resume, killed in ((False, False), (True, True)):
        out = attack.new("late_second")
        if killed:
            process = Run(attack.command(out))
            wait_for(lambda out=out: len(shards(out)) > 1, process)
            os.killpg(process.pid, signal.SIGKILL)
            end(process)
        what = f"who {'resumed' if resume else 'began'} before another one did, and loaded until that one was done"
        second = Run(attack.command(out, *["--resume"] if resume else []))
        time.sleep(0.55 * (attack.seconds[1] - attack.seconds[0]))  # it has seen what there is, and loads
        os.kill(second.pid, signal.SIGSTOP)
        seen = (out / ".writer.lock").exists()
        code, said = run(attack.command(out, *["--resume"] if resume else []))
        os.kill(second.pid, signal.SIGCONT)
        ended, told = end(second)
        late = ", too late" if seen else ""
        print(f"  {what}: the other {code}, itself {ended} {last_line(told)!r}{late}", flush=True)
        if ended:
            attack.is_one_sentence(ended, told, what)
        attack.completes(out, what)


def stale_writer(attack: Attack) -> None:
    """Who read the manifest before another one finished the dataset."""
    for resume in (True, False):
        out = attack.new("stale")
        what = f"a writer that read the manifest before another one finished (resume={resume})"
        settings = json.loads((attack.whole / "manifest.json").read_text())["settings"]
        if resume:
            MinariWriter(out, settings).begin()
            (out / ".writer.lock").unlink()
        writer = MinariWriter(out, settings, resume)
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(attack.whole, out)
        try:
            writer.begin()
            there = writer.whole_shards()
            attack.expect(len(there) == EPISODES // SHARD, f"{what} plays {EPISODES // SHARD - len(there)} shards again")
            writer.close()
        except GenieGymError as error:
            print(f"  {what}: {error}", flush=True)
        attack.expect(shards(out) == shards(attack.whole), f"{what} empties the manifest")
        attack.expect(not (out / ".data.part").exists(), f"{what} leaves .data.part beside data")


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Callable[[int], None] | None]:
    """A file system of that size in `folder`, and what makes it larger; None where this process may not mount one."""
    folder.mkdir(parents=True, exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder], capture_output=True).returncode:
        yield None
        return
    try:
        yield lambda size: subprocess.run(["mount", "-o", f"remount,size={size}k", folder], check=True) and None
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def disk(attack: Attack) -> None:
    """A disk that is full at one moment or another; and a limit on the size of files."""
    data = sum(path.stat().st_size for path in (attack.whole / "data").glob("shard-*")) // 1000
    for size, jobs in ((8, 1), (300, 1), (data // 2, 1), (data // 2, 2), (data + 60, 1), (data + 500, 1)):
        with small_disk(attack.folder / "disk", size) as grow:
            if grow is None:
                print("  no tmpfs may be mounted: only files are limited")
                break
            out, what = attack.folder / "disk" / "full-v0", f"a disk of {size} kB, {jobs} jobs (shards: {data} kB)"
            code, said = run(attack.command(out, jobs=jobs))
            there = shards(out)
            print(f"  {what}: {code}, {len(there)} shards; {last_line(said)}", flush=True)
            attack.is_one_sentence(code, said, what)
            attack.expect(all(there[name] == shards(attack.whole)[name] for name in there), f"{what}: other shards")
            attack.expect(size < 300 or bool(there), f"{what}: no finished shard is kept")
            grow(100_000)
            attack.completes(out, what, jobs)
    for size, jobs in ((20_000, 1), (120_000, 2), (400_000, 1)):
        out, what = attack.new("limited"), f"files of {size} bytes at most, {jobs} jobs"
        code, said = run(
            attack.command(out, jobs=jobs),
            preexec_fn=lambda size=size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        )
        print(f"  {what}: {code}, {len(shards(out))} shards; {last_line(said)}", flush=True)
        attack.is_one_sentence(code, said, what)
        attack.completes(out, what)


def memory(attack: Attack) -> None:
    """Many short episodes: memory does not grow with their number, and the dataset opens at once."""
    out, episodes = attack.new("many"), attack.many
    more = ["--episodes", str(episodes), "--num-envs", "64", "--max-episode-steps", "2", "--episodes-per-shard", "500"]
    process = Run(attack.command(out, *more))
    samples: list[tuple[float, int]] = []
    begun = time.monotonic()
    try:
        while process.poll() is None:
            status = Path(f"/proc/{process.pid}/status").read_text()
            if said := re.search(r"VmRSS:\s+(\d+)", status):
                samples.append((time.monotonic() - begun, int(said[1]) // 1024))
            time.sleep(0.5)
    finally:
        if sys.exc_info()[0] is not None:
            process.kill()
    code, said_last = end(process)
    attack.expect(code == 0, f"{episodes} episodes: {code}: {last_line(said_last)}")
    fifths = [max(mb for _, mb in samples[k * len(samples) // 5 : (k + 1) * len(samples) // 5]) for k in range(5)]
    print(f"  {episodes} episodes in {time.monotonic() - begun:.0f} s; most memory in each fifth of the time: {fifths} MB")
    attack.expect(fifths[3] - fifths[1] < 100, f"memory grows with the number of episodes: {fifths} MB")
    opened = time.monotonic()
    with MinariFolder(out) as dataset:
        count = len(dataset)
        counted = time.monotonic()
        assert len(dataset.lengths) == count
        done = time.monotonic()
    print(f"  opened and counted in {counted - opened:.2f} s, lengths in {done - counted:.2f} s")
    attack.expect(count == episodes, f"{count} episodes instead of {episodes}")
    attack.expect(done - opened < 2, f"opening {count} episodes takes {done - opened:.1f} s")


ATTACKS: dict[str, tuple[Callable[[Attack], None], ...]] = {
    "kills": (kills,), "late": (late_kills,), "interrupts": (signals,), "orphans": (orphans,), "damage": (damage,),
    "writers": (stale_writer, writers), "disk": (disk,), "memory": (memory,),
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--many", type=int, default=20_000, help="episodes, of the attack on memory")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--only", nargs="+", choices=ATTACKS, default=list(ATTACKS))
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what it began is ended, and its folder removed
    with tempfile.TemporaryDirectory() as folder:
        attack = Attack(Path(folder), given.kills, given.many, np.random.default_rng(given.seed))
        save_world(make_debug_world(), attack.folder / "world")
        for jobs in (0, 1, 2):  # 0: how long it takes to find that nothing is left to do, for comparison
            begun = time.monotonic()
            out = attack.whole if jobs < 2 else attack.new("jobs")
            if jobs == 0:
                run(attack.command(attack.new("short"), episodes=1))
            else:
                code, said = run(attack.command(out, jobs=jobs))
                assert code == 0, said
                attack.is_whole(out, f"undisturbed, {jobs} jobs")
            attack.seconds[jobs] = time.monotonic() - begun
        print(f"undisturbed: {attack.seconds[1]:.1f} s, with two jobs {attack.seconds[2]:.1f} s", flush=True)
        for name in given.only:
            for one in ATTACKS[name]:
                print(f"{one.__name__}: {one.__doc__}", flush=True)
                one(attack)
    print(f"{len(attack.found)} found" if attack.found else "all attacks were borne")
    for number, sentence in enumerate(attack.found, 1):
        print(f"{number}. {sentence}")
    return 1 if attack.found else 0


if __name__ == "__main__":
    sys.exit(main())
