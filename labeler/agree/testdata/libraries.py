"""Agreement of labels read from standard input, by krippendorff and crowd-kit: {set: [[unit, labeler, value], …]}."""
import json
import sys
import warnings

import krippendorff
import pandas as pd
from crowdkit.aggregation import MACE, DawidSkene

warnings.filterwarnings("ignore")


def alphas(data):
    table = data.pivot(index="worker", columns="task", values="label").to_numpy()
    return {m: krippendorff.alpha(reliability_data=table, level_of_measurement=m) for m in ("nominal", "ordinal", "interval")}


def dawid_skene(data):
    fit = DawidSkene(n_iter=5, tol=-1e9).fit(data)  # exactly 5 steps
    diagonal = {}
    for (worker, given), row in fit.errors_.iterrows():
        diagonal.setdefault(worker, {})[str(given)] = row[given]
    return {str(k): float(v) for k, v in fit.labels_.items()}, diagonal


def mace(data):
    """crowd-kit 1.4.2 numbers workers and values by appearance but counts them in sorted order: make both the same."""
    workers, labels = pd.factorize(data["worker"]), pd.factorize(data["label"])
    renamed = pd.DataFrame({"task": data["task"], "worker": [f"{w:06}" for w in workers[0]], "label": labels[0]})
    fit = MACE(n_restarts=1, n_iter=25).fit(renamed)
    return {str(k): float(labels[1][v]) for k, v in fit.labels_.items()}, dict(zip(workers[1], fit.spamming_[:, 1]))


answers = {}
for name, rows in json.load(sys.stdin).items():
    data = pd.DataFrame(rows, columns=["task", "worker", "label"])
    data["label"] = data["label"].astype(float)
    truth, diagonal = dawid_skene(data)
    known, competence = mace(data) if name == "brexit" else ({}, {})
    answers[name] = {"Alpha": alphas(data), "DawidSkene": truth, "Diagonal": diagonal, "MACE": known,
                     "Competence": competence}
json.dump(answers, sys.stdout, default=float)
