"""Users' masks: what is written lies on its image when it is read again, and a file is whole or not there."""

import cv2
import nibabel as nib
import nrrd
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from ulskit.ct import encode_png
from ulskit.errors import DataError, MissingFileError, UsageError
from ulskit.ingest import CtImage, read_image, read_mask, read_mask_volume, write_mask

SUFFIXES = [".png", ".nii", ".nii.gz", ".nrrd", ".npz"]

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=20))


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mask=masks, spacing=st.tuples(*[st.floats(0.1, 3)] * 2))
def test_what_is_written_is_read(tmp_path, suffix, mask, spacing):
    path = tmp_path / f"mask{suffix}"
    write_mask(path, mask, spacing_mm=spacing)
    found = read_mask(path)
    np.testing.assert_array_equal(found.mask, mask)
    assert found.mask.dtype == bool
    if suffix == ".png":
        assert found.spacing_mm is None
    else:
        assert found.spacing_mm == pytest.approx(spacing, rel=1e-5)
    np.testing.assert_array_equal(read_mask_volume(path).mask, mask[None])


def oblique_ct(path):
    """A CT whose slices lie obliquely and whose file axes run right, front, down."""
    volume = np.random.default_rng(0).integers(-1000, 1000, (12, 10, 4), dtype=np.int16)
    angle = np.deg2rad(15)
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([0.7, 0.9, -2.5])
    affine[:3, 3] = [30, -40, 500]
    nib.save(nib.Nifti1Image(volume, affine), path)
    return path


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd"])
def test_a_mask_lies_where_its_image_lies_in_the_patient(tmp_path, suffix):
    image = read_image(oblique_ct(tmp_path / "ct.nii"), slice_index=3)
    mask = image.hu > 200
    write_mask(tmp_path / f"m{suffix}", mask, image)
    np.testing.assert_array_equal(read_mask(tmp_path / f"m{suffix}").mask, mask)
    # Read as an image, so that its place is told too.
    back = read_image(tmp_path / f"m{suffix}")
    np.testing.assert_allclose(back.affine_lps, image.affine_lps, atol=1e-4)
    assert back.spacing_mm == pytest.approx(image.spacing_mm)


def test_other_programs_find_the_mask_on_the_voxels_of_the_image(tmp_path):
    """Independent of our readers: each mask voxel, brought to mm by nibabel, falls on its voxel of the CT."""
    path = oblique_ct(tmp_path / "ct.nii")
    image = read_image(path, slice_index=3)
    write_mask(tmp_path / "m.nii", image.hu > 200, image)
    mask, ct = nib.load(tmp_path / "m.nii"), nib.load(path)
    voxels = np.argwhere(np.ones(mask.shape, bool))
    in_ct = nib.affines.apply_affine(np.linalg.inv(ct.affine) @ mask.affine, voxels)
    np.testing.assert_allclose(in_ct, in_ct.round(), atol=1e-3)
    found = np.asarray(ct.dataobj)[tuple(in_ct.round().astype(int).T)] > 200
    np.testing.assert_array_equal(found, np.asarray(mask.dataobj)[tuple(voxels.T)] > 0)
    np.testing.assert_allclose(mask.get_qform(), mask.get_sform(), atol=1e-4)


def test_nrrd_and_nifti_of_one_mask_agree_for_other_programs(tmp_path):
    image = read_image(oblique_ct(tmp_path / "ct.nii"), slice_index=0)
    for suffix in (".nii", ".nrrd"):
        write_mask(tmp_path / f"m{suffix}", image.hu > 0, image)
    data, header = nrrd.read(str(tmp_path / "m.nrrd"))
    nifti = nib.load(tmp_path / "m.nii")
    np.testing.assert_array_equal(data, np.asarray(nifti.dataobj))
    ras = np.diag([-1, -1, 1]) @ header["space directions"].T
    np.testing.assert_allclose(ras, nifti.affine[:3, :3], atol=1e-5)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"m{suffix}"
    write_mask(path, np.eye(12))
    before = path.read_bytes()

    def fail(self, target):
        raise OSError("disk full")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_mask(path, np.zeros((12, 12)))
    assert [item.name for item in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == before


def test_what_is_no_mask_of_the_image_is_not_written(tmp_path):
    image = CtImage(hu=np.zeros((4, 5), np.int16), spacing_mm=None, name="a")
    for mask in (np.zeros((5, 4)), np.zeros(4), np.zeros((2, 4, 5)), np.zeros((0, 4))):
        with pytest.raises(DataError, match="shape"):
            write_mask(tmp_path / "m.png", mask, image)
    with pytest.raises(DataError, match="of no known format"):
        write_mask(tmp_path / "m.bmp", np.zeros((4, 5)))
    with pytest.raises(DataError, match="must be positive"):
        write_mask(tmp_path / "m.nii", np.zeros((4, 5)), spacing_mm=(0, 1))
    assert list(tmp_path.iterdir()) == []


def test_any_value_above_0_is_lesion(tmp_path):
    values = np.array([[0, 1], [2, 255]], np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), values)
    np.savez(tmp_path / "a.npz", mask=values.astype(int) - 1)
    nib.save(
        nib.Nifti1Image((values.T / 255).astype(np.float32)[:, :, None], np.diag([-1, -1, 1, 1])), tmp_path / "a.nii"
    )
    assert read_mask(tmp_path / "a.png").mask.tolist() == [[False, True], [True, True]]
    assert read_mask(tmp_path / "a.npz").mask.tolist() == [[False, False], [True, True]]
    assert read_mask(tmp_path / "a.nii").mask.tolist() == [[False, True], [True, True]]


def test_a_coloured_png_is_lesion_wherever_it_is_not_black(tmp_path):
    colours = np.zeros((2, 3, 4), np.uint8)
    colours[..., 3] = 255  # opaque black is no lesion
    colours[0, 0, 0] = colours[0, 1, 1] = colours[1, 2, 2] = 1
    cv2.imwrite(str(tmp_path / "a.png"), colours)
    assert read_mask(tmp_path / "a.png").mask.tolist() == [[True, True, False], [False, False, True]]


def test_an_image_given_for_a_mask_is_noticed(tmp_path):
    (tmp_path / "a.png").write_bytes(encode_png(np.zeros((9, 9), np.int16)))
    with pytest.raises(DataError, match=r"a\.png: expected a mask of 8 bit a pixel, got 16: is it an image\?"):
        read_mask(tmp_path / "a.png")


@given(mask=arrays(bool, st.tuples(st.integers(1, 4), *[st.just(24)] * 2)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_packed_bits_along_x_are_unpacked(tmp_path, mask):
    np.savez(tmp_path / "a.npz", mask=np.packbits(mask, axis=-1))
    found = read_mask_volume(tmp_path / "a.npz")
    np.testing.assert_array_equal(found.mask, mask)
    np.testing.assert_array_equal(read_mask(tmp_path / "a.npz", slice_index=len(mask) - 1).mask, mask[-1])


def test_slices_are_asked_for_as_of_images(tmp_path):
    np.savez(tmp_path / "a.npz", mask=np.zeros((3, 9, 9), bool))
    with pytest.raises(DataError, match="holds 3 slices: say which, from 0 to 2"):
        read_mask(tmp_path / "a.npz")
    with pytest.raises(UsageError, match="there is no slice 3"):
        read_mask(tmp_path / "a.npz", slice_index=3)
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 4), np.uint8))
    with pytest.raises(UsageError, match="there is no slice 1"):
        read_mask(tmp_path / "a.png", slice_index=1)
    with pytest.raises(MissingFileError):
        read_mask_volume(tmp_path / "b.png")


def test_the_real_volumes_mask_is_read_by_slice(shared_data):
    path = shared_data / "deeplesion-mini" / "truth_000001_02_01_008-023.npz"
    found = read_mask_volume(path)
    assert found.mask.sum(axis=(1, 2)).tolist() == [0] * 5 + [578, 1132, 2086, 2447, 2532, 2056, 866] + [0] * 4
    np.testing.assert_allclose(found.spacing_mm, 0.314453, atol=1e-6)
    np.testing.assert_array_equal(read_mask(path, slice_index=9).mask, found.mask[9])
