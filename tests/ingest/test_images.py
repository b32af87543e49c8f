"""Users' images: whatever tool wrote a volume, its slices come out as a CT is shown, and damage is said in one line."""

import io
import itertools
import pickle
import zipfile

import nibabel as nib
import nrrd
import numpy as np
import pytest

from ulskit.ct import encode_png
from ulskit.errors import DataError, MissingFileError, UsageError
from ulskit.ingest import read_image, read_mask, read_mask_volume

SPACING_MM = (0.7, 0.9, 3.0)  # x, y, z
ORIGIN_LPS = np.array([-120.0, -80.0, 400.0])
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@pytest.fixture
def volume():
    """HU ``[z, y, x]``, no two voxels equal, no symmetry."""
    return np.random.default_rng(0).permutation(5 * 6 * 7).reshape(5, 6, 7).astype(np.int16) - 100


def canonical_affine_lps():
    affine = np.diag([*SPACING_MM, 1.0])
    affine[:3, 3] = ORIGIN_LPS
    return affine


def save_nifti(path, volume, codes="LPS"):
    """The volume as a tool would write it whose axes run towards ``codes``."""
    image = nib.Nifti1Image(volume.transpose(2, 1, 0), LPS_TO_RAS @ canonical_affine_lps())
    change = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt("LPS"), nib.orientations.axcodes2ornt(tuple(codes))
    )
    nib.save(image.as_reoriented(change), path)
    return path


ALL_CODES = [
    "".join(codes) for order in itertools.permutations(["LR", "AP", "SI"]) for codes in itertools.product(*order)
]


@pytest.mark.parametrize("codes", ALL_CODES)
def test_every_orientation_of_a_nifti_shows_the_same_slices(tmp_path, volume, codes):
    path = save_nifti(tmp_path / "ct.nii.gz", volume, codes)
    upwards = "S" in codes
    for at in range(5):
        image = read_image(path, slice_index=at)
        z = at if upwards else 4 - at
        np.testing.assert_array_equal(image.hu, volume[z])
        assert image.hu.dtype == np.int16
        assert image.spacing_mm == pytest.approx((0.9, 0.7))
        assert (image.name, image.slice_index) == ("ct.nii.gz", at)
        place = ORIGIN_LPS + np.array([0, 0, 3 * z])
        np.testing.assert_allclose(image.affine_lps[:3, 3], place, atol=1e-4)
        np.testing.assert_allclose(image.affine_lps[:3, :2], np.diag(SPACING_MM)[:, :2], atol=1e-5)


@pytest.mark.parametrize("codes", ["LPS", "RAS", "PIR", "SAL"])
def test_masks_take_the_same_way_as_images(tmp_path, volume, codes):
    path = save_nifti(tmp_path / "ct.nii", volume, codes)
    mask = save_nifti(tmp_path / "mask.nii", (volume > 20).astype(np.uint8), codes)
    np.testing.assert_array_equal(read_mask(mask, slice_index=3).mask, read_image(path, slice_index=3).hu > 20)
    assert read_mask_volume(mask).mask.shape == (5, 6, 7)


@pytest.mark.parametrize(
    ("space", "signs"), [("LPS", (1, 1, 1)), ("right-anterior-superior", (-1, -1, 1)), ("LAS", (1, -1, 1))]
)
@pytest.mark.parametrize("encoding", ["gzip", "raw", "bzip2", "ascii"])
def test_an_nrrd_shows_what_the_nifti_of_its_volume_shows(tmp_path, volume, space, signs, encoding):
    header = {
        "space": space,
        "space directions": np.diag(np.array(SPACING_MM) * signs),
        "space origin": ORIGIN_LPS * signs,
        "encoding": encoding,
    }
    nrrd.write(str(tmp_path / "ct.nrrd"), np.asfortranarray(volume.transpose(2, 1, 0)), header)
    save_nifti(tmp_path / "ct.nii", volume)
    found, expected = (read_image(tmp_path / name, slice_index=2) for name in ("ct.nrrd", "ct.nii"))
    np.testing.assert_array_equal(found.hu, expected.hu)
    assert found.spacing_mm == pytest.approx(expected.spacing_mm)
    np.testing.assert_allclose(found.affine_lps, expected.affine_lps, atol=1e-4)


def test_an_nrrd_without_a_space_is_taken_as_it_stands(tmp_path, volume):
    data = np.asfortranarray(volume.transpose(2, 1, 0))
    nrrd.write(str(tmp_path / "plain.nrrd"), data, {"spacings": [0.7, 0.9, 3.0]})
    nrrd.write(str(tmp_path / "bare.nrrd"), data)
    plain, bare = (read_image(tmp_path / name, slice_index=1) for name in ("plain.nrrd", "bare.nrrd"))
    np.testing.assert_array_equal(plain.hu, volume[1])
    np.testing.assert_array_equal(bare.hu, volume[1])
    assert (plain.spacing_mm, bare.spacing_mm) == ((0.9, 0.7), None)
    assert bare.affine_lps is None


def test_an_oblique_volume_is_cut_along_its_own_axes(tmp_path, volume):
    angle = np.deg2rad(20)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    affine = LPS_TO_RAS @ canonical_affine_lps()
    affine[:3, :3] = turn @ affine[:3, :3]
    nib.save(nib.Nifti1Image(volume.transpose(2, 1, 0), affine), tmp_path / "ct.nii")
    image = read_image(tmp_path / "ct.nii", slice_index=1)
    np.testing.assert_array_equal(image.hu, volume[1])
    assert image.spacing_mm == pytest.approx((0.9, 0.7))


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd"])
@pytest.mark.parametrize("flat", [True, False])
def test_one_slice_needs_no_index(tmp_path, volume, suffix, flat):
    data = volume[0].T if flat else volume[0].T[:, :, None]
    path = tmp_path / f"ct{suffix}"
    if suffix == ".nrrd":
        directions = np.diag(SPACING_MM)[: data.ndim]
        nrrd.write(str(path), np.asfortranarray(data), {"space": "LPS", "space directions": directions})
    else:
        nib.save(nib.Nifti1Image(data, LPS_TO_RAS @ canonical_affine_lps()), path)
    image = read_image(path)
    np.testing.assert_array_equal(image.hu, volume[0])
    assert image.slice_index is None
    assert image.spacing_mm == pytest.approx((0.9, 0.7))
    with pytest.raises(UsageError, match="there is no slice 1"):
        read_image(path, slice_index=1)


def test_a_3_d_file_without_an_index_says_how_many_slices_it_holds(tmp_path, volume):
    path = save_nifti(tmp_path / "ct.nii", volume)
    np.savez(tmp_path / "ct.npz", image=volume)
    for file in (path, tmp_path / "ct.npz"):
        with pytest.raises(DataError, match=r"holds 5 slices: say which, from 0 to 4"):
            read_image(file)
        for at in (-1, 5):
            with pytest.raises(UsageError, match=f"there is no slice {at}"):
                read_image(file, slice_index=at)


def test_a_deeplesion_png_is_hu_without_spacing(tmp_path, volume):
    (tmp_path / "s.png").write_bytes(encode_png(volume[0]))
    image = read_image(tmp_path / "s.png")
    np.testing.assert_array_equal(image.hu, volume[0])
    assert (image.spacing_mm, image.affine_lps, image.slice_index) == (None, None, None)
    assert read_image(tmp_path / "s.png", spacing_mm=(0.5, 0.6)).spacing_mm == (0.5, 0.6)
    with pytest.raises(UsageError):
        read_image(tmp_path / "s.png", slice_index=1)


def test_a_spacing_that_is_given_takes_the_place_of_the_files(tmp_path, volume):
    assert read_image(save_nifti(tmp_path / "a.nii", volume), slice_index=0, spacing_mm=(2, 3)).spacing_mm == (2, 3)
    with pytest.raises(DataError, match="must be positive"):
        read_image(tmp_path / "a.nii", slice_index=0, spacing_mm=(0, 1))


@pytest.mark.parametrize("arrays", [{"image": 0}, {"anything": 0}, {"image": 0, "other": 1}])
def test_an_npz_gives_its_image_or_its_only_array(tmp_path, volume, arrays):
    np.savez_compressed(tmp_path / "a.npz", **{name: volume + at for name, at in arrays.items()})
    np.testing.assert_array_equal(read_image(tmp_path / "a.npz", slice_index=4).hu, volume[4])


@pytest.mark.parametrize(("values", "spacing"), [([0.5, 0.6], (0.5, 0.6)), ([0.5, 0.6, 5], (0.6, 0.5))])
def test_an_npz_says_row_column_or_x_y_slice(tmp_path, volume, values, spacing):
    np.savez(tmp_path / "a.npz", image=volume[0], spacing_mm=values)
    assert read_image(tmp_path / "a.npz").spacing_mm == spacing


def test_two_arrays_without_an_image_are_refused(tmp_path, volume):
    np.savez(tmp_path / "a.npz", one=volume, two=volume)
    with pytest.raises(DataError, match="expected an array 'image' or one array alone, got one, two"):
        read_image(tmp_path / "a.npz", slice_index=0)


def test_floats_are_rounded_clipped_and_air_where_they_are_no_number(tmp_path):
    values = np.array([[0.4, 0.6, -1000.5], [np.nan, np.inf, -np.inf], [1e6, -1e6, 3]])
    np.savez(tmp_path / "a.npz", image=values)
    assert read_image(tmp_path / "a.npz").hu.tolist() == [[0, 1, -1000], [-1024, 32767, -32768], [32767, -32768, 3]]


def test_a_nifti_packed_with_slope_and_intercept_is_read_in_hu(tmp_path, volume):
    image = nib.Nifti1Image(volume.transpose(2, 1, 0).astype(np.float32), LPS_TO_RAS @ canonical_affine_lps())
    image.header.set_data_dtype(np.uint8)
    nib.save(image, tmp_path / "a.nii")  # nibabel chooses them to fit 8 bit
    assert nib.load(tmp_path / "a.nii").dataobj.slope != 1
    assert np.abs(read_image(tmp_path / "a.nii", slice_index=1).hu - volume[1]).max() <= 1


def test_metres_are_brought_to_millimetres(tmp_path, volume):
    affine = LPS_TO_RAS @ canonical_affine_lps()
    affine[:3] /= 1000
    image = nib.Nifti1Image(volume.transpose(2, 1, 0), affine)
    image.header.set_xyzt_units("meter")
    nib.save(image, tmp_path / "a.nii")
    assert read_image(tmp_path / "a.nii", slice_index=0).spacing_mm == pytest.approx((0.9, 0.7))


@pytest.fixture(params=[".nii", ".nii.gz", ".nrrd", ".npz", ".png"])
def whole(request, tmp_path):
    """A good file of each format, large enough that a tenth of it is no mere trailer."""
    image = np.random.default_rng(1).integers(-1000, 1000, (1, 40, 40), dtype=np.int16)
    path = tmp_path / f"good{request.param}"
    if request.param == ".png":
        path.write_bytes(encode_png(image[0]))
    elif request.param == ".npz":
        np.savez_compressed(path, image=image)
    elif request.param == ".nrrd":
        nrrd.write(str(path), np.asfortranarray(image.transpose(2, 1, 0)))
    else:
        save_nifti(path, image)
    assert read_image(path).hu.shape == (40, 40)
    return path


@pytest.mark.parametrize("share", [0, 0.01, 0.1, 0.5, 0.9])
def test_a_truncated_file_is_named_in_one_line(whole, share):
    data = whole.read_bytes()
    whole.write_bytes(data[: int(len(data) * share)])
    for read in (read_image, read_mask, read_mask_volume):
        with pytest.raises(DataError) as error:
            read(whole)
        assert str(whole) in str(error.value)
        assert "\n" not in str(error.value)


def test_a_file_of_another_kind_is_named_in_one_line(whole):
    whole.write_bytes(np.random.default_rng(2).bytes(5000))
    for read in (read_image, read_mask, read_mask_volume):
        with pytest.raises(DataError, match=r"good\.[^\n]*$") as error:
            read(whole)
        assert "\n" not in str(error.value)


def test_a_missing_file_and_an_unknown_suffix_are_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"no file .*a\.nii"):
        read_image(tmp_path / "a.nii")
    (tmp_path / "a.mha").write_bytes(b"x")
    with pytest.raises(DataError, match=r"a\.mha is of no known format: expected \.nii"):
        read_image(tmp_path / "a.mha")


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a file ran code",))


def test_nothing_in_a_file_is_ever_run(tmp_path):
    np.savez(tmp_path / "a.npz", image=np.array([Bomb()], dtype=object))
    with pytest.raises(DataError, match="holds Python objects, which are never loaded"):
        read_image(tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("image.npy", pickle.dumps(Bomb()))
    with pytest.raises(DataError, match=r"b\.npz is damaged"):
        read_image(tmp_path / "b.npz")


def lying_npz(path, shape):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<i2", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("image.npy", header.getvalue() + bytes(1000))


@pytest.mark.parametrize("side", [20_000, 10**6])
def test_an_npz_that_claims_more_than_it_holds_costs_no_memory(tmp_path, side):
    lying_npz(tmp_path / "a.npz", (side, side))
    with pytest.raises(DataError, match=f"claims {side} × {side} values, more than"):
        read_image(tmp_path / "a.npz")


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd"])
@pytest.mark.parametrize("side", [2000, 30_000])
def test_a_header_that_claims_more_than_its_file_holds_costs_no_memory(tmp_path, volume, suffix, side):
    path = tmp_path / f"a{suffix}"
    if suffix == ".nrrd":
        nrrd.write(str(path), np.asfortranarray(volume.transpose(2, 1, 0)), {"encoding": "raw"})
        path.write_bytes(path.read_bytes().replace(b"sizes: 7 6 5", f"sizes: {side} {side} 5".encode()))
    else:
        image = nib.Nifti1Image(volume.transpose(2, 1, 0), np.eye(4))
        buffer = io.BytesIO(image.to_bytes())
        data = bytearray(buffer.getvalue())
        data[42:48] = np.array([side, side, 5], "<i2").tobytes()
        with nib.openers.Opener(str(path), "wb") as file:
            file.write(bytes(data))
    with pytest.raises(DataError, match=f"claims {side} × {side} × 5 values, more than"):
        read_image(path, slice_index=0)


def test_an_nrrd_does_not_lead_to_other_files(tmp_path):
    (tmp_path / "secret").write_bytes(bytes(64))
    (tmp_path / "a.nrrd").write_text(
        "NRRD0004\ntype: uchar\ndimension: 2\nsizes: 8 8\nencoding: raw\ndata file: secret\n\n"
    )
    with pytest.raises(DataError, match="its pixels are in another file, which is not followed"):
        read_image(tmp_path / "a.nrrd")


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros(5), "expected two or three axes"),
        (np.zeros((2, 2, 2, 2)), "expected two or three axes"),
        (np.zeros((0, 4)), "expected two or three axes"),
        (np.zeros((4, 4), complex), "expected real numbers, got complex128"),
        (np.array([["a"]]), "expected real numbers"),
    ],
)
def test_arrays_that_are_no_image_are_refused(tmp_path, array, reason):
    np.savez(tmp_path / "a.npz", image=array)
    with pytest.raises(DataError, match=reason):
        read_image(tmp_path / "a.npz")


def test_a_colour_nifti_is_refused(tmp_path):
    pixels = np.zeros((4, 4, 1), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    nib.save(nib.Nifti1Image(pixels, np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(DataError, match="expected real numbers"):
        read_image(tmp_path / "a.nii")


def test_a_nifti_whose_orientation_is_no_number_is_refused(tmp_path, volume):
    affine = np.eye(4)
    affine[0, 0] = np.nan
    image = nib.Nifti1Image(volume, np.eye(4))
    image.header.set_sform(affine, code=1)
    image.header.set_qform(None, code=0)
    with (tmp_path / "a.nii").open("wb") as file:
        file.write(image.header.binaryblock + bytes(4) + volume.tobytes())
    with pytest.raises(DataError, match=r"a\.nii"):
        read_image(tmp_path / "a.nii", slice_index=0)


def test_a_real_image_and_its_label_lie_on_each_other(shared_data, tmp_path):
    folder = shared_data / "lung1"
    label = read_mask_volume(folder / "lung1_label.nrrd")
    at = int(label.mask.sum(axis=(1, 2)).argmax())
    image = read_image(folder / "lung1_image.nrrd", slice_index=at)
    assert image.hu.shape == label.mask.shape[1:] == (512, 512)
    assert image.spacing_mm == label.spacing_mm == (0.5703125, 0.5703125)
    inside = image.hu[label.mask[at]]
    assert -50 < np.median(inside) < 100  # a solid tumour; lung about it is near -800
    body = np.flatnonzero((image.hu > -300).mean(axis=1) > 0.3)
    assert np.nonzero(image.hu > 300)[0].mean() > body.mean() + 10  # the spine is at the back, that is at large y
    raw, header = nrrd.read(str(folder / "lung1_image.nrrd"))
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = header["space directions"].T, header["space origin"]
    turned = nib.as_closest_canonical(nib.Nifti1Image(raw[:, :, at - 1 : at + 2], LPS_TO_RAS @ affine))
    nib.save(turned, tmp_path / "ras.nii")
    np.testing.assert_array_equal(read_image(tmp_path / "ras.nii", slice_index=1).hu, image.hu)
