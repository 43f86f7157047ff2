"""The server of the play page: one page, one socket a visitor, frames down as JPEG.

Legend: H W image.
"""

from __future__ import annotations

import asyncio
import hmac
import io
import json
import secrets
import socket
import struct
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from genie_gym.errors import GenieGymError
from genie_gym.runtime.learned import LearnedEngine
from genie_gym.visual import fit, read_image, save_mp4
from genie_gym.web.house import House, told
from genie_gym.web.messages import (
    MOST_BYTES,
    VERSION,
    WORK_A_SECOND,
    WORK_AT_ONCE,
    Allowance,
    Message,
    read_message,
)
from genie_gym.web.visitor import Shot, Visitor

try:
    import simplejpeg
    import uvicorn
    from starlette.applications import Starlette
    from starlette.background import BackgroundTask
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.requests import Request
    from starlette.responses import FileResponse, JSONResponse, Response
    from starlette.routing import Mount, Route, WebSocketRoute
    from starlette.staticfiles import StaticFiles
    from starlette.websockets import WebSocket, WebSocketDisconnect
except ImportError as error:
    raise GenieGymError(f"the play page needs more packages ({error.name}): pip install 'genie-gym[play]'.") from None

PAGE = Path(__file__).parent / "page"
QUALITY = 82  # of JPEGs
MOST_IMAGE, MOST_PIXELS = 12_000_000, 40_000_000  # bytes and pixels of a picture to begin in
HELLO_SECONDS = 10.0  # within which a page says hello
GREETING, GONE, REFUSED, BUSY = 4000, 4001, 4403, 4429  # codes by which a socket is closed
LOOPBACK = ("127.0.0.1", "localhost", "::1")
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]", "::1")  # as browsers call it


class Server:
    """Args: `token`, where one is needed, is what a page must know. `hosts` are the names by which it may be called: without
    a token none but those of this machine, so that no other name can be made to lead here (DNS rebinding)."""

    def __init__(self, house: House, token: str = "", hosts: tuple[str, ...] = ()):
        self.house, self.token = house, token
        self.visitors: dict[str, Visitor] = {}
        self.encoders = ThreadPoolExecutor(2, thread_name_prefix="encode")
        self.clerk = ThreadPoolExecutor(1, thread_name_prefix="files")  # so that no clip keeps frames waiting
        self.served: set[str] = set()  # visitors for whom a file is made or read now
        self.files = tempfile.TemporaryDirectory(prefix="genie-gym-play-")
        self.app = Starlette(
            routes=[
                Route("/", self._page),
                Route("/image", self._image, methods=["POST"]),
                Route("/clip.mp4", self._clip),
                Route("/play.zip", self._recording),
                Route("/health", self._health),
                WebSocketRoute("/socket", self._socket),
                Mount("/page", StaticFiles(directory=PAGE)),
            ],
            middleware=[
                Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts or (("*",) if token else LOOPBACK_NAMES)))
            ],
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        yield
        self.house.close()
        for threads in (self.encoders, self.clerk):
            threads.shutdown(wait=False, cancel_futures=True)
        self.files.cleanup()

    # Pages and files

    async def _page(self, request: Request) -> Response:
        if not self._may(request.query_params.get("token", "")):
            return Response("This page needs the token that genie-gym play printed: open the whole address.", 403)
        headers = {
            "Cache-Control": "no-store",
            "Content-Security-Policy": "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' blob: data:",
        }
        return FileResponse(PAGE / "index.html", headers=headers)

    async def _health(self, _: Request) -> Response:
        return JSONResponse({"version": VERSION, "players": len(self.house.seats), "waiting": len(self.house.waiting)})

    async def _image(self, request: Request) -> Response:
        visitor = self._known(request)
        if visitor is None or not self._same_origin(request.headers.get("origin"), request.headers.get("host")):
            return Response("This is not your page.", 403)
        raw = b""
        async for part in request.stream():
            raw += part
            if len(raw) > MOST_IMAGE:
                return Response(f"A picture has at most {MOST_IMAGE // 1_000_000} MB.", 413)
        return await self._one_at_a_time(visitor, lambda: self._begin_in(visitor, raw))

    async def _begin_in(self, visitor: Visitor, raw: bytes) -> Response:
        picture = await self._in_files(_picture, raw, self.house.session.model_size)
        await self._ask(lambda: self.house.image(visitor, picture))
        return JSONResponse({})

    async def _clip(self, request: Request) -> Response:
        visitor = self._known(request)
        if visitor is None or not visitor.clip:
            return Response("There is nothing to save yet.", 404)
        return await self._one_at_a_time(visitor, lambda: self._clip_of(visitor))

    async def _clip_of(self, visitor: Visitor) -> Response:
        path = Path(self.files.name) / f"{secrets.token_hex(8)}.mp4"
        await self._in_files(_write_clip, path, list(visitor.clip), self.house.session.engine.fps)
        return FileResponse(path, filename="genie.mp4", background=BackgroundTask(path.unlink, missing_ok=True))

    async def _recording(self, request: Request) -> Response:
        visitor = self._known(request)
        if visitor is None or not isinstance(self.house.session.engine, LearnedEngine):
            return Response("There is no such recording.", 404)
        return await self._one_at_a_time(visitor, lambda: self._recording_of(visitor))

    async def _recording_of(self, visitor: Visitor) -> Response:
        engine = self.house.session.engine
        assert isinstance(engine, LearnedEngine)
        path = Path(self.files.name) / f"{secrets.token_hex(8)}.zip"
        recorder = await self._ask(lambda: self.house.finish(visitor))
        await self._in_files(recorder.write, path, self.house.env_id, engine.world)
        return FileResponse(path, filename="play.zip", background=BackgroundTask(path.unlink, missing_ok=True))

    async def _one_at_a_time(self, visitor: Visitor, make: Callable[[], Awaitable[Response]]) -> Response:
        """One file of each visitor at a time; what cannot be is said in a sentence."""
        if visitor.token in self.served:
            return Response("One at a time: the last file is still being made.", 429)
        self.served.add(visitor.token)
        try:
            return await make()
        except GenieGymError as error:
            return Response(str(error), 400)
        finally:
            self.served.discard(visitor.token)

    async def _in_files(self, work: Callable[..., Any], *given: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.clerk, work, *given)

    def _known(self, request: Request) -> Visitor | None:
        return self.visitors.get(request.query_params.get("visitor", ""))

    # The socket

    async def _socket(self, socket: WebSocket) -> None:
        await socket.accept()
        headers, allowed, work = socket.headers, Allowance(), Allowance(WORK_A_SECOND, WORK_AT_ONCE)
        if not self._same_origin(headers.get("origin"), headers.get("host")):
            await socket.close(REFUSED, "this page does not come from here")
            return
        try:
            hello = read_message(await asyncio.wait_for(socket.receive_text(), HELLO_SECONDS))
        except (GenieGymError, TimeoutError, WebSocketDisconnect, KeyError):
            await _closed(socket, GREETING, "say hello first")
            return
        if hello.kind != "hello" or hello.value != VERSION:
            await _closed(socket, GREETING, f"the page is of another version (this is {VERSION}): load it again")
            return
        if not self._may(hello.text):
            await _closed(socket, REFUSED, "the token is not right")
            return
        visitor = Visitor(asyncio.get_running_loop(), self.house.session.engine.fps)
        self.visitors[visitor.token] = visitor
        visitor.tell("you", visitor=visitor.token)
        sender = asyncio.create_task(self._send(socket, visitor))
        try:
            await self._ask(lambda: self.house.come(visitor))
            while True:
                raw = await socket.receive_text()
                if not allowed.take():
                    await _closed(socket, BUSY, "too many messages: at most 120 a second")
                    break
                await self._obey(visitor, raw, work)
        except GenieGymError as error:
            await _closed(socket, BUSY, str(error)[:100])
        except (WebSocketDisconnect, KeyError, RuntimeError):  # gone, or what is no text
            pass
        finally:
            visitor.over = True
            sender.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await sender
            del self.visitors[visitor.token]
            self.house.ask(lambda: self.house.go(visitor))

    async def _obey(self, visitor: Visitor, raw: str, work: Allowance) -> None:
        try:
            message = read_message(raw)
            if message.kind == "seen":
                visitor.has_seen(message.value)
                return
            visitor.acted = time.monotonic()
            if message.kind == "input":
                self.house.ask(lambda: self._press(visitor, message))
                return
            if message.is_work and not work.take():
                raise GenieGymError("not so fast: the world is shared.")
            answer = await self._ask(lambda: self._done(visitor, message))
            visitor.tell("done", what=message.text if message.kind == "command" else message.kind, **answer)
        except GenieGymError as error:
            visitor.tell("refused", text=str(error))
        except Exception as error:  # of others' code; the visitor is told, and goes on
            visitor.tell("refused", text=f"that failed: {type(error).__name__}: {error}")

    def _press(self, visitor: Visitor, message: Message) -> None:
        row = self.house.row_of(visitor)
        if row is None:
            return
        try:
            self.house.session.press(*message.keys, mouse=message.mouse, axes=message.axes, row=row, stamp=message.stamp)
        except GenieGymError as error:
            visitor.tell("refused", text=str(error))

    def _done(self, visitor: Visitor, message: Message) -> dict[str, Any]:
        house = self.house
        if message.kind == "prompt":
            return house.prompt(visitor, message.text, message.value)
        row, _ = house.seat_of(visitor)
        if message.kind == "event":
            return {"report": told(house.session.event(message.text, row))}
        if message.kind == "read":
            report = house.session.engine.read(message.text, row, message.value == "event")
            return {"report": told(report), "of": message.value, "text": message.text}
        return house.command(visitor, message.text, message.value)

    async def _ask(self, call: Callable[[], Any]) -> Any:
        """Has the world's thread do something, and waits for it."""
        return await asyncio.wrap_future(self.house.ask(call))

    async def _send(self, socket: WebSocket, visitor: Visitor) -> None:
        loop = asyncio.get_running_loop()
        while True:
            words, shot, beside = await visitor.next()
            for text in words:
                await socket.send_text(text)
            if visitor.over:
                await _closed(socket, GONE, "")
                return
            for one, keeps in ((shot, True), (beside, False)):
                if one is not None:
                    jpeg = await loop.run_in_executor(self.encoders, _jpeg, one)
                    if keeps:
                        visitor.keep(one.header["frame"], jpeg)
                    await socket.send_bytes(_packed(one, jpeg, visitor.sent))

    # Who may

    def _may(self, token: str) -> bool:
        return not self.token or hmac.compare_digest(token.encode(), self.token.encode())

    def _same_origin(self, origin: str | None, host: str | None) -> bool:
        """Whether a page comes from this server: other pages in the same browser must not play."""
        if origin is None:  # no browser
            return True
        return urlsplit(origin).netloc == host


def _picture(raw: bytes, size: tuple[int, int]) -> np.ndarray:
    """A picture, no larger than frames are.

    Raises:
        GenieGymError: for what is none, or is larger than `MOST_PIXELS`.
    """
    try:
        with Image.open(io.BytesIO(raw)) as opened:
            width, height = opened.size
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise GenieGymError(f"cannot read the image: {error}.") from None
    if width * height > MOST_PIXELS:
        raise GenieGymError(f"a picture has at most {MOST_PIXELS // 1_000_000} megapixels; this one has {width}x{height}.")
    return fit(read_image(raw), size)


def _jpeg(shot: Shot) -> bytes:
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(shot.image), quality=QUALITY, colorsubsampling="420"))


def _packed(shot: Shot, jpeg: bytes, number: int) -> bytes:
    """The length of the header as four bytes, the header as JSON, and the picture."""
    header = json.dumps(shot.header | {"number": number}).encode()
    return struct.pack("<I", len(header)) + header + jpeg


def _write_clip(path: Path, kept: list[tuple[int, bytes]], fps: float) -> None:
    """Those of the last one's size, one after the other: all at once they would fill the memory. A frame stays until the
    next came, so that nothing is faster than it was."""
    size = simplejpeg.decode_jpeg_header(kept[-1][1])[:2]
    same = [(number, jpeg) for number, jpeg in kept if simplejpeg.decode_jpeg_header(jpeg)[:2] == size]
    save_mp4(path, _in_time(same, round(fps)), fps)


def _in_time(kept: list[tuple[int, bytes]], most: int) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Every frame as often as numbers go on until the next, `most` times at most; once where one has gone back in time."""
    following = [number for number, _ in kept[1:]] + [kept[-1][0] + 1]
    for (number, jpeg), after in zip(kept, following, strict=True):
        frame = simplejpeg.decode_jpeg(jpeg)
        for _ in range(min(after - number, most) if after > number else 1):
            yield frame


async def _closed(socket: WebSocket, code: int, why: str) -> None:
    with suppress(RuntimeError, WebSocketDisconnect):
        await socket.close(code, why)


def serve(house: House, host: str = "127.0.0.1", port: int = 7000, ready: Callable[[str], None] = print) -> None:
    """Serves a house until Ctrl-C. Elsewhere than on loopback a page needs a token, which is part of the address that
    `ready` is told.

    Raises:
        GenieGymError: the port is taken, or the address is none of this machine's.
    """
    token = "" if host in LOOPBACK else secrets.token_urlsafe(16)
    bound = _bound(host, port)
    house.start()
    server = Server(house, token)
    config = uvicorn.Config(
        server.app, log_level="warning", ws="websockets-sansio", ws_max_size=MOST_BYTES, ws_max_queue=32, lifespan="on",
        timeout_graceful_shutdown=2,
    )  # fmt: skip
    shown = f"[{host}]" if ":" in host else host
    ready(f"http://{shown}:{bound.getsockname()[1]}/" + (f"?token={token}" if token else ""))
    uvicorn.Server(config).run(sockets=[bound])


def _bound(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except (OSError, OverflowError) as error:
        raise GenieGymError(f"{host}:{port} cannot be served from ({error}); choose another --port or --host.") from None
    return bound
