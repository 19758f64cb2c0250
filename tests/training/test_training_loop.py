import numpy as np
import pytest
import torch

from influencespace.training import checkpoint as checkpoints
from influencespace.training.energy import Meter
from influencespace.training.loop import Settings, fit

CPU = torch.device("cpu")
N = 40


class Line:
    """A least-squares line with dropout: a loss that is a sum over pairs, and a recall that follows a script."""

    def __init__(self, recalls=None, dropout=0.0, seed=0):
        rng = np.random.default_rng(seed)
        self.x = torch.from_numpy(rng.normal(size=(N, 3)))
        self.y = self.x @ torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64) + 0.1
        self.module = torch.nn.Sequential(torch.nn.Dropout(dropout), torch.nn.Linear(3, 1)).double()
        with torch.no_grad():
            for parameter in self.module.parameters():
                parameter.zero_()
        self.recalls, self.seen = list(recalls or []), []

    def parameters(self):
        return [{"params": list(self.module.parameters()), "weight_decay": 0.0}]

    def loss(self, rows, weights):
        self.seen.append((rows.copy(), weights.clone()))
        index = torch.from_numpy(rows)
        return (weights * (self.module(self.x[index])[:, 0] - self.y[index]).square()).mean()

    def recall(self):
        return self.recalls.pop(0) if self.recalls else 0.0

    @property
    def found(self):
        return torch.cat([p.detach().ravel() for p in self.module.parameters()])


def ran(task, weights=None, settings=None, seed=0, **more):
    return fit(task, np.ones(N) if weights is None else weights, settings or Settings(0.05, 4, 8), seed, device=CPU, **more)


def test_every_kept_pair_is_seen_once_an_epoch_with_its_weight_over_the_mean():
    weights = np.arange(N, dtype=np.float64)
    task = Line()
    fitted = ran(task, weights, Settings(0.05, 3, 10))
    assert fitted.steps == len(task.seen) == 12
    for epoch in range(3):
        rows = np.concatenate([rows for rows, _ in task.seen[4 * epoch : 4 * epoch + 4]])
        factors = torch.cat([factors for _, factors in task.seen[4 * epoch : 4 * epoch + 4]])
        assert sorted(rows) == list(range(1, N))
        np.testing.assert_allclose(factors, weights[rows] / weights[1:].mean())


def test_the_learning_rate_warms_up_and_falls_to_nothing():
    """The first step of Adam is the learning rate itself; a tenth of the steps is warm-up."""
    task = Line()
    ran(task, settings=Settings(0.1, 1, N))
    assert task.found.abs().max() == pytest.approx(0.1, abs=1e-6)
    task, moved = Line(), []
    before = task.found

    def watch(step):
        nonlocal before
        moved.append(float((task.found - before).norm()))
        before = task.found

    ran(task, settings=Settings(0.001, 50, N), watch=watch)
    assert moved[0] == pytest.approx(moved[4] / 5, rel=0.03) and moved[-1] < 0.05 * moved[4]


def test_steps_bound_the_training_whatever_the_epochs():
    task = Line()
    fitted = ran(task, settings=Settings(0.05, 2, 8), steps=13)
    assert fitted.steps == len(task.seen) == 13
    assert [entry["epoch"] for entry in fitted.curve] == [1, 2, 3]


def test_sampling_draws_in_proportion_to_the_weights_and_counts_every_draw_alike():
    weights = np.zeros(N)
    weights[:4] = [1, 2, 3, 10]
    task = Line()
    ran(task, weights, Settings(1e-6, 2000, 4), weighting="sampling")
    drawn = np.concatenate([rows for rows, _ in task.seen])
    share = np.bincount(drawn, minlength=N) / len(drawn)
    np.testing.assert_allclose(share[:4], weights[:4] / 16, atol=0.02)
    assert not share[4:].any() and all((factors == 1).all() for _, factors in task.seen)


def test_weights_in_the_loss_and_in_sampling_lead_to_the_same_line_where_the_loss_is_a_sum_over_pairs():
    rng = np.random.default_rng(1)
    weights, ends = rng.uniform(0, 4, N), []
    for weighting in ("loss", "sampling"):
        task = Line()
        task.y = task.y + torch.from_numpy(rng.normal(size=N)) if weighting == "loss" else ends[0][1]
        ran(task, weights, Settings(0.05, 400, 8), weighting=weighting)
        ends.append((task.found, task.y))
    x, y = Line().x, ends[0][1]
    design = torch.cat([x, torch.ones(N, 1, dtype=torch.float64)], 1)
    root = torch.from_numpy(np.sqrt(weights))[:, None]
    expected = torch.linalg.lstsq(root * design, root[:, 0] * y).solution
    torch.testing.assert_close(ends[0][0], expected, rtol=0, atol=0.02)
    torch.testing.assert_close(ends[1][0], expected, rtol=0, atol=0.1)


def test_patience_stops_and_the_best_model_is_taken():
    task, states = Line([1.0, 5.0, 4.0, 3.0, 9.0]), []
    fitted = ran(task, settings=Settings(0.05, 9, 8, patience=2), watch=lambda step: states.append(task.found))
    assert [entry["recall"] for entry in fitted.curve] == [1.0, 5.0, 4.0, 3.0]
    assert torch.equal(task.found, states[1]) and not torch.equal(states[1], states[3])


def test_weights_may_change_between_epochs_and_the_steps_stay():
    first, second = np.ones(N), np.zeros(N)
    second[:8] = 1
    task = Line()
    fitted = ran(task, first, Settings(0.05, 4, 8), reweigh=lambda epoch: second if epoch == 2 else None)
    assert fitted.steps == 20 and len(fitted.curve) == 2 + 10
    assert all((rows < 8).all() for rows, _ in task.seen[10:])


@pytest.mark.parametrize("patience", [0, 3])
@pytest.mark.parametrize("weighting", ["loss", "sampling"])
def test_what_was_broken_off_goes_on_to_the_same_result(tmp_path, patience, weighting):
    class Killed(Exception):
        pass

    recalls, weights = [1.0, 2.0, 3.0, 2.5, 2.4, 2.3, 2.2], np.random.default_rng(0).uniform(0, 4, N)
    settings, changed = Settings(0.05, 6, 8, patience=patience), np.random.default_rng(1).uniform(0, 4, N)

    def reweigh(epoch):
        return changed if epoch == 1 else None

    whole = Line(recalls, dropout=0.3)
    expected = ran(whole, weights, settings, weighting=weighting, reweigh=reweigh)
    for stop in (1, 2, 4):
        file = tmp_path / f"{stop}.safetensors"

        def kill(step, stop=stop):
            if step["epoch"] == stop:
                raise Killed

        with pytest.raises(Killed):
            ran(Line(recalls, dropout=0.3), weights, settings, weighting=weighting, reweigh=reweigh, watch=kill, checkpoint=file)
        resumed, told = Line(recalls[stop:], dropout=0.3), []
        found = ran(
            resumed, weights, settings, weighting=weighting, reweigh=reweigh,
            watch=lambda step, told=told: told.append(step["epoch"]), checkpoint=file,
        )
        assert torch.equal(resumed.found, whole.found)
        untimed = [[{k: v for k, v in entry.items() if k != "seconds"} for entry in one.curve] for one in (found, expected)]
        assert untimed[0] == untimed[1] and told == list(range(1, len(expected.curve) + 1))


def test_the_time_of_looking_does_not_count(monkeypatch):
    now = [0.0]

    def clock():
        now[0] += 1
        return now[0]

    monkeypatch.setattr("influencespace.training.loop.time.perf_counter", clock)

    def watch(step):
        now[0] += 1000

    fitted = ran(Line(), settings=Settings(0.05, 3, 8), watch=watch)
    assert fitted.seconds == 3 and [entry["seconds"] for entry in fitted.curve] == [1, 2, 3]


def test_a_checkpoint_holds_what_is_trained_and_leaves_out_what_is_frozen(tmp_path):
    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    module[0].weight.requires_grad_(False)
    assert set(checkpoints.trained_tensors(module)) == {
        "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked"
    }


def test_energy_is_read_where_there_is_a_counter_and_none_elsewhere(tmp_path):
    package = tmp_path / "intel-rapl:0"
    package.mkdir()
    (package / "energy_uj").write_text("3000000\n")
    meter = Meter(CPU, tmp_path)
    before = meter.read()
    (package / "energy_uj").write_text("5500000\n")
    assert (before, meter.spent(before)) == (3.0, 2.5)
    (package / "energy_uj").write_text("100\n")
    assert meter.spent(before) is None  # the counter has turned over
    assert Meter(CPU, tmp_path / "none").read() is None and Meter(CPU, tmp_path / "none").spent(None) is None
    (package / "energy_uj").write_text("not a number")
    assert meter.read() is None
