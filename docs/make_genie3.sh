#!/usr/bin/env bash
# How the weights of Genie3-v0 were made, from nothing: recordings of Town, then training. Some two and a half hours of two
# CPU cores. Run it again to go on where it stopped.
set -euo pipefail
RECORD="genie-gym record --source town --num-envs 1 --resume"
LOOK="--mix explore=1 --twins --truth depth instance semantic pose entities"
NEAR="$LOOK --size 180 320"

$RECORD --frames 9000 --seed 701 --out walks.h5 # frames are as large, and one walks, as here
$RECORD --frames 24000 --seed 601 $NEAR --max-episode-steps 120 --out near.h5
$RECORD --frames 6000 --seed 611 $LOOK --size 360 640 --max-episode-steps 60 --out close.h5 # what walls look like from near
$RECORD --frames 700 --seed 9013 $NEAR --max-episode-steps 100 --option task reach_beacon --out reach_beacon.h5
$RECORD --frames 700 --seed 9014 $NEAR --max-episode-steps 100 --option task collect_coins --out collect_coins.h5
$RECORD --frames 700 --seed 9011 $NEAR --max-episode-steps 100 --option task push_crate --out push_crate.h5
$RECORD --frames 200 --seed 77 --max-episode-steps 20 --layouts 2600 --out layouts.h5
$RECORD --frames 40000 --seed 702 --max-episode-steps 240 --truth depth pose --out strolls.h5 # how walkers go on
genie-gym train --family genie3 --preset tiny --out runs/genie3 \
  --data walks.h5 near.h5 close.h5 reach_beacon.h5 collect_coins.h5 push_crate.h5 layouts.h5
genie-gym train --family genie3 --preset tiny --init-from runs/genie3/world --stages prior --data strolls.h5 --out runs/genie3-prior
