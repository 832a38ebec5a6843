"""The names that public repositories give their metrics, and what each tells."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_ci.directions import direction_of, is_bookkeeping

HIGHER = """
    accuracy acc balanced_accuracy precision recall f1 f1_score f1_macro macro_f1 micro_f1 fbeta auc roc_auc pr_auc
    average_precision map map50 map50_95 iou miou dice jaccard mcc kappa r2 r2_score ndcg mrr rbp hit_rate bleu rouge
    spearman pearson tpr specificity sensitivity explained_variance sharpe_ratio win_rate
""".split()
LOWER = """
    loss box_loss cls_loss dfl_loss val_loss test_loss train_loss mae mse rmse mape mean_absolute_error
    mean_squared_error root_mean_squared_error mean_absolute_percentage_error error error_rate wer cer log_loss
    perplexity brier ece fpr fnr fp fn max_drawdown latency
""".split()
BOOKKEEPING = """
    step epoch best_epoch lr n_samples n_rows num_classes train_samples class_1_support true_count parameters gflops
    timestamp runtime
""".split()


@pytest.mark.parametrize(
    "name",
    [
        *HIGHER,
        *"accuracy: mAP50-95(B) precision(B) metrics/mAP50(B) R2_Score ndcg@10 recall@5".split(),
        *"decision_tree_auc f1_class_1 eval.accuracy macro.f1-score ROC-AUC recall.8 mIoU".split(),
        *"loss_of_signal_recall error_analysis.accuracy top1_acc epoch_accuracy BLEU-4".split(),
        *("test accuracy", "ROC AUC", "macro avg.f1-score", "accuracy (val)"),
    ],
)
def test_higher_is_better(name):
    assert direction_of(name) == "higher_is_better"
    assert not is_bookkeeping(name)


@pytest.mark.parametrize(
    "name",
    [
        *LOWER,
        *"Val.loss train.loss train/loss val/box_loss loss: Brier-Score accuracy_loss".split(),
        *"rmse_train inference_latency latency_ms epoch_loss best_val_loss auc.loss".split(),
        *("mean squared error", "Mean Squared Error:", "log loss"),
    ],
)
def test_lower_is_better(name):
    assert direction_of(name) == "lower_is_better"
    assert not is_bookkeeping(name)


@pytest.mark.parametrize(
    "name",
    [
        *BOOKKEEPING,
        *"lr/pg0 _runtime _timestamp _step _epoch model/parameters model/GFLOPs Step: LR".split(),
        *"train.n_samples learning_rate training_time fit.time weighted.support".split(),
        *("weighted avg.support", "train runtime"),
    ],
)
def test_bookkeeping_says_nothing_of_the_model(name):
    assert is_bookkeeping(name)
    assert direction_of(name) == "neutral"


@pytest.mark.parametrize(
    "name",
    [
        *"tp tn speed_PyTorch(ms) mean_age score bitmap account lossless_ratio f10 errors".split(),
        *"feature_importances.age feature_importance.income importances/sex steps_left".split(),
        *("", ".", "@", "()", ":", "_", " "),
    ],
)
def test_all_else_is_shown_and_neutral(name):
    assert direction_of(name) == "neutral"
    assert not is_bookkeeping(name)


@pytest.mark.parametrize(
    "name",
    "feature_importances.latency feature_importances.error_code importance.recall_score "
    "feature_importance.n_rooms feature_importances/time".split(),
)
def test_the_importance_of_a_feature_is_not_what_the_feature_is_called(name):
    assert direction_of(name) == "neutral"
    assert not is_bookkeeping(name)


@pytest.mark.parametrize(
    "name",
    "accuracy_std auc_std val.f1_std rmse_var f1_variance accuracy_drop error_reduction "
    "loss_improvement precision_threshold accuracy_gap".split(),
)
def test_the_spread_or_the_change_of_a_metric_is_not_the_metric(name):
    assert direction_of(name) != direction_of(name.rpartition("_")[0])


@pytest.mark.parametrize(
    "name", ["neg_mean_squared_error", "neg_log_loss", "test_neg_root_mean_squared_error"]
)
def test_a_negated_error_is_never_called_better_when_it_falls(name):
    # https://scikit-learn.org/stable/modules/model_evaluation.html
    assert direction_of(name) == "higher_is_better"


@pytest.mark.parametrize(
    "name",
    "lr.accuracy lr.test.auc lr/f1 error_count false_positive_count time.mae step.loss".split(),
)
def test_a_measure_of_the_model_is_never_hidden(name):
    """`lr` is also logistic regression, and a count of errors is a measure."""
    assert not is_bookkeeping(name)


cases = st.sampled_from([str.lower, str.upper, str.title])
joints = st.sampled_from("_ -")
splits = st.sampled_from(["", "test.", "Val/", "eval/test."])
models = st.sampled_from(["model_a ", "decision_tree_", "best-"])
signs = st.sampled_from(["", ":", "(B)", " (macro)", "@10", ".0", ": "])
classes = st.sampled_from(["_class_1", "_2", " weighted"])
around = st.tuples(splits | models, signs) | st.tuples(splits, signs | classes)


@settings(deadline=None)
@given(st.sampled_from([*HIGHER, *LOWER]), cases, joints, around)
def test_a_direction_survives_spelling_splits_models_and_classes(name, case, joint, around):
    start, end = around
    spelled = start + case(name.replace("_", joint)) + end
    assert direction_of(spelled) == direction_of(name)


@settings(deadline=None)
@given(st.text(max_size=30))
def test_any_name_has_an_answer(name):
    assert direction_of(name) in {"higher_is_better", "lower_is_better", "neutral"}
    assert not (is_bookkeeping(name) and direction_of(name) != "neutral")
