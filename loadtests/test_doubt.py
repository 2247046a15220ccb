"""How often clocks are doubted that run at constant rates, and clocks that do not."""

from __future__ import annotations

import random

from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.offsetwindow import FITS
from echostamp.test import delaymodels
from echostamp.test.delaymodels import MODELS, verdict
from tests.harness import figure

#: How many probes runs have, and how many such runs a model has.
CONSTANT = {60: 1500, 300: 1000, 1000: 400, 15_000: 100}
FAULTY = {60: 100, 300: 100, 1000: 50, 15_000: 10}

#: For each model and fault the percentage of the runs of L{FAULTY} that commit 5de7306
#: doubts, or says to be stepped.
BEFORE: dict[str, dict[str, list[int]]] = {
    "exponential": {
        "step 0.5": [1, 45, 98, 100],
        "step 1": [21, 100, 100, 100],
        "step 2": [100, 100, 100, 100],
        "step 5": [100, 100, 100, 100],
        "slew 1": [1, 48, 100, 100],
        "slew 2": [45, 100, 100, 100],
        "slew 5": [100, 100, 100, 100],
    },
    "gamma of shape 2": {
        "step 0.5": [0, 3, 24, 80],
        "step 1": [3, 23, 74, 100],
        "step 2": [48, 100, 100, 100],
        "step 5": [100, 100, 100, 100],
        "slew 1": [0, 8, 28, 100],
        "slew 2": [2, 48, 84, 100],
        "slew 5": [99, 100, 100, 100],
    },
    "gamma of shape 4": {
        "step 0.5": [0, 8, 10, 80],
        "step 1": [1, 15, 26, 90],
        "step 2": [10, 55, 86, 100],
        "step 5": [99, 100, 100, 100],
        "slew 1": [2, 8, 22, 50],
        "slew 2": [6, 27, 46, 100],
        "slew 5": [31, 87, 100, 100],
    },
    "gamma of shape 8": {
        "step 0.5": [0, 4, 2, 10],
        "step 1": [3, 8, 30, 30],
        "step 2": [7, 34, 70, 90],
        "step 5": [64, 99, 100, 100],
        "slew 1": [1, 5, 12, 30],
        "slew 2": [2, 10, 34, 80],
        "slew 5": [25, 66, 88, 90],
    },
    "uniform": {
        "step 0.5": [0, 2, 4, 100],
        "step 1": [1, 9, 66, 100],
        "step 2": [14, 94, 100, 100],
        "step 5": [100, 100, 100, 100],
        "slew 1": [0, 1, 16, 100],
        "slew 2": [0, 21, 76, 100],
        "slew 5": [83, 100, 100, 100],
    },
    "bimodal": {
        "step 0.5": [75, 100, 100, 100],
        "step 1": [100, 100, 100, 100],
        "step 2": [100, 100, 100, 100],
        "step 5": [100, 100, 100, 100],
        "slew 1": [88, 100, 100, 100],
        "slew 2": [100, 100, 100, 100],
        "slew 5": [100, 100, 100, 100],
    },
    "constant": {
        "step 0.5": [0, 0, 0, 0],
        "step 1": [33, 100, 100, 100],
        "step 2": [100, 100, 100, 100],
        "step 5": [100, 100, 100, 100],
        "slew 1": [0, 0, 0, 0],
        "slew 2": [73, 100, 100, 100],
        "slew 5": [100, 100, 100, 100],
    },
}


class DoubtTests(SynchronousTestCase):
    """
    Runs over paths of seven shapes of delay.
    """

    timeout = 3600

    def test_falseAlarms(self) -> None:
        """While both clocks run at constant rates they are doubted in at most 3 of
        3,000 runs, whatever the shape of the delays."""
        for name, model in MODELS.items():
            doubted = 0
            for probes, runs in CONSTANT.items():
                for seed in range(runs):
                    source = random.Random(f"{name} {probes} {seed}")
                    doubted += verdict(source, model, probes) != FITS
            total = sum(CONSTANT.values())
            figure(f"false alarms, {name}: {doubted} in {total} runs")
            self.assertLessEqual(doubted, 3, name)

    def test_detection(self) -> None:
        """Steps and slews by twice the deviation of the delays or more are found at
        least as often as 5 % less than before."""
        for name, model in MODELS.items():
            for fault, before in BEFORE[name].items():
                kind, size = fault.split()
                amount = float(size) * model.deviation
                found = []
                for probes, runs in FAULTY.items():
                    count = 0
                    for seed in range(runs):
                        source = random.Random(f"{name} {probes} {fault} {seed}")
                        wrong = getattr(delaymodels, kind)(source, amount)
                        count += verdict(source, model, probes, wrong) != FITS
                    found.append(round(100 * count / runs))
                figure(f"{name}, {fault}: found in {found} %, before in {before} %")
                if float(size) >= 2:
                    self.assertGreaterEqual(sum(found), 0.95 * sum(before), name)
