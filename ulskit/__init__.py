"""ulskit: universal lesion segmentation in CT from weak labels."""
