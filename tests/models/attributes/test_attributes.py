"""What a level means: the classifier learns, and survival is what its definition says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from models.attributes import classifier as attribute_classifier
from models.attributes.classifier import (
    Classifier,
    ClassifierConfig,
    Labelled,
    cached_classifier,
    confidence,
    predicted,
    train_classifier,
)
from models.attributes.command import Estimate, chance, labelled, main, measure, realism, survival
from models.attributes.pictures import level_sheets
from models.base import HierarchicalModel, Trace, encode
from models.chain import sample_chain
from models.checkpoint.checkpoint import as_stored, load_checkpoint, save_checkpoint
from models.checkpoint.statistics import Statistics, level_statistics
from models.data.avatars.drawing import ATTRIBUTES, AVATARS
from models.data.drawn.sets import draw_set
from models.data.load import load_data
from models.errors import BadInput
from models.evaluation.redrawn import kept_from, redrawn
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.model import MHVAE
from models.families.mhvae.networks import NetworkConfig
from models.pixels import to_float
from models.report.attributes_section import attribute_section, read_attributes, table
from models.report.card import keep_measures
from tests.running import ROOT

SHORT = ClassifierConfig((12, 16, 24, 32), 64, epochs=40, batch_size=25, learning_rate=1e-2)
TWO = replace(SHORT, epochs=2)
TRAIN = 250
BUNDLED = ROOT / "checkpoints" / "avatars"


@pytest.fixture(scope="module")
def avatars() -> tuple[Labelled, Labelled]:
    """250 drawn faces to learn from and 60 others."""
    pictures, labels = draw_set(AVATARS, TRAIN + 60, seed=11)
    classes = {name: len(named) for name, named in ATTRIBUTES.items()}

    def part(rows: slice) -> Labelled:
        return Labelled(pictures[rows], {k: v[rows] for k, v in labels.items()}, classes)

    return part(slice(TRAIN)), part(slice(TRAIN, None))


@pytest.fixture(scope="module")
def classifier(avatars: tuple[Labelled, Labelled]) -> Classifier:
    return train_classifier(avatars[0], SHORT)


@pytest.fixture(scope="module")
def model() -> HierarchicalModel:
    """A small model with random weights, moved so far that its pictures differ."""
    torch.manual_seed(4)
    sizes = NetworkConfig(24, 1, (12, 16), 4)
    made = MHVAE(MHVAEConfig((3, 64, 64), "discretised_logistic", ((3, 8, 8), (5,), (4,)), sizes))
    with torch.no_grad():
        for weight in made.parameters():
            weight.mul_(1.5)
    return as_stored(made)


def seen(data: Labelled, model: HierarchicalModel) -> Tensor:
    return model.as_seen(to_float(data.images))


def test_the_classifier_learns_from_a_few_faces(
    avatars: tuple[Labelled, Labelled], classifier: Classifier
) -> None:
    test = avatars[1]
    found = predicted(classifier, to_float(test.images))
    for name in ("skin", "hair"):
        right = float((found[name].numpy() == test.labels[name]).mean())
        commonest = np.bincount(test.labels[name]).max() / len(test.images)
        error = (commonest * (1 - commonest) / len(test.images)) ** 0.5
        assert right > commonest + 5 * error, name


def test_shuffled_labels_cannot_be_learned(avatars: tuple[Labelled, Labelled]) -> None:
    """The same training on labels that say nothing stays at chance, so the test above can fail."""
    train, test = avatars
    order = np.random.default_rng(0).permutation(TRAIN)
    wrong = Labelled(train.images, {k: v[order] for k, v in train.labels.items()}, train.classes)
    found = predicted(train_classifier(wrong, SHORT), to_float(test.images))
    right = float((found["skin"].numpy() == test.labels["skin"]).mean())
    assert right < np.bincount(test.labels["skin"]).max() / len(test.images) + 0.2


def test_training_is_a_function_of_its_data_and_leaves_the_global_generator(
    avatars: tuple[Labelled, Labelled],
) -> None:
    before = torch.get_rng_state()
    first = train_classifier(avatars[0], TWO)
    torch.rand(3)
    again = train_classifier(avatars[0], TWO)
    other = train_classifier(avatars[0], replace(TWO, seed=1))
    torch.set_rng_state(before)
    train_classifier(avatars[0], TWO)
    assert torch.equal(before, torch.get_rng_state())
    one, two, three = (model.state_dict() for model in (first, again, other))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["heads.skin.weight"], three["heads.skin.weight"])


def test_a_picture_is_classified_alike_alone_and_in_company(
    avatars: tuple[Labelled, Labelled], classifier: Classifier
) -> None:
    x = to_float(avatars[1].images[:10])
    assert torch.allclose(confidence(classifier, x)[3:4], confidence(classifier, x[3:4]), atol=1e-5)


def test_the_classifier_is_kept_and_a_broken_one_is_mended(
    avatars: tuple[Labelled, Labelled], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    config = ClassifierConfig((4, 4, 4, 4), 8, epochs=1, batch_size=50)
    first = cached_classifier(avatars[0], config)
    (file,) = (tmp_path / "strata").iterdir()
    with monkeypatch.context() as patched:
        patched.setattr(
            attribute_classifier, "train_classifier", lambda *_: pytest.fail("trained again")
        )
        again = cached_classifier(avatars[0], config)
    file.write_bytes(file.read_bytes()[:100])
    mended = cached_classifier(avatars[0], config)
    for one, two, three in zip(first.parameters(), again.parameters(), mended.parameters(),
                               strict=True):  # fmt: skip
        assert torch.equal(one, two) and torch.equal(one, three)
    cached_classifier(avatars[1], config)
    assert len(list((tmp_path / "strata").iterdir())) == 2  # other data, another classifier


def test_chance_is_the_sum_of_squared_shares() -> None:
    labels = np.array([0, 0, 1, 2])
    pairs = [float(a == b) for a in labels for b in labels]
    assert chance(labels) == pytest.approx(0.375) == pytest.approx(np.mean(pairs))


def test_an_estimate_is_a_mean_and_its_standard_error() -> None:
    found = Estimate.of(torch.tensor([1.0, 2.0, 3.0, 6.0]))
    assert found.mean == 3.0
    assert found.standard_error == pytest.approx(((4 + 1 + 0 + 9) / 3 / 4) ** 0.5)


def test_keeping_everything_is_the_reconstruction(
    avatars: tuple[Labelled, Labelled], classifier: Classifier, model: HierarchicalModel
) -> None:
    test = avatars[1]
    survived = survival(model, classifier, test, draws=2)
    trace = encode(model, seen(test, model))
    assert torch.equal(redrawn(model, trace, 1, seed=9), model.likelihood(trace.z).mean)
    found = predicted(classifier, model.likelihood(trace.z).mean)
    for name, by_level in survived.items():
        assert len(by_level) == model.depth + 1
        right = float((found[name].numpy() == test.labels[name]).mean())
        assert by_level[0].mean == pytest.approx(right, abs=1e-6)


def test_keeping_nothing_is_a_sample_of_the_prior(
    avatars: tuple[Labelled, Labelled], model: HierarchicalModel
) -> None:
    trace = encode(model, seen(avatars[1], model)[:3])
    pictures = redrawn(model, trace, model.depth + 1, seed=6)
    sample = model.likelihood(sample_chain(model, 6)).mean
    assert torch.allclose(pictures, sample.expand_as(pictures), atol=1e-5)
    other = redrawn(model, trace, model.depth + 1, seed=7)
    assert (pictures - other).abs().max() > 0.01


def test_what_is_kept_does_not_move_and_what_is_below_does(
    avatars: tuple[Labelled, Labelled], model: HierarchicalModel
) -> None:
    from models.chain import decode

    trace = encode(model, seen(avatars[1], model)[:3])
    z = decode(model, trace, kept_from(model.depth, 2, seed=1))
    assert torch.equal(z[2], trace.z[2]) and torch.equal(z[3], trace.z[3])
    assert (z[1] - trace.z[1]).abs().max() > 0.01


class Copier(MHVAE):
    """Its picture is the encoded image, whatever the chain says."""

    def likelihood(self, z: tuple[Tensor | None, ...]) -> torch.distributions.Distribution:
        assert z[0] is not None
        return torch.distributions.Normal(z[0], torch.ones_like(z[0]))


def test_a_decoder_that_copies_the_image_loses_nothing(
    avatars: tuple[Labelled, Labelled], classifier: Classifier, model: HierarchicalModel
) -> None:
    copier = Copier(model.config).eval()
    test = avatars[1]
    found = predicted(classifier, seen(test, model))
    for name, by_level in survival(copier, classifier, test, draws=2).items():
        right = float((found[name].numpy() == test.labels[name]).mean())
        assert [estimate.mean for estimate in by_level] == pytest.approx([right] * 4, abs=1e-6)


def test_blocks_have_their_own_noise(
    avatars: tuple[Labelled, Labelled], classifier: Classifier, model: HierarchicalModel
) -> None:
    """The first picture repeated 60 times: within a block all agree, between blocks not all."""
    test = avatars[1]
    image = np.repeat(test.images[:1], 60, axis=0)
    labels = {name: np.repeat(label[:1], 60) for name, label in test.labels.items()}
    same = Labelled(image, labels, test.classes)
    survived = survival(model, classifier, same, draws=1)
    shares = [by_level[-1].mean for by_level in survived.values()]
    assert all(min(abs(share - k / 3) for k in range(4)) < 1e-6 for share in shares)


def test_realism_of_real_pictures_is_what_its_quantile_says(
    avatars: tuple[Labelled, Labelled], classifier: Classifier, model: HierarchicalModel
) -> None:
    found = realism(model, classifier, avatars[1], samples=5)
    assert found["real"]["as_sure_as_real"][0] == pytest.approx(0.95, abs=0.02)
    assert found["samples"]["pictures"] == 5 and found["reconstructions"]["pictures"] == 60
    expected = confidence(classifier, seen(avatars[1], model))
    assert found["real"]["confidence"][0] == pytest.approx(float(expected.mean()), abs=1e-5)
    error = float(expected.double().std()) / 60**0.5
    assert found["real"]["confidence"][1] == pytest.approx(error, abs=1e-5)


def test_the_card_and_the_table_show_what_was_measured(
    avatars: tuple[Labelled, Labelled], classifier: Classifier, model: HierarchicalModel
) -> None:
    facts = measure(model, classifier, avatars[1], draws=1, samples=3)
    facts = {"model": "0123", "data": "avatars", **facts}
    section = "\n".join(attribute_section(facts, "toy"))
    skin = facts["attributes"]["skin"]
    row = next(line for line in table(facts) if line.startswith("| skin (7) |"))
    assert row in section
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1] == f"{100 * skin['chance']:.1f}"
    shown = [*reversed(skin["survival"]), skin["classifier"]]
    assert cells[2:] == [f"{100 * mean:.1f} ± {100 * error:.1f}" for mean, error in shown]
    for t in (1, 2, 3):
        assert f"(level_{t}.png)" in section
    assert "python -m models.attributes checkpoints/toy --data avatars" in section


def test_a_picture_per_level(avatars: tuple[Labelled, Labelled], model: HierarchicalModel) -> None:
    import io

    from PIL import Image

    sheets = level_sheets(model, avatars[1].images)
    assert list(sheets) == ["level_1.png", "level_2.png", "level_3.png"]
    sizes = [Image.open(io.BytesIO(content)).size for content in sheets.values()]
    assert sizes == [(512, 128), (512, 320), (512, 320)]


def test_data_without_labels_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "plain.npz", images=np.zeros((20, 64, 64, 3), np.uint8))
    with pytest.raises(BadInput, match="no labelled attributes.*--data avatars"):
        labelled(load_data(str(tmp_path / "plain.npz")))


def test_the_command_writes_and_an_evaluation_keeps_it(
    model: HierarchicalModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from models import evaluate

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "toy"
    save_toy(folder, model)
    data = ["--data", "avatars:80"]
    assert main([str(folder), *data, "--draws", "1", "--samples", "3", "--write"]) == 0
    printed = capsys.readouterr().out
    assert "| glasses (7) |" in printed
    checkpoint = load_checkpoint(folder)
    facts = json.loads((folder / "attributes.json").read_text())
    assert facts["model"] == checkpoint.hash and facts["n_images"] == 4
    assert (folder / "level_3.png").stat().st_size > 1000
    section = "\n".join(attribute_section(facts, "toy"))
    assert section in (folder / "README.md").read_text()
    assert (
        evaluate.main([str(folder), *data, "--k", "0", "--draws", "1", "--samples", "2", "--write"])
        == 0
    )
    assert section in (folder / "README.md").read_text()
    # Measures of another kind that are written later leave these in the card, too.
    row = {
        "pictures": "another kind", "side": 64, "number": 2, "mean": 30.0,
        "standard_error": 0.5, "lowest": 25.0,
    }  # fmt: skip
    keep_measures(checkpoint, "photographs.json", {"psnr": [row], "model": checkpoint.hash})
    assert section in (folder / "README.md").read_text()
    assert "| another kind | 64 | 2 | 30.00 ± 0.50 | 25.00 |" in (folder / "README.md").read_text()
    # Other weights in the same folder: the old measures are not theirs.
    assert read_attributes(folder, checkpoint.hash) == facts
    assert read_attributes(folder, "another") is None
    assert read_attributes(tmp_path, checkpoint.hash) is None


def save_toy(folder: Path, model: HierarchicalModel) -> None:
    data = load_data("avatars:80")
    active = tuple(torch.ones(level.channels, dtype=torch.bool) for level in model.levels)
    levels = level_statistics(model, data.train, active)
    statistics = Statistics(levels, torch.tensor([-9.0, -8.0]), 8, -7.5, (0.5, -0.25, 0.1))
    evaluation = {
        "elbo_nats": -9.0, "reconstruction_nats": -8.0, "n_images": 4, "draws": 1, "seed": 0,
        "rate_nats": [1.0, 1.0, 1.0], "active_units": [1, 1, 1], "reach": [0.1, 0.1, 0.1],
    }  # fmt: skip
    training = {
        "preset": None, "steps_done": 0, "data": "avatars:80", "cpu_s": 0.0, "wall_s": 0.0,
        "config": {"batch_size": 1, "free_bits": (), "kl_warmup": 0.0},
    }  # fmt: skip
    save_checkpoint(
        folder, "toy", model, statistics, evaluation, data.card, training, data.test, "# toy\n"
    )


def test_bad_options_and_a_missing_folder_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["/nowhere", "--data", "avatars:80"]) == 2
    assert "there is no checkpoint folder '/nowhere'" in capsys.readouterr().err
    assert main(["/nowhere", "--data", "avatars:80", "--draws", "0"]) == 2
    assert "--draws must be at least 1" in capsys.readouterr().err


def test_traces_of_blocks_cover_every_picture_once(
    avatars: tuple[Labelled, Labelled], model: HierarchicalModel
) -> None:
    from models.attributes.command import blocks

    parts = list(blocks(model, avatars[1], size=25))
    assert [len(trace.z[0]) for trace, _ in parts] == [25, 25, 10]
    assert isinstance(parts[0][0], Trace)
    joined = torch.cat([labels["hair"] for _, labels in parts]).numpy()
    assert np.array_equal(joined, avatars[1].labels["hair"])


def test_the_bundled_avatars_carry_the_measures_of_their_own_weights() -> None:
    checkpoint = load_checkpoint(BUNDLED)
    facts = read_attributes(BUNDLED, checkpoint.hash)
    assert facts is not None
    section = "\n".join(attribute_section(facts, "avatars"))
    assert section in (BUNDLED / "README.md").read_text()
    sheets = [BUNDLED / f"level_{t}.png" for t in range(1, checkpoint.model.depth + 1)]
    assert sum(path.stat().st_size for path in sheets) < 300_000
    for found in facts["attributes"].values():
        shares = [share for share, _ in found["survival"]]
        assert shares[0] > found["chance"] + 0.2  # the reconstruction shows it
        assert abs(shares[-1] - found["chance"]) < 0.2  # a sample of the prior knows nothing of it
