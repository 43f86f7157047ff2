# Each of `make demo`, `make test`, `make lint` sets up all it needs: a virtual environment in .venv.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
SUDO := $(shell [ "$$(id -u)" = 0 ] || command -v sudo)

.PHONY: demo test lint procgen d3rlpy gl browser setup clean

demo: setup  ## The main job on shipped weights: datasets that learned worlds generated, with pictures of them.
	rm -rf demo
	$(BIN)/genie-gym sheet genie1 --out demo/actions.png
	$(BIN)/genie-gym generate --env Genie1-v0 --episodes 64 --num-envs 32 --policy sticky --max-episode-steps 128 --out demo/genie1-v0
	$(BIN)/genie-gym sheet genie3 --prompts $(DEMO_PROMPTS) --frames 48 --every 12 --out demo/prompts.png
	$(BIN)/genie-gym generate --env Genie3-v0 --option prompt $(DEMO_PROMPT) obs "('rgb','depth','semantic')" action_mode keyboard \
	  --episodes 16 --num-envs 16 --policy sticky --max-episode-steps 128 --out demo/genie3-v0
	MINARI_DATASETS_PATH=demo $(BIN)/minari list local
	@echo "Look at demo/actions.png, demo/prompts.png, and in demo/genie1-v0 and demo/genie3-v0 at contact_sheet.png and episodes.mp4."

DEMO_PROMPT := "a medieval village at dusk with a castle"
DEMO_PROMPTS := $(DEMO_PROMPT) "a snowy forest in the morning" "雨天的现代城市" "a harbour at night with a lighthouse"

test: setup procgen gl d3rlpy browser  ## All tests, a process a core: they are many small computations, which threads would not speed up.
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'genie_gym needs Python 3.11 or newer; try make PYTHON=python3.12')"
	$(PYTHON) -m venv .venv || { echo "python3-venv is missing: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install -q --upgrade pip
	$(BIN)/python -m pip install -q -c constraints.txt torch
	$(BIN)/python -m pip install -q -c constraints.txt -e .[test]
	touch $(READY)

# Off-screen OpenGL for the MuJoCo simulators: a system package, installed where that is allowed, else named.
GL_PACKAGES := libegl1 libgl1 libgl1-mesa-dri
gl:
	@$(PYTHON) -c "from ctypes.util import find_library as f; import sys; sys.exit(not (f('EGL') and f('GL') or f('OSMesa')))" || \
	  { echo "installing $(GL_PACKAGES)" && $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq $(GL_PACKAGES); } || \
	  echo "no off-screen OpenGL: install $(GL_PACKAGES) (or libosmesa6); tests and recordings of Town and Arm need it."

# A browser, for the tests of the play page: a system package too.
browser:
	@command -v chromium chromium-browser google-chrome >/dev/null || \
	  { echo "installing chromium" && $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends chromium; } || \
	  echo "no browser: install chromium; tests of the play page in a browser will be skipped."

procgen: setup  ## The real CoinRun. Its metadata pins an old gym and numpy that it does not need, hence --no-deps.
	@$(BIN)/python -c "import gym3" 2>/dev/null || { \
	  $(BIN)/python -m pip install -q --no-deps procgen-mirror==0.10.7 gym3==0.3.3 && \
	  $(BIN)/python -m pip install -q cffi imageio filelock; } || \
	  echo "procgen has no wheel for this Python (3.11 and 3.12 only); tests of the real simulator will be skipped."

d3rlpy: setup  ## A reader of our datasets, for tests. It pins an old gymnasium and wants gym, hence a folder of its own, --no-deps.
	@[ -d .venv/d3rlpy ] || { \
	  $(BIN)/python -m pip install -q --no-deps --target .venv/d3rlpy.part d3rlpy==2.8.1 gym==0.26.2 gym-notices==0.1.0 \
	    structlog==26.1.0 colorama==0.4.6 dataclasses-json==0.6.7 marshmallow==4.4.0 typing-inspect==0.9.0 \
	    scikit-learn==1.9.1 joblib==1.6.0 threadpoolctl==3.8.0 narwhals==2.29.0 && mv .venv/d3rlpy.part .venv/d3rlpy; }

clean:
	rm -rf .venv demo build dist *.egg-info
