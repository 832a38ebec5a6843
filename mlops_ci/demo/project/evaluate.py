"""Metrics and plots from the held-out predictions."""

import json
from pathlib import Path

import numpy as np
from sklearn.metrics import accuracy_score, log_loss, recall_score

table = np.loadtxt("predictions.csv", delimiter=",", skiprows=1)
label, predicted, chances = table[:, 1].astype(int), table[:, 2].astype(int), table[:, 3:]
chances /= chances.sum(axis=1, keepdims=True)  # what rounding in the file has left over
recalls = recall_score(label, predicted, average=None)
metrics = {
    "accuracy": round(accuracy_score(label, predicted), 4),
    "log_loss": round(log_loss(label, chances), 4),
    "false_eights": int(((predicted == 8) & (label != 8)).sum()),
    "slices": {str(digit): {"recall": round(value, 4)} for digit, value in enumerate(recalls)},
}
Path("metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")

# How right the model is on the share of scans of which it is most certain: the rest could go to a person.
order = chances.max(axis=1).argsort(kind="stable")[::-1]
right = (predicted == label)[order].cumsum() / np.arange(1, len(label) + 1)
shares = np.arange(5, 101, 5)
last = shares * len(label) // 100 - 1
curve = np.column_stack([shares / 100, right[last]])

Path("plots").mkdir(exist_ok=True)
np.savetxt("plots/coverage.csv", curve, "%.4f", ",", header="coverage,accuracy", comments="")
pairs = np.column_stack([label, predicted])
np.savetxt("plots/confusion.csv", pairs, "%d", ",", header="actual,predicted", comments="")
print(f"accuracy {metrics['accuracy']:.3f}, log loss {metrics['log_loss']:.3f}")
