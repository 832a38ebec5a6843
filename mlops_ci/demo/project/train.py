"""Predict every scan with a model that has not seen it; then train on all, which is the model to ship."""

import json
from pathlib import Path

import joblib
import mlflow
import numpy as np
import yaml
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.pipeline import make_pipeline

params = yaml.safe_load(Path("params.yaml").read_text())["train"]
table = np.loadtxt("data/digits.csv", delimiter=",", skiprows=1)
fold, label, pixels = table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2:] / 16

model = make_pipeline(
    Nystroem(n_components=params["landmarks"], gamma=params["gamma"], random_state=0),
    LogisticRegression(
        C=params["strength"], class_weight={8: params["class_weight_of_8"]}, max_iter=1000
    ),
)
chances = cross_val_predict(model, pixels, label, cv=PredefinedSplit(fold), method="predict_proba")
model.fit(pixels, label)
joblib.dump(model, "model.joblib")

scan = np.arange(len(label))
predictions = np.column_stack([scan, label, chances.argmax(axis=1), chances])
names = ["scan", "digit", "predicted", *(f"p{digit}" for digit in range(10))]
formats = ["%d"] * 3 + ["%.10f"] * 10
np.savetxt(
    "predictions.csv", predictions, formats, delimiter=",", header=",".join(names), comments=""
)

mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.set_experiment("digits")
with mlflow.start_run(run_name=f"{params['landmarks']} landmarks") as run:
    mlflow.log_metric("train_accuracy", round(model.score(pixels, label), 4))
Path("run.json").write_text(json.dumps({"run_id": run.info.run_id}) + "\n")
print(f"{params['landmarks']} landmarks, MLflow run {run.info.run_id[:8]}")
