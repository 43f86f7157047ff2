"""Video files as episodes: their rate, their size, their scenes."""

import wave
from fractions import Fraction

import av
import numpy as np
import pytest

from genie_gym.cli import main
from genie_gym.datasets.record_videos import is_video_source, record_videos, resample
from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.visual import crop_to_aspect, save_mp4


def clip(count: int, height: int = 32, width: int = 48, seed: int = 0) -> np.ndarray:
    """A picture that grows brighter with each frame, by five: frames tell their number."""
    base = np.random.default_rng(seed).integers(0, 30, (height // 8, width // 8, 3), dtype=np.uint8)
    still = base.repeat(8, 0).repeat(8, 1)
    return np.stack([still + np.uint8(5 * t) for t in range(count)])


def numbers(frames: np.ndarray, of: np.ndarray) -> list[int]:
    """Which frame of a clip each of these is."""
    return [int(np.argmin([np.abs(f.astype(int) - g).mean() for g in of])) for f in frames]


def test_a_single_file_at_its_own_rate(tmp_path):
    frames = clip(20)
    save_mp4(tmp_path / "a.mp4", frames, 10.0)
    record_videos(tmp_path / "a.mp4", tmp_path / "v.h5")
    data = VideoDataset(tmp_path / "v.h5")
    assert data.fps == 10
    assert numbers(data.frames(0), frames) == list(range(20))
    assert data.source == {"kind": "videos", "name": "a.mp4", "fps": 10.0, "size": None}
    assert not data.has_labels()


def test_by_the_command(tmp_path, capsys):
    save_mp4(tmp_path / "a.mp4", clip(20), 10.0)
    arguments = ["record", "--source", str(tmp_path / "a.mp4"), "--out", str(tmp_path / "v.h5")]
    assert main([*arguments, "--fps", "5", "--size", "16", "16", "--frames", "4"]) == 0
    data = VideoDataset(tmp_path / "v.h5")
    assert (data.fps, data.height, data.width) == (5, 16, 16)
    for option in (
        ["--mix", "sticky"],
        ["--image-key", "rgb"],
        ["--held-out"],
        ["--option", "a", "1"],
        ["--size", "0", "4"],
    ):
        assert main([*arguments, *option]) == 2
        assert option[0] in capsys.readouterr().err
    assert main(["record", "--source", "CartPole-v1", "--fps", "5", "--out", str(tmp_path / "w.h5")]) == 2


def test_a_folder_is_split_and_resumed(tmp_path):
    (tmp_path / "in").mkdir()
    save_mp4(tmp_path / "in" / "a.mp4", clip(20), 10.0)
    save_mp4(tmp_path / "in" / "b.mp4", clip(9), 10.0)
    for resume in (False, True):
        record_videos(tmp_path / "in", tmp_path / "v.h5", max_frames=12, resume=resume)
        assert VideoDataset(tmp_path / "v.h5").lengths.tolist() == [12, 8, 9]
    for change in ({"fps": 5.0}, {"size": (32, 48)}):
        with pytest.raises(GenieGymError, match="begun with other settings"):
            record_videos(tmp_path / "in", tmp_path / "v.h5", max_frames=12, resume=True, **change)
    record_videos(tmp_path / "in", tmp_path / "few.h5", max_frames=12, num_frames=13)
    assert VideoDataset(tmp_path / "few.h5").lengths.tolist() == [12, 8]


def test_files_of_other_sizes_need_one(tmp_path):
    save_mp4(tmp_path / "a.mp4", clip(9), 10.0)
    save_mp4(tmp_path / "c.mp4", clip(9, 32, 16), 10.0)
    with pytest.raises(GenieGymError, match=r"32x16, the others 32x48 .*pass --size"):
        record_videos(tmp_path, tmp_path / "w.h5")
    assert not (tmp_path / "w.h5").exists()
    record_videos(tmp_path, tmp_path / "w2.h5", size=(24, 24))
    assert VideoDataset(tmp_path / "w2.h5").height == 24


def test_files_of_other_rates_need_one(tmp_path):
    frames = clip(21)
    save_mp4(tmp_path / "a.mp4", frames, 10.0)
    save_mp4(tmp_path / "b.mp4", frames, 20.0)
    with pytest.raises(GenieGymError, match=r"a.mp4: 10 frames a second, b.mp4: 20\); pass --fps"):
        record_videos(tmp_path, tmp_path / "v.h5")
    record_videos(tmp_path, tmp_path / "v.h5", fps=10.0)
    data = VideoDataset(tmp_path / "v.h5")
    assert data.fps == 10
    assert numbers(data.frames(0), frames) == list(range(21))
    assert numbers(data.frames(1), frames) == [0, *range(2, 21, 2)]


def test_more_frames_a_second_repeat_frames(tmp_path):
    frames = clip(6)
    save_mp4(tmp_path / "a.mp4", frames, 10.0)
    record_videos(tmp_path / "a.mp4", tmp_path / "v.h5", fps=20.0)
    assert numbers(VideoDataset(tmp_path / "v.h5").frames(0), frames) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5]


def test_uneven_rates_go_by_the_clock(tmp_path):
    frames, times = clip(6), [0, 100, 200, 700, 800, 1000]  # milliseconds
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.height, stream.width, stream.pix_fmt = 32, 48, "bgr0"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for frame, time in zip(frames, times, strict=True):
            image = av.VideoFrame.from_ndarray(frame, format="rgb24")
            image.pts, image.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(image))
        container.mux(stream.encode())
    record_videos(tmp_path / "a.mkv", tmp_path / "v.h5", fps=10.0)
    assert numbers(VideoDataset(tmp_path / "v.h5").frames(0), frames) == [0, 1, 2, 2, 2, 2, 2, 3, 4, 4, 5]


def test_jumps_of_the_clock_begin_a_new_scene_and_fill_nothing():
    image = np.zeros((2, 2, 3), np.uint8)
    seen = list(resample([(False, t, image) for t in (0.0, 0.1, 50_000.0, 50_000.1, 3.0)], 10.0))
    assert [begins for begins, _ in seen] == [True, False, True, False, True]


def test_a_cut_ends_an_episode(tmp_path):
    shots = [clip(12, seed=k) + np.array(colour, np.uint8) for k, colour in enumerate([(0, 0, 0), (0, 90, 0), (120, 0, 60)])]
    save_mp4(tmp_path / "a.mp4", np.concatenate(shots), 10.0)
    record_videos(tmp_path / "a.mp4", tmp_path / "v.h5")
    assert VideoDataset(tmp_path / "v.h5").lengths.tolist() == [12, 12, 12]


@pytest.mark.parametrize(("shape", "size", "rows", "columns"), [
    ((40, 60), (8, 8), slice(0, 40), slice(10, 50)),
    ((60, 40), (10, 20), slice(20, 40), slice(0, 40)),
    ((40, 60), (20, 30), slice(0, 40), slice(0, 60)),
])  # fmt: skip
def test_the_centre_is_cut_out_and_nothing_squashed(shape, size, rows, columns):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert np.array_equal(crop_to_aspect(image, size), image[rows, columns])


def test_films_are_upright(tmp_path):
    frames = clip(5)
    frames[:, :16] = 255
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.height, stream.width, stream.pix_fmt = 32, 48, "yuv420p"
        stream.set_display_rotation(90)
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    record_videos(tmp_path / "a.mp4", tmp_path / "v.h5")
    seen = VideoDataset(tmp_path / "v.h5").frames(0)[0]
    assert seen.shape == (48, 32, 3)
    assert seen[:, :16].mean() > 200 > 100 > seen[:, 16:].mean()  # what was above is to the left: turned against the clock


def test_empty_folders_and_broken_files(tmp_path):
    with pytest.raises(GenieGymError, match="no video files"):
        record_videos(tmp_path, tmp_path / "v.h5")
    with pytest.raises(GenieGymError, match="no file or folder"):
        record_videos(tmp_path / "missing.mp4", tmp_path / "v.h5")
    (tmp_path / "broken.mp4").write_bytes(b"this is no video")
    for source in (tmp_path, tmp_path / "broken.mp4"):
        with pytest.raises(GenieGymError, match="cannot be decoded"):
            record_videos(source, tmp_path / "v.h5")
    with pytest.raises(GenieGymError, match="fps is a number"):
        record_videos(tmp_path, tmp_path / "v.h5", fps=0.0)
    assert not (tmp_path / "v.h5").exists()


def test_a_folder_is_taken_by_kind_and_says_what_is_left_out(tmp_path, capsys):
    films = tmp_path / "in"
    films.mkdir()
    for name, codec in (("a.ts", "mpeg2video"), ("b.FLV", "flv"), ("c.wmv", "wmv2"), ("d.gif", "gif"), ("e.3gp", "mpeg4")):
        with av.open(str(films / name.lower()), "w") as container:
            stream = container.add_stream(codec, rate=25 if codec == "mpeg2video" else 10)
            stream.height, stream.width, stream.pix_fmt = 96, 128, "rgb8" if codec == "gif" else "yuv420p"
            for frame in clip(9, 96, 128):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode())
        (films / name.lower()).rename(films / name)
    for name in ("notes.txt", "cover.jpg", "._a.ts"):
        (films / name).write_bytes(b"")
    record_videos(films, tmp_path / "v.h5", fps=10.0)
    data = VideoDataset(tmp_path / "v.h5")
    assert [data.behaviour(k) for k in range(len(data))] == ["a.ts", "b.FLV", "c.wmv", "d.gif", "e.3gp"]
    assert "3 of 8 files are no video by their names (._a.ts …) and left out" in capsys.readouterr().out
    assert is_video_source("clip.mxf")


def test_bad_files_in_a_folder_can_be_left_out(tmp_path, capsys):
    films = tmp_path / "in"
    films.mkdir()
    save_mp4(films / "a.mp4", clip(9), 10.0)
    (films / "b.mp4").write_bytes(b"this is no video")
    with wave.open(str(films / "c.avi"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(1600))
    save_mp4(films / "d.mp4", clip(5), 10.0)
    arguments = ["record", "--source", str(films), "--out", str(tmp_path / "v.h5")]
    assert main(arguments) == 2
    assert "b.mp4 cannot be decoded (" in (told := capsys.readouterr().err)
    assert "pass --skip-damaged" in told
    assert main([*arguments, "--skip-damaged"]) == 0
    told = capsys.readouterr().out
    assert f"left out: {films / 'b.mp4'} cannot be decoded (" in told
    assert f"left out: {films / 'c.avi'} cannot be decoded (it holds no video)" in told
    assert VideoDataset(tmp_path / "v.h5").lengths.tolist() == [9, 5]
    for name in ("a.mp4", "d.mp4"):
        (films / name).unlink()
    with pytest.raises(GenieGymError, match=r"no two whole frames .*b.mp4 cannot be decoded .*c.avi .*no video"):
        record_videos(films, tmp_path / "w.h5", skip_damaged=True)
    assert main(["record", "--source", "CartPole-v1", "--skip-damaged", "--out", str(tmp_path / "w.h5")]) == 2


def test_sources_that_are_files_and_those_that_are_ids(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "films").mkdir()
    assert all(is_video_source(source) for source in ("films", "./nothing", "~/films", "clip.MP4", "/a/b"))
    assert not any(is_video_source(source) for source in ("CartPole-v1", "ALE/Pong-v5", "ale_py:ALE/Pong-v5", "town"))
