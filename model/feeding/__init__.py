"""From the store to batches on the device."""
