"""The store: one Zarr v3 hierarchy of slices, lesions and label sets (SPEC section 3, ``docs/store.md``)."""

from ulskit.store.label_sets import write_labels
from ulskit.store.store import Location, Store, open_store

__all__ = ["Location", "Store", "open_store", "write_labels"]
