"""The server of the play page, without a browser."""

import io
import json
import signal
import struct
import time
import zipfile

import av
import minari
import numpy as np
import pytest
from PIL import Image
from small_place import small_world
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from genie_gym.runtime import Beginning, RealtimeSession
from genie_gym.runtime.learned import LearnedEngine
from genie_gym.web.house import House
from genie_gym.web.messages import AT_ONCE, MOST_BYTES, VERSION
from genie_gym.web.server import Server, _jpeg, _write_clip, serve
from genie_gym.web.visitor import Shot

OUTPUT = (90, 160)


def house(most: int = 2, idle_minutes: float = 5.0) -> House:
    session = RealtimeSession(LearnedEngine(small_world(), "small"), output_size=OUTPUT, upscaler="bicubic", players=0)
    return House(session, Beginning("a village", None, 3), most, idle_minutes, env_id="Genie3-v0")


@pytest.fixture(autouse=True)
def no_waiting_for_ever():
    """A page that nothing comes to fails, and holds nobody up."""

    def too_long(*_):
        raise TimeoutError("nothing came for too long")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(100)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def server():
    built = Server(house(), hosts=("testserver",))
    built.house.start()
    with TestClient(built.app) as client:
        built.client = client
        yield built
        Page.leave_all()


class Page:
    """A page that reads what comes."""

    open = []

    def __init__(self, client, token="", version=VERSION, **headers):
        Page.open.append(self)
        self.context = client.websocket_connect("/socket", headers=headers)
        self.socket = self.context.__enter__()
        self.said, self.frames = [], []
        self.say(type="hello", value=version, token=token)

    def say(self, **message):
        self.socket.send_text(json.dumps(message))

    def take(self):
        """The next thing that comes: a message, or a frame's header and picture."""
        got = self.socket.receive()
        if got["type"] == "websocket.close":
            raise WebSocketDisconnect(got.get("code", 1000), got.get("reason", ""))
        if got.get("text") is not None:
            self.said.append(json.loads(got["text"]))
            return self.said[-1]
        raw = got["bytes"]
        (length,) = struct.unpack("<I", raw[:4])
        header = json.loads(raw[4 : 4 + length])
        header["image"] = np.asarray(Image.open(io.BytesIO(raw[4 + length :])))
        if "beside" not in header:
            self.say(type="seen", value=header["number"])
            self.frames.append(header)
        return header

    def until(self, kind, **values):
        """The first message of a kind, with these values."""
        for _ in range(3000):
            got = self.take()
            if got.get("type") == kind and all(got.get(name) == value for name, value in values.items()):
                return got
        raise AssertionError(f"no {kind}")

    def frame(self, wanted=lambda header: True):
        for _ in range(3000):
            got = self.take()
            if "frame" in got and "image" in got and wanted(got):
                return got
        raise AssertionError("no such frame")

    def until_beside(self):
        """The next frame of the simulator."""
        for _ in range(300):
            got = self.take()
            assert got.get("type") not in ("refused", "failed"), got
            if "beside" in got and "image" in got:
                return got
        raise AssertionError("no simulator")

    def leave(self):
        if self in Page.open:
            Page.open.remove(self)
            self.context.__exit__(None, None, None)

    @staticmethod
    def leave_all():
        """Else a test that fails waits for ever for its pages to close."""
        for page in list(Page.open):
            page.leave()


def settled(check, seconds=10.0):
    end = time.monotonic() + seconds
    while not check() and time.monotonic() < end:
        time.sleep(0.02)
    assert check()


def test_one_plays(server):
    page = Page(server.client)
    welcome = page.until("welcome")
    assert welcome["output_size"] == list(OUTPUT)
    assert "forward" in welcome["keys"]
    first = page.frame()
    assert first["image"].shape == (*OUTPUT, 3)
    page.say(type="input", keys=["turn left"], stamp=77.5)
    moved = page.frame(lambda header: header["stamp"] == 77.5)
    later = page.frame(lambda header: header["frame"] > moved["frame"] + 10)
    assert np.abs(later["image"].astype(int) - first["image"]).mean() > 1
    page.say(type="event", text="it starts to snow")
    assert page.until("done", what="event")["report"]["understood"]
    page.say(type="read", value="prompt", text="a desert in the fog")
    assert page.until("done", what="read")["report"]["understood"]
    page.say(type="prompt", text="a desert", seed=8)
    assert page.until("done", what="prompt")["seed"] == 8
    stats = page.frame(lambda header: "stats" in header)["stats"]
    assert stats["stages_ms"]["frame"]["p95"] > 0
    assert page.frame(lambda header: "map" in header)["map"]["things"]
    page.leave()
    settled(lambda: server.client.get("/health").json()["players"] == 0)


def test_time_can_be_stopped_gone_back_in_and_branched(server):
    page = Page(server.client)
    page.frame(lambda header: header["frame"] >= 30)
    page.say(type="command", name="save")
    kept = page.until("done", what="save")
    page.say(type="command", name="pause")
    page.until("done", what="pause")
    page.say(type="command", name="step")
    stopped = page.frame()
    page.say(type="command", name="rewind", value=26)
    assert page.until("done", what="rewind")["frame"] == 24
    page.say(type="command", name="load", value=kept["saved"])
    assert page.until("done", what="load")["frame"] == kept["frame"] < stopped["frame"]
    page.say(type="command", name="resume")
    page.frame(lambda header: header["frame"] > kept["frame"] + 1)
    page.say(type="command", name="load", value=7)
    assert "no such saved moment" in page.until("refused")["text"]
    page.leave()


def test_clips_and_datasets_are_kept(server, tmp_path, monkeypatch):
    page = Page(server.client)
    visitor = page.until("you")["visitor"]
    page.say(type="command", name="record")
    page.until("done", what="record")
    begun = page.frame()["frame"]
    page.say(type="event", text="it starts to rain")
    page.frame(lambda header: header["frame"] > begun + 12)
    clip = server.client.get("/clip.mp4", params={"visitor": visitor})
    assert clip.headers["content-type"] == "video/mp4"
    assert clip.content[4:8] == b"ftyp"
    answer = server.client.get("/play.zip", params={"visitor": visitor})
    zipfile.ZipFile(io.BytesIO(answer.content)).extractall(tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    (episode,) = minari.load_dataset("play-v0").iterate_episodes()
    assert len(episode.actions) >= 12
    assert episode.observations.shape == (len(episode.actions) + 1, *server.house.session.engine.frame_shape)
    assert any(b"rainy" in text for text in episode.infos["events"])
    assert server.client.get("/play.zip", params={"visitor": visitor}).status_code == 400  # it was taken away
    for name in ("clip.mp4", "play.zip"):
        assert server.client.get(f"/{name}", params={"visitor": "somebody"}).status_code == 404
    page.leave()


def test_clips_are_as_long_as_the_play_though_frames_were_left_out(tmp_path):
    def jpeg(grey):
        return _jpeg(Shot(np.full((32, 32, 3), grey, np.uint8), {}))

    kept = [(1, jpeg(10)), (2, jpeg(60)), (5, jpeg(110)), (5, jpeg(160)), (3, jpeg(210)), (400, jpeg(250))]
    _write_clip(tmp_path / "clip.mp4", kept, 24.0)
    with av.open(str(tmp_path / "clip.mp4")) as clip:
        shown = [frame.to_ndarray(format="rgb24").mean() for frame in clip.decode(video=0)]
    near = [min((10, 60, 110, 160, 210, 250), key=lambda grey: abs(grey - one)) for one in shown]
    assert near == [10] + 3 * [60] + [110] + [160] + 24 * [210] + [250]  # gone back: no gap; a second at most


def test_named_starts_are_begun_in(server):
    page = Page(server.client)
    names = [start["name"] for start in page.until("welcome")["starts"]]
    assert "winter_comes" in names
    page.say(type="command", name="begin", value="winter_comes")
    assert page.until("done", what="begin")["prompt"] == "a village at noon"
    page.say(type="command", name="view", value="scene")
    assert page.frame(lambda header: "scene" in header)["scene"].keys() == {"things", "relations"}
    page.say(type="command", name="begin", value="atlantis")
    assert "atlantis" in page.until("refused")["text"]
    page.leave()


def test_who_waits_is_told_anew_how_long(server, monkeypatch):
    monkeypatch.setattr("genie_gym.web.house.TELL_WAITING", 0.2)
    pages = [Page(server.client) for _ in range(3)]
    first, second = (pages[2].until("wait") for _ in range(2))
    assert second["place"] == first["place"] == 1
    assert second["seconds"] <= first["seconds"]
    for page in pages:
        page.leave()


def test_who_comes_late_waits_and_then_plays(server):
    pages = [Page(server.client) for _ in range(3)]
    for page in pages[:2]:
        page.until("welcome")
    wait = pages[2].until("wait")
    assert (wait["place"], wait["players"]) == (1, 2)
    assert 0 < wait["seconds"] <= 300
    pages[0].leave()
    pages[2].until("welcome")
    for page in pages[1:]:
        page.frame()
        page.leave()


def test_who_does_nothing_leaves():
    built = Server(house(idle_minutes=1 / 60), hosts=("testserver",))
    built.house.start()
    with TestClient(built.app) as client:
        page = Page(client)
        page.until("idle")
        settled(lambda: client.get("/health").json()["players"] == 0)
        page.leave()


def test_slow_pages_get_the_newest_frame_and_hold_nobody_up(server):
    slow, quick = Page(server.client), Page(server.client)
    slow.until("welcome")
    begun = quick.frame()["frame"]
    quick.frame(lambda header: header["frame"] > begun + 60)
    (seat,) = [one for one in server.house.seats if one.visitor.left_out > 20]
    assert seat.visitor.sent <= 2  # nothing queues up for who says nothing of having seen
    assert slow.frame()["frame"] < 10
    slow.frame()
    assert slow.frame()["frame"] > 30
    for page in (slow, quick):
        page.leave()


def test_coming_and_going_leaves_nothing_behind(server):
    for _ in range(25):
        page = Page(server.client)
        page.until("welcome")
        page.leave()
    settled(lambda: not server.house.seats)
    settled(lambda: not server.visitors)
    assert not server.house.session.players
    assert server.house.session.engine.num_rows == 0


def test_a_world_that_stops_says_so_to_everybody(server, monkeypatch):
    page = Page(server.client)
    page.frame()

    def broken():
        raise RuntimeError("a wire came loose")

    monkeypatch.setattr(server.house.session, "next_frames", broken)
    assert "a wire came loose" in page.until("failed")["text"]
    late = Page(server.client)
    with pytest.raises(WebSocketDisconnect, match="the world stopped"):
        late.until("welcome")


def test_recordings_hold_what_the_world_drew_in_any_view_and_end_with_the_play(server):
    page = Page(server.client)
    page.until("welcome")
    page.say(type="command", name="view", value="depth")
    page.say(type="command", name="record")
    page.until("done", what="record")
    begun = page.frame()["frame"]
    page.frame(lambda header: header["frame"] > begun + 5)
    (seat,) = server.house.seats
    recorder = seat.recorder
    page.say(type="prompt", text="nonsense")
    page.until("refused")
    assert seat.recorder is recorder  # what is not understood ends nothing
    frame = server.house.ask(lambda: server.house.session.engine.look(0)).result()
    recorder._file.flush()
    stored = np.memmap(recorder._file, np.uint8, "r", shape=(recorder.steps + 1, *recorder.shape))
    assert np.abs(stored[-1].astype(int) - frame).mean() < 20  # of the same view, not a picture of depth
    page.say(type="command", name="reset", value=5)
    assert page.until("record")["on"] is False
    page.leave()


def test_who_asks_too_much_of_the_world_is_told_to_wait(server, monkeypatch):
    monkeypatch.setattr("genie_gym.web.server.WORK_A_SECOND", 0.01)  # however long a reset takes here
    page = Page(server.client)
    page.until("welcome")
    for seed in range(12):
        page.say(type="command", name="reset", value=seed)
    assert "not so fast" in page.until("refused")["text"]
    page.frame()
    page.leave()


def test_pictures_begin_worlds_or_are_refused_in_a_sentence(server):
    page = Page(server.client)
    visitor = page.until("you")["visitor"]
    page.until("welcome")
    answer = server.client.post("/image", params={"visitor": visitor}, content=b"no picture")
    assert answer.status_code == 400
    assert "image" in answer.text
    answer = server.client.post("/image", params={"visitor": visitor}, content=b"x" * 13_000_000)
    assert answer.status_code == 413
    answer = server.client.post("/image", params={"visitor": "somebody"}, content=b"")
    assert answer.status_code == 403
    page.leave()


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("nonsense", "JSON"), ('{"type": "dance"}', "dance"), ('{"type": "command", "name": "fly"}', "fly"),
        ('{"type": "event", "text": 5}', "text"), ('{"type": "event", "text": "blorp"}', "blorp"),
        ('{"type": "input", "keys": "w"}', "keys"), ('{"type": "input", "mouse": [1, null]}', "mouse"),
        ('{"type": "input", "keys": ["fly"]}', "no key"), ('{"type": "input", "mouse": [1e400, 0]}', "mouse"),
        ('{"type": "event", "text": "' + "x" * MOST_BYTES + '"}', "at most"),
        ('{"type": "command", "name": "view", "value": "x-rays"}', "x-rays"),
    ],
)  # fmt: skip
def test_what_is_wrong_gets_a_sentence_and_play_goes_on(server, raw, said):
    page = Page(server.client)
    page.until("welcome")
    page.socket.send_text(raw)
    assert said in page.until("refused")["text"]
    page.say(type="input", keys=[])
    number = page.frame()["frame"]
    page.frame(lambda header: header["frame"] > number)
    page.leave()


def test_who_floods_is_shown_out(server):
    page = Page(server.client)
    page.until("welcome")
    for _ in range(2 * AT_ONCE):
        page.say(type="input", keys=[])
    with pytest.raises(WebSocketDisconnect, match="too many"):
        page.until("never")
    settled(lambda: not server.house.seats)


def test_the_simulator_plays_beside_under_the_same_keys(server):
    server.house.simulator = "GenieSim/Town-v0"
    page = Page(server.client)
    page.until("welcome")
    page.say(type="command", name="beside", value=True)
    page.until("done", what="beside")
    page.say(type="input", keys=["turn left"])
    looks = [page.until_beside()["image"].astype(int) for _ in range(8)]
    assert looks[0].shape == (90, 160, 3)
    assert np.abs(looks[-1] - looks[0]).mean() > 2
    page.say(type="command", name="beside", value=False)
    page.until("done", what="beside")
    page.leave()


def test_no_other_name_leads_here(server):
    built = Server(server.house)
    answers = [
        TestClient(built.app, base_url=f"http://{name}:7000").get("/health") for name in ("127.0.0.1", "evil.example")
    ]
    assert [answer.status_code for answer in answers] == [200, 400]


def test_other_pages_versions_and_tokens_are_refused(server):
    with pytest.raises(WebSocketDisconnect, match="does not come from here"):
        Page(server.client, origin="http://evil.example").until("welcome")
    with pytest.raises(WebSocketDisconnect, match="another version"):
        Page(server.client, version=VERSION + 1).until("welcome")
    server.token = "secret"
    assert server.client.get("/").status_code == 403
    assert server.client.get("/", params={"token": "secret"}).status_code == 200
    with pytest.raises(WebSocketDisconnect, match="token"):
        Page(server.client, token="guess").until("welcome")
    page = Page(server.client, token="secret")
    page.until("welcome")
    page.leave()


def test_a_port_that_is_taken_is_told():
    import socket

    from genie_gym.errors import GenieGymError

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(GenieGymError, match="another --port"):
            serve(house(), port=taken.getsockname()[1])
