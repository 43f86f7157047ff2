// The play page: sends what one does, shows what comes. No libraries, no build step.
// Frames come as: length of the header (4 bytes, little-endian), the header as JSON, a JPEG.

const VERSION = 1;
const INPUT_EVERY = 1000 / 60; // milliseconds between messages of what is held
const MOUSE_DEGREES = 0.12; // that a pixel of the mouse turns
const HISTORY = 160; // frames in the graph
const STAGES = ["input", "generation", "rendering"];
const EVENTS = ["it starts to rain", "it starts to snow", "the weather clears up", "night falls", "the sun rises", "a dog appears that follows me", "add a tree", "moon gravity"];

const NO_SCENE = { things: [], relations: [] };

const $ = (id) => document.getElementById(id);
const state = { socket: null, visitor: "", welcome: null, held: [], mouse: [0, 0], touchAxes: {}, padAxes: {}, frame: 0, paused: false, view: "rgb", scene: NO_SCENE, history: [], latencies: [], drawing: false, next: null, lastInput: "", locked: false, moments: [0], scrubbing: false };

// --- The socket -------------------------------------------------------------------------------------------------

function connect() {
  const token = new URLSearchParams(location.search).get("token") || "";
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/socket`);
  socket.binaryType = "arraybuffer";
  state.socket = socket;
  socket.onopen = () => say({ type: "hello", value: VERSION, token });
  socket.onmessage = (event) => (typeof event.data === "string" ? heard(JSON.parse(event.data)) : arrived(event.data));
  socket.onclose = (event) => {
    cover(event.reason || (state.idle ? state.idle : "The connection is lost."), true);
    line("not connected", true);
  };
}

function say(message) {
  if (state.socket && state.socket.readyState === WebSocket.OPEN) state.socket.send(JSON.stringify(message));
}

const command = (name, value) => say({ type: "command", name, value });

function heard(message) {
  const { type } = message;
  if (type === "you") {
    state.visitor = message.visitor;
    $("clip").href = `clip.mp4?visitor=${message.visitor}`;
    $("dataset").href = `play.zip?visitor=${message.visitor}`;
  } else if (type === "welcome") welcome(message);
  else if (type === "wait") {
    const minutes = Math.ceil(message.seconds / 60);
    cover(`${message.players} play already. You are number ${message.place} in line: at most ${minutes} minute${minutes === 1 ? "" : "s"}, unless they go on playing.`);
    line(`waiting, number ${message.place}`);
  } else if (type === "done") done(message);
  else if (type === "refused") refused(message.text);
  else if (type === "record") { pressed("record", message.on); $("dataset").hidden = !message.on; line(message.text, !message.on); }
  else if (type === "idle") state.idle = `You did nothing for ${message.minutes} minutes, so somebody else may play.`;
  else if (type === "failed") { cover(message.text); line(message.text, true); }
}

function done(message) {
  if (message.what === "prompt" || message.what === "event") {
    told($(`${message.what}-told`), message.report);
    if (message.seed !== undefined) $("seed").value = message.seed;
  } else if (message.what === "read") {
    const field = $(message.of);
    if (field.value.trim() === message.text) told($(`${message.of}-told`), message.report);
  } else if (message.what === "begin") {
    $("seed").value = message.seed; $("prompt").value = message.prompt; $("about").textContent = message.about; told($("prompt-told"), message.report);
  } else if (message.what === "save") savedMoment(message.saved, message.frame);
  else if (message.what === "reset" && message.seed !== undefined) $("seed").value = message.seed;
  else if (message.what === "record") { pressed("record", true); $("dataset").hidden = false; line("recording"); }
  state.asked = null;
}

function refused(text) {
  const where = state.asked && $(`${state.asked}-told`);
  if (where) { where.innerHTML = ""; where.append(mark("no", text)); } else line(text, true);
  state.asked = null;
}

function told(where, report) {
  where.innerHTML = "";
  if (!report) return;
  for (const [name, words] of [["understood", report.understood], ["assumed", report.assumed], ["ignored", report.ignored]]) {
    if (!words.length) continue;
    const bold = document.createElement("b");
    bold.textContent = `${name}: `;
    where.append(bold, name === "ignored" ? mark("no", words.join("; ")) : words.join("; "), " ");
  }
}

function mark(kind, text) {
  const span = document.createElement("span");
  span.className = kind;
  span.textContent = text;
  return span;
}

function line(text, bad = false, holds = 5000) { state.lineUntil = performance.now() + holds; $("line").textContent = text; $("line").classList.toggle("bad", bad); }

function cover(text, again = false) {
  $("cover").classList.remove("off");
  $("cover-text").textContent = text;
  if (again) {
    const button = document.createElement("button");
    button.type = "button"; button.textContent = "connect again"; button.onclick = () => { button.remove(); connect(); };
    $("cover-text").append(document.createElement("br"), button);
  }
}

// --- Who one is here ----------------------------------------------------------------------------------------------

function forget() { // what was before a connection was lost
  state.idle = ""; state.lastInput = ""; state.scene = NO_SCENE; state.history = []; state.latencies = []; state.obeyed = null;
  $("saved").innerHTML = ""; $("dataset").hidden = true; $("real").hidden = true; $("panes").classList.remove("two");
  for (const id of ["by-itself", "beside", "record"]) pressed(id, false);
  drawScene();
}

function welcome(message) {
  forget();
  state.welcome = message;
  $("cover").classList.add("off");
  $("world").textContent = message.world;
  const [h, w] = message.model_size, [H, W] = message.output_size;
  const how = { learned: "upscaled by a network", bicubic: "upscaled", nearest: "upscaled pixel by pixel", none: "not upscaled" }[message.upscaler];
  $("sizes").textContent = message.upscaler === "none" ? `${W}×${H}, drawn by the world` : `${W}×${H}, ${how} from ${w}×${h}`;
  $("view").width = W; $("view").height = H;
  $("view").style.aspectRatio = `${W} / ${H}`;
  $("view").classList.toggle("hard", message.upscaler === "nearest");
  const shows = { "takes-prompts": message.takes_prompts, "takes-events": message.takes_events, "takes-images": message.takes_images, "has-map": message.has_map, "walks-by-itself": message.walks_by_itself, "has-simulator": !!message.simulator, "can-record": message.can_record, "has-starts": message.starts.length > 0 };
  for (const [name, on] of Object.entries(shows)) document.querySelectorAll(`.${name}`).forEach((part) => (part.hidden = !on));
  $("timeline").querySelectorAll("#time, #save").forEach((part) => (part.hidden = !message.can_rewind));
  $("prompt").value = message.prompt; $("seed").value = message.seed;
  told($("prompt-told"), message.report);
  $("simulator-name").textContent = message.simulator;
  chips($("views"), [...message.views, ...(message.has_map ? ["scene"] : [])], (name) => look(name), (name) => ({ rgb: "picture", semantic: "classes", scene: "scene graph" })[name] || name);
  look("rgb", false);
  chips($("events"), EVENTS, (text) => { $("event").value = text; event(text); });
  chips($("starts"), message.starts.map(({ name }) => name), (name) => command("begin", name), (name) => name.replaceAll("_", " "));
  message.starts.forEach(({ picture }, k) => { if (picture) pictured($("starts").children[k], picture); });
  $("keys").textContent = `${message.takes_mouse ? "W S walk, A D step aside, arrows turn, click for the mouse" : "W S, A D or arrows"}, Q E step aside, R F look, space jumps, X interacts. P pauses, K keeps a moment. Gamepads work. This world knows: ${message.keys.join(", ")}.`;
  const body = $("stages").tBodies[0];
  body.innerHTML = "";
  for (const name of [...STAGES, "frame"]) {
    const row = body.insertRow();
    row.id = `stage-${name}`;
    row.insertCell().textContent = name;
    for (let k = 0; k < 3; k++) row.insertCell().textContent = "…";
    row.insertCell().textContent = message.budgets[name] ?? "";
  }
  line("playing");
}

function chips(where, names, act, label = (name) => name) {
  where.innerHTML = "";
  for (const name of names) {
    const button = document.createElement("button");
    button.type = "button"; button.textContent = label(name); button.dataset.name = name;
    button.onclick = (event) => { act(name); if (event.detail > 0) $("view").focus(); }; // by a pointer: keys go on walking
    where.append(button);
  }
}

function pictured(button, source) {
  const picture = document.createElement("img");
  picture.src = source; picture.alt = button.textContent; picture.width = picture.height = 56;
  button.title = button.textContent;
  button.replaceChildren(picture);
}

function look(name, send = true) {
  state.view = name;
  for (const button of $("views").children) { button.setAttribute("role", "radio"); button.setAttribute("aria-checked", button.dataset.name === name); }
  if (name !== "scene") { state.scene = NO_SCENE; drawScene(); }
  if (send) command("view", name);
}

function pressed(id, on) { $(id).setAttribute("aria-pressed", on); }
const isPressed = (id) => $(id).getAttribute("aria-pressed") === "true";

// --- Frames -------------------------------------------------------------------------------------------------------

function arrived(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const jpeg = new Blob([new Uint8Array(buffer, 4 + length)], { type: "image/jpeg" });
  if (header.beside) { paint("simulator", jpeg); return; }
  state.next = { header, jpeg };
  if (!state.drawing) show();
}

async function show() {
  state.drawing = true;
  while (state.next) {
    const { header, jpeg } = state.next;
    state.next = null;
    await paint("view", jpeg);
    say({ type: "seen", value: header.number });
    note(header);
  }
  state.drawing = false;
}

async function paint(id, jpeg) {
  const picture = await createImageBitmap(jpeg);
  const canvas = $(id);
  if (id === "simulator" && canvas.width !== picture.width) { canvas.width = picture.width; canvas.height = picture.height; }
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
}

function note(header) {
  state.frame = header.frame;
  if (header.paused !== state.paused) showPause(header.paused);
  if (header.stamp !== null && header.stamp !== state.obeyed) {
    state.obeyed = header.stamp;
    state.latencies.push(performance.now() - header.stamp);
    if (state.latencies.length > 240) state.latencies.shift();
  }
  state.history.push(header.ms);
  if (state.history.length > HISTORY) state.history.shift();
  if (header.frame % 3 === 0) drawGraph();
  if (header.map) drawMap(header.map);
  if (header.scene && state.view === "scene") { state.scene = header.scene; drawScene(); }
  const fps = state.welcome ? state.welcome.fps : 24;
  if (!state.scrubbing) { $("time").max = Math.max(header.frame, 1); $("time").value = header.frame; }
  $("time-now").textContent = `${(header.frame / fps).toFixed(1)} s`;
  if (header.over) { line(`the episode is over, score ${header.score}: another begins`); return; }
  if (header.stats) stats(header.stats, header.score);
}

function stats(now, score) {
  state.moments = now.moments;
  for (const [name, ms] of Object.entries(now.stages_ms)) {
    const row = $(`stage-${name}`);
    if (!row) continue;
    ["p50", "p95", "p99"].forEach((which, k) => { row.cells[k + 1].textContent = ms[which] === null ? "…" : ms[which].toFixed(1); });
    row.cells[2].classList.toggle("over", ms.p95 > (state.welcome.budgets[name] ?? 1000 / now.fps));
  }
  const sorted = [...state.latencies].sort((a, b) => a - b);
  const p95 = sorted.length ? sorted[Math.floor(sorted.length * 0.95)].toFixed(0) : "…";
  const others = now.players > 1 ? `, ${now.players} players` : "";
  if (performance.now() < (state.lineUntil || 0)) return;
  line(`key to screen ${p95} ms (95 %)${others}, late ${now.late}, left out ${now.dropped + now.left_out}${score ? `, score ${score}` : ""}`, false, 0);
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function drawGraph() {
  const canvas = $("graph"), pen = canvas.getContext("2d"), { width, height } = canvas;
  const top = 60, scale = height / top;
  pen.clearRect(0, 0, width, height);
  state.history.forEach((ms, k) => {
    let base = height;
    for (const name of STAGES) {
      const tall = (ms[name] || 0) * scale;
      pen.fillStyle = colour(name);
      pen.fillRect((k * width) / HISTORY, base - tall, width / HISTORY + 0.5, tall);
      base -= tall;
    }
  });
  if (!state.welcome) return;
  let sum = 0;
  pen.lineWidth = 1;
  for (const name of STAGES) {
    sum += state.welcome.budgets[name];
    pen.strokeStyle = colour(name);
    pen.setLineDash([4, 3]);
    pen.beginPath(); pen.moveTo(0, height - sum * scale); pen.lineTo(width, height - sum * scale); pen.stroke();
  }
  pen.setLineDash([]);
}

const hues = {};
function hue(name) {
  if (!(name in hues)) hues[name] = [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 360, 7);
  return hues[name];
}

function drawMap({ half, player, things }) {
  const canvas = $("map"), pen = canvas.getContext("2d"), side = canvas.width, scale = side / (2.2 * half);
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.clearRect(0, 0, side, side);
  pen.setTransform(scale, 0, 0, -scale, side / 2, side / 2);
  pen.strokeStyle = colour("line"); pen.lineWidth = 1 / scale;
  pen.strokeRect(-half, -half, 2 * half, 2 * half);
  for (const [name, x, y, wide, deep, yaw, moves] of things) {
    pen.save();
    pen.translate(x, y); pen.rotate(yaw);
    pen.fillStyle = `hsl(${hue(name)} ${moves ? 85 : 35}% 55% / ${moves ? 1 : 0.75})`;
    pen.fillRect(-wide / 2, -deep / 2, Math.max(wide, 0.8), Math.max(deep, 0.8));
    pen.restore();
  }
  const [x, y, yaw] = player;
  pen.save();
  pen.translate(x, y); pen.rotate(yaw);
  pen.fillStyle = colour("main") + "55";
  pen.beginPath(); pen.moveTo(0, 0); pen.lineTo(14, 9); pen.lineTo(14, -9); pen.fill();
  pen.fillStyle = colour("text");
  pen.beginPath(); pen.moveTo(2.4, 0); pen.lineTo(-1.4, 1.5); pen.lineTo(-1.4, -1.5); pen.fill();
  pen.restore();
}

function drawScene() { // things by name, and lines to what they are near, in front of, left of …
  const canvas = $("names"), pen = canvas.getContext("2d");
  canvas.width = canvas.clientWidth; canvas.height = canvas.clientHeight;
  const { width: W, height: H, clientWidth: w, clientHeight: h } = $("view"), scale = Math.min(w / W, h / H);
  const place = ([, x, y]) => [(w - W * scale) / 2 + x * W * scale, (h - H * scale) / 2 + y * H * scale];
  const tag = (text, x, y, back, height) => {
    const wide = pen.measureText(text).width + 10;
    pen.fillStyle = back; pen.fillRect(x - wide / 2, y - height / 2, wide, height);
    pen.fillStyle = "#fff"; pen.fillText(text, x, y);
  };
  const { things, relations } = state.scene;
  pen.textAlign = "center"; pen.textBaseline = "middle";
  pen.font = "11px system-ui, sans-serif"; pen.strokeStyle = "#fffb"; pen.lineWidth = 1.5;
  for (const [one, name, other] of relations) {
    const [x, y] = place(things[one]), [right, down] = place(things[other]);
    pen.beginPath(); pen.moveTo(x, y); pen.lineTo(right, down); pen.stroke();
    if (Math.hypot(right - x, down - y) > 130) tag(name, (x + right) / 2, (y + down) / 2, "#2f6f5ecc", 16);
  }
  pen.font = "600 13px system-ui, sans-serif";
  for (const thing of things) tag(`${thing[0].replaceAll("_", " ")} ${thing[3]} m`, ...place(thing), "#000a", 19);
}

// --- What one does --------------------------------------------------------------------------------------------------

const always = { ArrowUp: "forward", ArrowDown: "back", ArrowLeft: "turn left", ArrowRight: "turn right", KeyW: "forward", KeyS: "back", KeyQ: "strafe left", KeyE: "strafe right", KeyR: "look up", KeyF: "look down", Space: "jump", KeyX: "interact" };
const aside = { KeyA: "strafe left", KeyD: "strafe right" };
const turning = { KeyA: "turn left", KeyD: "turn right" };

function keyFor(code) {
  if (code in always) return always[code];
  if (/^Digit\d$/.test(code) && state.welcome && state.welcome.keys.every((name) => !["forward", "left", "right"].includes(name))) return code.slice(5);
  return (state.welcome && state.welcome.takes_mouse ? aside : turning)[code];
}

const typing = () => ["INPUT", "SELECT", "TEXTAREA"].includes(document.activeElement.tagName) && document.activeElement.type !== "range";

function press(name, on) {
  if (state.welcome && state.welcome.takes_mouse && !state.welcome.keys.includes(name)) return; // it knows no such key
  const without = state.held.filter((other) => other !== name);
  state.held = on ? [...without, name] : without;
  send(true);
}

function send(now = false) {
  const input = { type: "input", keys: state.held, mouse: state.mouse.map((value) => Math.round(value * 100) / 100), axes: { ...state.padAxes, ...state.touchAxes } };
  const moved = input.mouse[0] !== 0 || input.mouse[1] !== 0;
  const text = JSON.stringify([input.keys, input.axes]);
  if (!moved && text === state.lastInput) return;
  state.lastInput = text;
  state.mouse = [0, 0];
  say({ ...input, stamp: performance.now() });
}

addEventListener("keydown", (event) => {
  if (typing()) { if (event.code === "Escape") $("view").focus(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.activeElement === $("time") && event.code.startsWith("Arrow")) return; // moves the slider
  const onButton = ["BUTTON", "A", "LABEL"].includes(document.activeElement.tagName);
  if (onButton && ["Space", "Enter"].includes(event.code)) return;
  const name = keyFor(event.code);
  if (name) { event.preventDefault(); if (!event.repeat) press(name, true); return; }
  const other = { KeyP: () => $("pause").click(), Period: () => $("step").click(), KeyK: () => $("save").click(), Backspace: () => $("reset").click(), Slash: () => $("event").focus() }[event.code];
  if (other && !event.repeat) { event.preventDefault(); other(); }
});
addEventListener("keyup", (event) => { const name = keyFor(event.code); if (name) for (const one of new Set([name, aside[event.code], turning[event.code]])) if (state.held.includes(one)) press(one, false); });
addEventListener("blur", () => { state.held = []; state.touchAxes = {}; send(); });

$("view").addEventListener("click", () => {
  $("view").focus();
  if (state.welcome && state.welcome.takes_mouse && matchMedia("(pointer: fine)").matches && $("view").requestPointerLock) { const asked = $("view").requestPointerLock(); if (asked && asked.catch) asked.catch(() => {}); }
});
document.addEventListener("pointerlockchange", () => { state.locked = document.pointerLockElement === $("view"); line(state.locked ? "the mouse looks about: Escape lets it go" : "playing"); });
addEventListener("mousemove", (event) => { if (state.locked) { state.mouse[0] += event.movementX * MOUSE_DEGREES; state.mouse[1] -= event.movementY * MOUSE_DEGREES; } });

function pad(id, axes) {
  const area = $(id), knob = area.querySelector("i"), reach = 40;
  const move = (event) => {
    const box = area.getBoundingClientRect();
    let x = event.clientX - box.left - box.width / 2, y = event.clientY - box.top - box.height / 2;
    const far = Math.hypot(x, y) || 1, share = Math.min(far, reach) / far;
    x *= share; y *= share;
    knob.style.transform = `translate(${x}px, ${y}px)`;
    state.touchAxes = known({ ...state.touchAxes, [axes[0]]: x / reach, [axes[1]]: -y / reach });
  };
  area.addEventListener("pointerdown", (event) => { area.setPointerCapture(event.pointerId); area.onpointermove = move; move(event); });
  const end = () => { area.onpointermove = null; knob.style.transform = ""; state.touchAxes = known({ ...state.touchAxes, [axes[0]]: 0, [axes[1]]: 0 }); };
  area.addEventListener("pointerup", end); area.addEventListener("pointercancel", end);
}

function known(axes) { // without those at rest
  const found = {};
  for (const [name, value] of Object.entries(axes)) if (Math.abs(value) > 0.12) found[name] = Math.round(Math.max(-1, Math.min(1, value)) * 100) / 100;
  return found;
}
pad("walk-pad", ["right", "forward"]); pad("turn-pad", ["turn", "look"]);
$("touch-jump").addEventListener("pointerdown", () => press("jump", true));
for (const end of ["pointerup", "pointercancel", "pointerleave"]) $("touch-jump").addEventListener(end, () => { if (state.held.includes("jump")) press("jump", false); });

function gamepad() {
  const [one] = [...(navigator.getGamepads ? navigator.getGamepads() : [])].filter((pad) => pad && pad.mapping === "standard");
  state.padAxes = one ? known({ right: one.axes[0], forward: -one.axes[1], turn: one.axes[2], look: -one.axes[3] }) : {};
  if (!one) { if (state.padJump) { press("jump", false); state.padJump = false; } return; }
  const jumps = one.buttons[0] && one.buttons[0].pressed;
  if (jumps !== state.held.includes("jump") && (jumps || state.padJump)) press("jump", jumps);
  state.padJump = jumps;
}
setInterval(() => { gamepad(); send(); }, INPUT_EVERY);

// --- Words, time, what is kept ------------------------------------------------------------------------------------

function event(text) { state.asked = "event"; say({ type: "event", text }); }

for (const kind of ["prompt", "event"]) {
  let waiting;
  $(kind).addEventListener("input", () => {
    clearTimeout(waiting);
    const text = $(kind).value.trim();
    if (!text) { $(`${kind}-told`).textContent = ""; return; }
    waiting = setTimeout(() => { state.asked = kind; say({ type: "read", value: kind, text }); }, 250);
  });
  $(`${kind}-form`).addEventListener("submit", (submitted) => {
    submitted.preventDefault();
    clearTimeout(waiting);
    const text = $(kind).value.trim();
    if (!text) return;
    state.asked = kind;
    if (kind === "event") event(text);
    else say({ type: "prompt", text, seed: Math.max(0, parseInt($("seed").value) || 0) });
    $("view").focus();
  });
}

function showPause(on) { state.paused = on; $("pause").textContent = on ? "▶" : "❚❚"; }
$("pause").onclick = () => { showPause(!state.paused); command(state.paused ? "pause" : "resume"); };
$("step").onclick = () => { showPause(true); command("step"); };
$("reset").onclick = () => { command("reset", Math.max(0, parseInt($("seed").value) || 0)); $("view").focus(); };
$("time").addEventListener("input", () => { state.scrubbing = true; $("time-now").textContent = `${($("time").value / state.welcome.fps).toFixed(1)} s`; });
for (const end of ["pointerup", "blur"]) $("time").addEventListener(end, () => { state.scrubbing = false; });
$("time").addEventListener("change", () => { state.scrubbing = false; command("rewind", parseInt($("time").value)); });
$("save").onclick = () => command("save");
$("by-itself").onclick = () => { pressed("by-itself", !isPressed("by-itself")); command("by_itself", isPressed("by-itself")); };
$("beside").onclick = () => { const on = !isPressed("beside"); pressed("beside", on); $("real").hidden = !on; $("panes").classList.toggle("two", on); command("beside", on); };
$("record").onclick = () => { if (!isPressed("record")) command("record"); };
async function download(event, name, done) {
  event.preventDefault();
  line(`making ${name} …`, false, 60000);
  const answer = await fetch(event.currentTarget.href);
  if (!answer.ok) { line(await answer.text(), true); return; }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob()); link.download = name; link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  line(`${name} is saved`);
  if (done) done();
}
$("clip").addEventListener("click", (event) => download(event, "genie.mp4"));
$("dataset").addEventListener("click", (event) => download(event, "play.zip", () => { pressed("record", false); $("dataset").hidden = true; }));
$("picture").addEventListener("change", async () => {
  const [file] = $("picture").files;
  if (!file) return;
  const answer = await fetch(`image?visitor=${state.visitor}`, { method: "POST", body: file });
  if (answer.ok) { $("prompt").value = ""; line("begun in your picture"); } else line(await answer.text(), true);
  $("picture").value = "";
});

function savedMoment(number, frame) {
  const old = [...$("saved").children].find((button) => button.dataset.number === String(number));
  const button = old || document.createElement("button");
  button.type = "button"; button.dataset.number = number;
  button.textContent = `↩ ${(frame / state.welcome.fps).toFixed(1)} s`;
  button.title = "Begin a branch here";
  button.onclick = () => command("load", number);
  if (!old) $("saved").append(button);
}

function theme(name) { document.documentElement.dataset.theme = name; }
theme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => theme(event.matches ? "dark" : "light"));
$("theme").onclick = () => theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");

globalThis.genie = state; // for tests
connect();
