import contextlib
import subprocess
import sys

import h5py
import numpy as np
import pytest

from genie_gym.datasets.video import Episode, VideoDataset, VideoWriter, open_video
from genie_gym.errors import GenieGymError


def write(path, count: int = 2, resume: bool = False) -> None:
    rng = np.random.default_rng(0)
    with VideoWriter(path, 8, 8, 15.0, {"kind": "test"}, resume) as writer:
        for _ in range(count):
            writer.append(Episode(rng.integers(0, 255, (10, 8, 8, 3), dtype=np.uint8), np.arange(9)))


def write_and_raise(path, error: type[BaseException]) -> None:
    with contextlib.suppress(error), VideoWriter(path, 8, 8, 15.0, {}) as writer:
        writer.append(Episode(np.zeros((10, 8, 8, 3), np.uint8)))
        raise error


def test_frames_come_back_as_they_were_and_labels_lie_beside(tmp_path):
    write(tmp_path / "v.h5")
    data = VideoDataset(tmp_path / "v.h5", preload_bytes=0)
    assert len(data) == 2
    assert data.num_frames == 20
    assert data.episode(0).actions.tolist() == list(range(9))
    assert np.array_equal(data.frames(1), VideoDataset(tmp_path / "v.h5").frames(1))


def test_several_files_read_like_one_after_the_other(tmp_path):
    paths = [tmp_path / f"{name}.h5" for name in "abc"]
    for count, path in enumerate(paths, start=1):
        write(path, count)
    data, lazy = VideoDataset(paths), VideoDataset(paths, preload_bytes=0)
    assert lazy.flat is None
    assert data.flat is not None
    assert np.array_equal(data.flat, np.concatenate([lazy.frames(i) for i in range(6)]))
    assert np.array_equal(data.frames(4), lazy.frames(4))


def test_a_damaged_file_among_several_is_named(tmp_path, capfd):
    paths = [tmp_path / "a.h5", tmp_path / "b.h5"]
    for path in paths:
        write(path)
    with h5py.File(paths[1], "r") as file:
        place = file["episode_000000/frames"].id.get_chunk_info(0).byte_offset
    content = bytearray(paths[1].read_bytes())
    content[place + 5] ^= 0xFF
    paths[1].write_bytes(content)
    with pytest.raises(GenieGymError, match="could not read"):
        VideoDataset(paths)
    message = capfd.readouterr().err
    assert "b.h5 is damaged" in message
    assert "Traceback" not in message


def test_calm_clips_end_before_the_first_event_shows(tmp_path):
    with VideoWriter(tmp_path / "v.h5", 8, 8, 15.0, {}) as writer:
        for events in ([], [(4, "{}"), (6, "{}")]):
            writer.append(Episode(np.zeros((10, 8, 8, 3), np.uint8), description={"events": events}))
    data, rng = VideoDataset(tmp_path / "v.h5"), np.random.default_rng(0)
    assert data.calm.tolist() == [10, 4]
    assert set(data.sample_windows(rng, 200, 4, calm=True)) == {(1, 0), *((0, start) for start in range(7))}
    assert (1, 6) in data.sample_windows(rng, 200, 4)
    with pytest.raises(GenieGymError, match="has 11 frames before its first event; the longest has 10: record longer ones"):
        data.sample_windows(rng, 1, 11, calm=True)


def test_clips_are_true_windows_and_all_windows_occur(video_path):
    data = VideoDataset(video_path)
    episodes = [data.frames(i) for i in range(len(data))]
    windows = {e[s : s + 11].tobytes() for e in episodes for s in range(len(e) - 10)}
    clips = data.sample_clips(np.random.default_rng(0), 1000, 11)
    assert {clip.tobytes() for clip in clips} == windows


def test_labelled_clips_align_and_their_weights_undo_the_choice(video_path):
    data = VideoDataset(video_path)
    clips, weights = data.sample_labelled(np.random.default_rng(0), 3000, 3, end_share=0.5)
    t, (dy, dx) = 0, (0, 0)
    for clip, actions in zip(clips.frames[:50], clips.actions[:50], strict=True):
        places = [np.argwhere(frame[..., 0] == 250)[0] for frame in clip]
        dy, dx = places[1] - places[0]
        step = [(0, -4), (0, 4), (-4, 0), (4, 0)][actions[t]]
        assert (dy % 56, dx % 56) == (step[0] % 56, step[1] % 56)
    uniform, _ = data.sample_labelled(np.random.default_rng(1), 3000, 3)
    weighted = np.average(clips.terminated[:, -1], weights=weights)
    assert abs(weighted - uniform.terminated[:, -1].mean()) < 0.01
    assert clips.terminated[:, -1].mean() > 1.15 * weighted
    assert abs(weights.mean() - 1) < 0.05


def test_an_interrupted_file_is_valid_and_resumes(tmp_path):
    path = tmp_path / "v.h5"
    write_and_raise(path, KeyboardInterrupt)
    assert len(VideoDataset(path)) == 1
    write(path, resume=True)
    assert len(VideoDataset(path)) == 3


def test_a_crash_leaves_nothing_under_the_final_name_but_can_resume(tmp_path):
    path = tmp_path / "v.h5"
    write_and_raise(path, RuntimeError)
    assert not path.exists()
    write(path, count=1, resume=True)
    assert len(VideoDataset(path)) == 2


def test_existing_files_are_not_overwritten(tmp_path):
    write(tmp_path / "v.h5")
    with pytest.raises(GenieGymError, match="--resume"):
        write(tmp_path / "v.h5")


def test_a_truncated_file_is_named(tmp_path):
    path = tmp_path / "v.h5"
    write(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(GenieGymError, match="damaged"):
        open_video(path)


def test_a_flipped_byte_is_found(tmp_path):
    path = tmp_path / "v.h5"
    write(path)
    with h5py.File(path) as file:
        offset = file["episode_000000/frames"].id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[offset + 5] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(GenieGymError, match="damaged"):
        VideoDataset(path)


def test_other_files_are_refused(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(GenieGymError, match="not a genie_gym/video"):
        open_video(tmp_path / "other.h5")
    with pytest.raises(GenieGymError, match="no video file"):
        open_video(tmp_path / "nothing.h5")


def test_clips_longer_than_every_episode(tmp_path):
    write(tmp_path / "v.h5")
    with pytest.raises(GenieGymError, match="the longest has 10"):
        VideoDataset(tmp_path / "v.h5").sample_clips(np.random.default_rng(0), 1, 11)


def test_a_full_disk_gets_one_clear_error(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(h5py.Group, "create_dataset", full)
    with pytest.raises(GenieGymError, match="disk full"), VideoWriter(tmp_path / "v.h5", 8, 8, 15.0, {}) as writer:
        writer.append(Episode(np.zeros((10, 8, 8, 3), np.uint8)))
    assert not (tmp_path / "v.h5").exists()


def test_importance_weights_make_every_window_count_the_same(tmp_path):
    """Episodes shorter than a clip, just as long, and longer than what counts as near the end."""
    with VideoWriter(tmp_path / "v.h5", 8, 8, 15.0, {}) as writer:
        for steps in (3, 10, 5, 30):
            writer.append(Episode(np.zeros((steps, 8, 8, 3), np.uint8)))
    data, drawn = VideoDataset(tmp_path / "v.h5"), 60_000
    expected = {(1, s) for s in range(6)} | {(2, 0)} | {(3, s) for s in range(26)}
    for end_share in (0.0, 0.5):
        windows, weights = data.sample_ends(np.random.default_rng(0), drawn, 5, end_share)
        assert set(windows) == expected
        share = {window: 0.0 for window in expected}
        for window, weight in zip(windows, weights, strict=True):
            share[window] += weight / drawn
        assert max(abs(value * len(expected) - 1) for value in share.values()) < 0.12
    near = [(e, s) for e, s in windows if s + 5 > data.lengths[e] - 8]
    assert len(near) / drawn == pytest.approx(0.5 + 0.5 * 15 / 33, abs=0.01)


def test_counts_go_on_with_what_is_there_and_know_what_is_new(tmp_path):
    write(tmp_path / "v.h5")
    with VideoWriter(tmp_path / "v.h5", 8, 8, 15.0, {}, resume=True) as writer:
        assert (writer.num_episodes, writer.num_frames, writer.num_new_frames) == (2, 20, 0)
        writer.append(Episode(np.zeros((5, 8, 8, 3), np.uint8)))
        assert (writer.num_episodes, writer.num_frames, writer.num_new_frames) == (3, 25, 5)


def test_frames_of_another_size_are_never_mixed_in(tmp_path):
    write(tmp_path / "v.h5")
    with pytest.raises(GenieGymError, match="holds frames of"):
        VideoWriter(tmp_path / "v.h5", 8, 16, 15.0, {}, resume=True)
    assert len(VideoDataset(tmp_path / "v.h5")) == 2  # the file is as it was
    with VideoWriter(tmp_path / "w.h5", 8, 16, 15.0, {}) as writer:
        writer.append(Episode(np.zeros((5, 8, 16, 3), np.uint8)))
    with pytest.raises(GenieGymError, match="differ in frame size"):
        VideoDataset([tmp_path / "v.h5", tmp_path / "w.h5"])


def test_what_a_crash_left_is_thrown_away_without_resume(tmp_path):
    write_and_raise(tmp_path / "v.h5", RuntimeError)
    write(tmp_path / "v.h5")
    assert len(VideoDataset(tmp_path / "v.h5")) == 2


def test_a_file_without_episodes_is_no_file(tmp_path):
    write(tmp_path / "v.h5", 0)
    assert not list(tmp_path.iterdir())


@contextlib.contextmanager
def at_it(path, mode: str):
    """Another process has the file open."""
    code = f"import h5py, sys; file = h5py.File({str(path)!r}, {mode!r}); print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline()
        yield


def test_a_file_that_another_process_writes_is_said_to_be_written_and_not_damaged(tmp_path):
    path, part = tmp_path / "v.h5", tmp_path / ".v.part.h5"
    write(path)
    with at_it(path, "r+"):
        for read in (VideoDataset, open_video):
            with pytest.raises(GenieGymError, match=r"v\.h5 is being written by another process; wait"):
                read(path)
    path.rename(part)
    with pytest.raises(GenieGymError, match=r"v\.h5 is not finished: .*\.v\.part\.h5; go on with it"):
        VideoDataset(path)
    size = part.stat().st_size
    with at_it(part, "r+"):
        with pytest.raises(GenieGymError, match=r"\.v\.part\.h5 is being written by another process"):
            VideoDataset(path)
        for resume in (True, False):
            with pytest.raises(GenieGymError, match=r"\.v\.part\.h5 is (in use|being written) by another process"):
                write(path, resume=resume)
    assert part.stat().st_size == size  # nothing of it is lost
    write(path)  # but what a stopped run left is written over
    assert len(VideoDataset(path)) == 2


def test_what_is_damaged_is_still_said_to_be(tmp_path):
    write(tmp_path / "v.h5")
    (tmp_path / "v.h5").write_bytes((tmp_path / "v.h5").read_bytes()[:1000])
    with pytest.raises(GenieGymError, match="damaged or not HDF5"):
        VideoDataset(tmp_path / "v.h5")
