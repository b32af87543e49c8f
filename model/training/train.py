"""One training run, from a label set of a store to a finished run folder."""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning
import numpy as np
import numpy.typing as npt
import torch
from lightning.pytorch.loggers import Logger

from ulskit.errors import DataError, RunError
from ulskit.files import remove_unfinished, write_text
from ulskit.model.feeding.batches import TrainingBatches, ValidationBatches, loader
from ulskit.model.feeding.tiles import load_tiles
from ulskit.model.training.callbacks import EpochKeeper, EpochProgress, write_history
from ulskit.model.training.module import LesionSegmenter
from ulskit.model.training.settings import TrainerSettings, TrainingSettings
from ulskit.progress import Progress, silent
from ulskit.provenance import made, package_versions
from ulskit.runs import RunFolder
from ulskit.store import Store

_NOISE = (
    ".*does not have many workers.*",
    ".*Checkpoint directory .* exists and is not empty.*",
    ".*The number of training batches .* is smaller than the logging interval.*",
    ".*is smaller than the logging interval.*",
    ".*GPU available but not used.*",
    ".*litlogger.*",
    ".*isinstance.treespec, LeafSpec.*",
    ".*but have no `val_dataloader`.*",
)


def train(
    store: Store,
    label_set: str,
    run: RunFolder,
    settings: TrainingSettings,
    *,
    overwrite: bool = False,
    progress: Progress = silent,
) -> RunFolder:
    """Train a network on a label set; called again, it goes on after the last finished epoch, or does nothing.

    Args:
        run: the folder of the run.
        settings: of the run; a run that exists must have been begun with the same.
        overwrite: begin anew where the folder holds a run made with other settings or from other labels.

    Raises:
        StoreError: no such label set.
        DataError: a split without lesions, or patients in both.
        RunError: the folder holds a run made otherwise.
        WeightsError: the pretrained weights cannot be had.
    """
    train_lesions = split_lesions(store, label_set, settings.train_splits, include_noisy=settings.include_noisy)
    val_lesions = split_lesions(store, label_set, settings.val_splits, include_noisy=True, needed=False)
    _check_patients(store, train_lesions, val_lesions)
    record = _record(store, label_set, run, settings)
    if run.exists and not _same(run.record(), record):
        if not overwrite:
            raise RunError(f"{run.path} holds a run made otherwise: name another --run, or add --overwrite")
        shutil.rmtree(run.path)
    if run.finished:
        return run
    lightning.seed_everything(settings.seed, verbose=False)
    module = LesionSegmenter(settings, made=record["made"])  # fails for want of weights before anything is written
    if not run.exists:
        run.write_record(record)
    remove_unfinished(run.path)
    write_text(run.path / "settings.yaml", settings.to_yaml())
    tiles = load_tiles(store, label_set, train_lesions, settings.roi, progress=progress)
    batches = TrainingBatches(
        tiles,
        batch_size=settings.batch_size,
        roi=settings.roi,
        augmentation=settings.augmentation,
        seed=settings.seed,
    )
    validation = None
    if len(val_lesions):
        val_tiles = load_tiles(store, label_set, val_lesions, settings.roi, progress=progress)
        validation = ValidationBatches(val_tiles, batch_size=settings.batch_size, roi=settings.roi)
    _fit(module, run, batches, validation, progress)
    write_history(run, module.history)
    run.write_record({**record, "status": "finished"})
    return run


def split_lesions(
    store: Store, label_set: str, splits: tuple[str, ...], *, include_noisy: bool, needed: bool = True
) -> npt.NDArray[np.intp]:
    """Rows of the labelled lesions of some splits, ``[n]``.

    Raises:
        DataError: there are none, and they are needed.
    """
    lesions = store.lesions
    chosen = lesions["split"].isin(splits).to_numpy() & store.labelled(label_set)
    if not include_noisy:
        chosen &= ~lesions["noisy"].to_numpy()
    if needed and not chosen.any():
        counts = ", ".join(f"{name} {count}" for name, count in lesions["split"].value_counts().items())
        raise DataError(
            f"no lesion with labels {label_set!r} in split {', '.join(splits)} (the store has {counts}): "
            "name the splits with --train-split and --val-split"
        )
    return np.flatnonzero(chosen)


def _check_patients(store: Store, one: npt.NDArray[np.intp], other: npt.NDArray[np.intp]) -> None:
    patients = store.lesions["patient"].to_numpy()
    shared = sorted(set(patients[one]) & set(patients[other]))
    if shared:
        raise DataError(f"patients {', '.join(map(str, shared[:5]))} are in the training and the validation split")


def _record(store: Store, label_set: str, run: RunFolder, settings: TrainingSettings) -> dict[str, Any]:
    return {
        "name": run.name,
        "status": "unfinished",
        "made": made(
            "train",
            seed=settings.seed,
            labels=label_set,
            label_recipe=store.label_recipe(label_set),
            store=store.digest,
        ),
        "store": store.location,
        "labels": {"name": label_set, **store.label_made(label_set)},
        "settings": settings.model_dump(mode="json"),
        "versions": package_versions(),
    }


def _same(there: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether two records are of one run: the same data and settings, on whatever machine."""

    def essence(record: dict[str, Any]) -> Any:
        settings = {key: value for key, value in record.get("settings", {}).items() if key != "trainer"}
        facts = record.get("made", {})
        return settings, facts.get("labels"), facts.get("label_recipe"), facts.get("store")

    return bool(essence(there) == essence(wanted))


def _fit(
    module: LesionSegmenter,
    run: RunFolder,
    batches: TrainingBatches,
    validation: ValidationBatches | None,
    progress: Progress,
) -> None:
    settings = module.settings
    with _quiet(), progress(f"training {run.name}", settings.epochs * len(batches)) as advance:
        trainer = make_trainer(
            settings.trainer,
            max_epochs=settings.epochs,
            limit_val_batches=None if validation else 0,
            logger=_loggers(settings.trainer, run) or False,
            callbacks=[EpochProgress(advance), EpochKeeper(run)],
        )
        rank, world = trainer.global_rank, trainer.world_size
        last = run.checkpoint_path("last")
        if settings.trainer.compile:
            module.network.compile()
        try:
            trainer.fit(
                module,
                loader(batches, rank=rank, world=world),
                loader(validation, rank=rank, world=world) if validation else None,
                ckpt_path=last if last.is_file() else None,
                weights_only=True,
            )
        except SystemExit as stop:  # Lightning answers Ctrl-C with an exit of its own
            raise KeyboardInterrupt from stop


def make_trainer(settings: TrainerSettings, **options: Any) -> lightning.Trainer:
    """Lightning's Trainer as the settings ask for it."""
    precision: Any = settings.precision
    if precision == "auto":
        gpu = settings.accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()
        precision = "bf16-mixed" if gpu and torch.cuda.is_bf16_supported() else "32-true"
    devices: Any = int(settings.devices) if str(settings.devices).isdigit() else settings.devices
    return lightning.Trainer(
        accelerator=settings.accelerator,
        devices=devices,
        num_nodes=settings.nodes,
        strategy=settings.strategy,
        precision=precision,
        deterministic=settings.deterministic,
        use_distributed_sampler=False,  # the loader's own sampler shares the batches out
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        **options,
    )


def _loggers(settings: TrainerSettings, run: RunFolder) -> list[Logger]:
    from lightning.pytorch import loggers

    made_by: dict[str, Any] = {
        "tensorboard": lambda: loggers.TensorBoardLogger(run.path, name="tensorboard", version=""),
        "wandb": lambda: loggers.WandbLogger(project="ulskit", name=run.name, save_dir=run.path),
        "mlflow": lambda: loggers.MLFlowLogger("ulskit", run_name=run.name, save_dir=str(run.path / "mlflow")),
    }
    try:
        return [made_by[name]() for name in settings.loggers]
    except ModuleNotFoundError as error:
        raise RunError(f"a logger is not installed: {' '.join(str(error).split())}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Lightning's advertisements and its advice about worker processes stay out of our output."""
    log = logging.getLogger("lightning.pytorch")
    before = log.level
    log.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for message in _NOISE:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        log.setLevel(before)
