"""Into the store: DeepLesion folders, manual masks; and the reading of users' own images and masks."""

from ulskit.ingest.deeplesion import ingest_deeplesion
from ulskit.ingest.images import CtImage, read_image
from ulskit.ingest.masks import MaskFile, MaskVolume, read_mask, read_mask_volume, write_mask
from ulskit.ingest.plan import plan_ingest
from ulskit.ingest.truth import MaskIngest, ingest_masks

__all__ = [
    "CtImage",
    "MaskFile",
    "MaskIngest",
    "MaskVolume",
    "ingest_deeplesion",
    "ingest_masks",
    "plan_ingest",
    "read_image",
    "read_mask",
    "read_mask_volume",
    "write_mask",
]
