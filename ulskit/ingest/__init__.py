"""Into the store: DeepLesion folders, manual masks; and the reading of users' own images and masks."""

from ulskit.ingest.deeplesion import ingest_deeplesion, plan_ingest

__all__ = ["ingest_deeplesion", "plan_ingest"]
