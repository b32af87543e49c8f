"""Commands that need torch: train, predict, run, models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ulskit.cli import console
from ulskit.cli.options import (
    DEFAULT_RUNS,
    DEFAULT_STORE,
    DeviceOption,
    JsonOption,
    OverwriteOption,
    RunsOption,
    SetOption,
    SettingsOption,
    SplitOption,
    StoreOption,
)
from ulskit.errors import UsageError

if TYPE_CHECKING:
    from ulskit.model.training.settings import TrainingSettings

NetworkOption = Annotated[str | None, typer.Option(help="Network; `ulskit models` lists them.")]
BackboneOption = Annotated[str | None, typer.Option(help="An HRNet of timm, e.g. hrnet_w18_small.")]
PretrainedOption = Annotated[
    bool | None, typer.Option("--pretrained/--no-pretrained", help="Start from ImageNet weights (default) or not.")
]
WeightsOption = Annotated[Path | None, typer.Option(help="File with the backbone's weights, instead of the hub.")]
EpochsOption = Annotated[int | None, typer.Option(min=1, help="Epochs; 80 by default.")]
BatchOption = Annotated[int | None, typer.Option(min=1, help="Images a step; 16 by default.")]
SeedOption = Annotated[int | None, typer.Option(help="Seed of all randomness; 0 by default.")]
LossOption = Annotated[str | None, typer.Option(help="Level set term: rls (default), ls or none.")]
TrainSplitOption = Annotated[list[str] | None, typer.Option(help="Split to train on; repeat for several.")]
ValSplitOption = Annotated[list[str] | None, typer.Option(help="Split to watch; repeat for several.")]
DevicesOption = Annotated[str | None, typer.Option(help="Number of devices, or auto.")]
AcceleratorOption = Annotated[str | None, typer.Option(help="cpu, gpu, auto … (Lightning).")]
PrecisionOption = Annotated[str | None, typer.Option(help="32-true, bf16-mixed, 16-mixed, auto.")]
StrategyOption = Annotated[str | None, typer.Option(help="auto, ddp … (Lightning).")]
NodesOption = Annotated[int | None, typer.Option(min=1, help="Number of machines.")]
LoggerOption = Annotated[list[str] | None, typer.Option(help="tensorboard, wandb or mlflow, beside metrics.csv.")]


def add_commands(app: typer.Typer) -> None:
    """Enter the commands of this file."""
    app.command(epilog="Example: ulskit train --round 2 --epochs 40 --set level_set.weight=0.3")(train)
    app.command(
        epilog="Example: ulskit predict --split test; ulskit predict --image ct.nii.gz --slice 41 --box 80,95,130,150"
    )(predict)
    app.command(epilog="Example: ulskit run --rounds 3 --no-pretrained")(run)
    app.command(epilog="Example: ulskit models --json")(models)


def train(
    store: StoreOption = DEFAULT_STORE,
    round_: Annotated[int, typer.Option("--round", min=1, help="Trains on labels round<N>, as run round<N>.")] = 1,
    labels: Annotated[str | None, typer.Option(help="Label set to train on, instead of the round's.")] = None,
    run: Annotated[str | None, typer.Option(help="Name of the run, instead of the round's.")] = None,
    runs: RunsOption = DEFAULT_RUNS,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the settings stored in the run.")] = False,
    settings: SettingsOption = None,
    set_: SetOption = None,
    network: NetworkOption = None,
    backbone: BackboneOption = None,
    pretrained: PretrainedOption = None,
    weights: WeightsOption = None,
    level_set: LossOption = None,
    epochs: EpochsOption = None,
    batch_size: BatchOption = None,
    seed: SeedOption = None,
    train_split: TrainSplitOption = None,
    val_split: ValSplitOption = None,
    accelerator: AcceleratorOption = None,
    devices: DevicesOption = None,
    nodes: NodesOption = None,
    precision: PrecisionOption = None,
    strategy: StrategyOption = None,
    logger: LoggerOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Train a network on weak labels: AHRNet with the regional level set loss by default.

    An interrupted training goes on after its last finished epoch when the same command is given again.
    """
    import ulskit
    from ulskit.labels import round_name
    from ulskit.model.training.settings import changed_settings
    from ulskit.model.training.train import train as train_run
    from ulskit.runs import RunFolder

    folder = RunFolder(runs / (run or round_name(round_)))
    label_set = labels or round_name(round_)
    if resume:
        record = folder.record()
        label_set = record["labels"]["name"]
        chosen = changed_settings(record["settings"], {})
    else:
        chosen = _settings(
            settings,
            set_,
            network=network,
            backbone=backbone,
            pretrained=pretrained,
            weights=weights,
            level_set=level_set,
            epochs=epochs,
            batch_size=batch_size,
            seed=seed,
            train_split=train_split,
            val_split=val_split,
            accelerator=accelerator,
            devices=devices,
            nodes=nodes,
            precision=precision,
            strategy=strategy,
            logger=logger,
        )
    done = train_run(ulskit.open(store), label_set, folder, chosen, overwrite=overwrite, progress=console.progress)
    last = done.metrics().iloc[-1]
    figures = ", ".join(
        f"{name} {last[name]:.3f}" for name in ("loss", "segmentation_loss", "val_dice") if name in last.index
    )
    console.done(f"{done.path}: {len(done.metrics())} epochs, {figures}", then=f"ulskit predict --run {done.name}")


def predict(
    store: StoreOption = DEFAULT_STORE,
    runs: RunsOption = DEFAULT_RUNS,
    run: Annotated[str | None, typer.Option(help="Run that predicts; the latest finished one by default.")] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="A checkpoint file, for --image.")] = None,
    best: Annotated[bool, typer.Option("--best", help="Use the best checkpoint instead of the last.")] = False,
    split: SplitOption = None,
    name: Annotated[str | None, typer.Option(help="Label set; predicted/<run> by default.")] = None,
    image: Annotated[
        Path | None, typer.Option(help="Your own image: 16-bit PNG, NIfTI, NRRD or npz; needs no store.")
    ] = None,
    slice_: Annotated[int | None, typer.Option("--slice", help="Axial slice of a volume, counted from 0.")] = None,
    box: Annotated[list[str] | None, typer.Option(help="x1,y1,x2,y2 in pixels; repeat for several lesions.")] = None,
    boxes: Annotated[Path | None, typer.Option(help="CSV with columns x1, y1, x2, y2 (and image, slice).")] = None,
    output: Annotated[Path, typer.Option(help="Folder for the masks of --image.")] = Path("masks"),
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
) -> None:
    """Segment lesions: those of a store, or those in boxes on an image of your own."""
    from ulskit.runs import RunFolder, latest_run

    def folder() -> RunFolder:
        return RunFolder(runs / run) if run else latest_run(runs)

    if image is None and boxes is None:
        import ulskit
        from ulskit.model.prediction.store import predict_store

        label_set, count = predict_store(
            ulskit.open(store),
            folder(),
            splits=tuple(split) if split else None,
            name=name,
            kind="best" if best else "last",
            device=device,
            overwrite=overwrite,
            progress=console.progress,
        )
        console.done(f"labels/{label_set} of {store}: {count} lesions", then="ulskit measure")
        return
    from ulskit.model.prediction.files import boxes_on_image, predict_files, read_boxes

    requests = read_boxes(boxes, image, slice_) if boxes else boxes_on_image(image, slice_, box or [])
    file = checkpoint or folder().checkpoint("best" if best else "last")
    written = predict_files(requests, file, output, device=device, progress=console.progress)
    for item in written:
        console.say(
            f"{item.path}: {item.measurement.long_axis_mm:.1f} × {item.measurement.short_axis_mm:.1f} {item.unit}"
        )
    console.done(f"{len(written)} mask(s) in {output}", then=f"ulskit measure {output}")


def run(
    store: StoreOption = DEFAULT_STORE,
    runs: RunsOption = DEFAULT_RUNS,
    rounds: Annotated[int, typer.Option(min=1, help="How many rounds.")] = 3,
    method: Annotated[str, typer.Option(help="Label method of round 1.")] = "quarter",
    settings: SettingsOption = None,
    set_: SetOption = None,
    backbone: BackboneOption = None,
    pretrained: PretrainedOption = None,
    weights: WeightsOption = None,
    epochs: EpochsOption = None,
    seed: SeedOption = None,
    train_split: TrainSplitOption = None,
    val_split: ValSplitOption = None,
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
) -> None:
    """All rounds: label, train, refine, train again, predict. Stopped at any moment, it goes on when started again."""
    import ulskit
    from ulskit.model.rounds import run_rounds

    chosen = _settings(
        settings,
        set_,
        backbone=backbone,
        pretrained=pretrained,
        weights=weights,
        epochs=epochs,
        seed=seed,
        train_split=train_split,
        val_split=val_split,
    )
    opened = ulskit.open(store)
    for ended in run_rounds(
        opened,
        runs,
        chosen,
        rounds=rounds,
        method=method,
        device=device,
        overwrite=overwrite,
        progress=console.progress,
    ):
        console.done(f"round {ended.number}: {ended.run.path}, labels/{ended.predicted}")
    console.say("  next: [bold]ulskit evaluate[/bold] and [bold]ulskit report[/bold]")


def models(json: JsonOption = False) -> None:
    """List the networks, losses and label methods, with those of installed plug-ins."""
    from ulskit.labels import LABEL_METHODS
    from ulskit.model.losses import LOSSES
    from ulskit.model.networks import NETWORKS
    from ulskit.registry import Registry

    registries: dict[str, Registry[Any]] = {"networks": NETWORKS, "losses": LOSSES, "label methods": LABEL_METHODS}
    if json:
        console.document({kind: {name: it.origin(name) for name in it.names()} for kind, it in registries.items()})
        return
    for kind, registry in registries.items():
        console.table(kind, ["name", "from"], [[name, registry.origin(name)] for name in registry.names()])


SETTING_OF_OPTION = {
    "network": "network.name",
    "backbone": "network.options.backbone",
    "pretrained": "network.pretrained",
    "weights": "network.weights",
    "level_set": "level_set.loss",
    "epochs": "epochs",
    "batch_size": "batch_size",
    "seed": "seed",
    "train_split": "train_splits",
    "val_split": "val_splits",
    "accelerator": "trainer.accelerator",
    "devices": "trainer.devices",
    "nodes": "trainer.nodes",
    "precision": "trainer.precision",
    "strategy": "trainer.strategy",
    "logger": "trainer.loggers",
}
"""The options that are short forms of a setting."""


def _settings(file: Path | None, pairs: list[str] | None, **options: Any) -> TrainingSettings:
    """File, then name=value pairs, then options: the later wins."""
    import yaml

    from ulskit.model.training.settings import read_settings

    changes: dict[str, Any] = {}
    for pair in pairs or []:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--set {pair!r}: expected name=value")
        try:
            changes[name] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UsageError(f"--set {pair!r}: the value cannot be read") from error
    for option, value in options.items():
        if value not in (None, []):
            changes[SETTING_OF_OPTION[option]] = str(value) if isinstance(value, Path) else value
    return read_settings(file, changes)
