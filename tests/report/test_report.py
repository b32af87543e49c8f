"""The page is whole, stands alone, says what is missing, and does not believe any text it is given."""

import base64
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pandas as pd
import pytest

from ulskit.errors import RunError, StoreError
from ulskit.evaluation import compare_labels, evaluate_labels
from ulskit.labels import refine_label
from ulskit.report import write_report
from ulskit.report.pictures import spread_lesions, worst_lesions
from ulskit.runs import RunFolder
from ulskit.store import write_labels

SECTIONS = ["data", "labels", "rounds", "dice", "worst", "diameters", "training", "provenance"]
VOID = {"meta", "img", "br", "path", "circle", "rect", "use", "image", "link", "hr", "input"}


class Page(HTMLParser):
    """Reads a page strictly: every element is closed, in its order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.tags, self.headings, self.images = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        facts = dict(attrs)
        self.tags.append(tag)
        if "id" in facts:
            self.ids.append(facts["id"])
        if tag == "img":
            self.images.append(facts)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        if tag not in VOID:
            self.handle_starttag(tag, attrs)
            self.open.pop()
        else:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        assert self.open[-1:] == [tag], f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] in ("h1", "h2", "h3"):
            self.headings.append(data.strip())


def train(folder, name, epochs=4, **changes):
    """The folder that a run leaves."""
    run = RunFolder(folder / name)
    settings = {"seed": 3, "epochs": epochs, "network": {"name": "ahrnet", "options": {}}}
    made = {"by": "train", "time": "2026-01-01", "seed": 3, "labels": "round1", "store": "0123abcd"}
    run.write_record(
        {"name": name, "status": "finished", "made": made, "settings": settings, "versions": {}, **changes}
    )
    if epochs:
        epoch = np.arange(epochs)
        table = {"epoch": epoch, "segmentation_loss": 3.0 - epoch / 9, "val_dice": epoch / 10, "seconds": 60.0}
        pd.DataFrame(table).to_csv(run.metrics_path, index=False)
    return run


@pytest.fixture
def full(store, tmp_path):
    """A store with two rounds, a prediction with one empty mask, and two runs."""

    def second(lesion):
        ellipse = store.label("round1", lesion) == 1
        return refine_label(np.roll(ellipse, 3, axis=0), ellipse)

    write_labels(store, "round2", second, made={"by": "pseudolabel", "round": 2})
    write_labels(
        store,
        "predicted/round1",
        lambda lesion: store.label("truth", lesion) * np.uint8(lesion != 2),
        made={"by": "predict", "run": "round1"},
    )
    train(tmp_path / "runs", "round1")
    return store


@pytest.fixture(scope="module")
def pages():
    return {}


@pytest.fixture
def text(pages, request, tmp_path):
    """The page on the full store, written once for all tests that only read it."""
    if "full" not in pages:
        store = request.getfixturevalue("full")
        path = write_report(store, tmp_path / "runs", tmp_path / "out" / "report.html", lesions_shown=2)
        pages["full"] = path.read_text("utf-8")
    return pages["full"]


def test_the_page_is_complete_and_has_its_sections(text):
    page = Page(text)
    assert text.startswith("<!DOCTYPE html>")
    assert [name for name in page.ids if name in SECTIONS] == SECTIONS
    assert len(page.ids) == len(set(page.ids))
    assert set(re.findall(r'href="#([\w-]+)"', text)) <= set(page.ids)
    assert page.headings.count("Worst cases") == 1


def test_nothing_is_loaded_from_elsewhere(text):
    assert not re.search(r"https?:|//[a-z]+\.|@import|<script|<link|<iframe", text, re.IGNORECASE)
    for target in re.findall(r"(?:src|href)=\"([^\"]*)\"", text) + re.findall(r"url\(([^)]*)\)", text):
        assert target.startswith(("data:", "#"))


def test_every_picture_is_a_png_with_a_description(text):
    page = Page(text)
    assert page.images
    for image in page.images:
        assert image["alt"].startswith("CT around lesion ")
        data = base64.b64decode(image["src"].removeprefix("data:image/png;base64,"))
        assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is not None
    assert len(re.findall(r'<svg [^>]*role="img" aria-label="[^"]+"', text)) == 4  # histogram, two diameters, curves


def test_the_table_shows_the_rounds_on_the_test_split(full, text):
    for evaluation in compare_labels(full, splits=["test"]):
        dice = evaluation.summary.spreads["dice"]
        assert f"<td>{100 * dice.mean:.1f} ± {100 * dice.sd:.1f}</td>" in text
    order = [text.index(f'<th scope="row">{name}</th>') for name in ("round1", "round2", "predicted/round1")]
    assert order == sorted(order)
    assert "of the test split" in text


def test_tables_have_headings_of_columns_and_rows(text):
    for table in re.findall(r"<table.*?</table>", text, re.DOTALL):
        head, body = table.split("</thead>")
        assert "<caption>" in head
        assert head.count('<th scope="col">') >= 2
        assert body.count("<tr>") == body.count('<th scope="row">')


def test_what_made_it_is_said(full, text):
    assert full.digest in text
    assert "trained on another store" in text
    for fact in ("settings.network.name", "made.seed", "ulskit", "numpy"):
        assert fact in text


def test_rejected_rows_are_listed_with_their_reasons(deeplesion, store, tmp_path):
    page = write_report(store, tmp_path, tmp_path / "r.html", lesions_shown=1).read_text("utf-8")
    assert "every row of DL_info.csv was used" in page
    store.rejected.loc[0] = ["<b>1.png", 3, "its slice is missing"]
    page = write_report(store, tmp_path, tmp_path / "r.html", lesions_shown=1).read_text("utf-8")
    assert "its slice is missing" in page
    assert "&lt;b&gt;1.png" in page


def test_hostile_names_stay_text(full, tmp_path):
    evil = '"><script>alert(1)</script>&'
    train(tmp_path / "runs", evil.replace("/", "∕"), status=evil, settings={"network": {"name": evil}})
    full.lesions["file_name"] = evil
    full.lesions["lesion_type"] = evil
    page = write_report(full, tmp_path / "runs", tmp_path / "r.html", lesions_shown=1).read_text("utf-8")
    assert "<script" not in page.lower()
    assert "&lt;script&gt;" in page
    Page(page)


def test_without_labels_the_page_says_what_to_run(store, tmp_path):
    del store.root["labels"]
    page = write_report(store, tmp_path / "none", tmp_path / "r.html").read_text("utf-8")
    assert [name for name in Page(page).ids if name in SECTIONS] == SECTIONS
    for command in ("ulskit pseudolabel", "ulskit ingest-masks MASKS", "ulskit train"):
        assert f"<code>{command}</code>" in page


def test_without_truth_the_marks_are_the_measure(store, tmp_path):
    del store.root["labels/truth"]
    page = write_report(store, tmp_path / "none", tmp_path / "r.html", lesions_shown=1).read_text("utf-8")
    Page(page)
    assert "ulskit ingest-masks MASKS" in page
    assert "ulskit predict" in page
    assert "long axis furthest from the radiologist" in page
    assert "manual mask (" not in page


def test_a_run_without_epochs_and_a_request_for_no_lesion(full, tmp_path):
    train(tmp_path / "runs", "round2", epochs=0)
    page = write_report(full, tmp_path / "runs", tmp_path / "r.html", lesions_shown=0).read_text("utf-8")
    Page(page)
    assert "No epoch of this run has ended yet" in page
    assert "<img" not in page


def test_named_label_sets_alone_are_compared(full, tmp_path):
    page = write_report(full, tmp_path, tmp_path / "r.html", label_sets=["round2"], lesions_shown=1).read_text("utf-8")
    assert "predicted/round1" not in page
    with pytest.raises(StoreError, match="no labels 'round9'"):
        write_report(full, tmp_path, tmp_path / "r.html", label_sets=["round9"])


def test_a_failure_leaves_the_old_page(full, tmp_path):
    path = write_report(full, tmp_path / "runs", tmp_path / "page" / "r.html", lesions_shown=0)
    before = path.read_bytes()
    (tmp_path / "runs" / "round1" / "run.json").write_text("{")
    with pytest.raises(RunError, match="damaged"):
        write_report(full, tmp_path / "runs", path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_lesions_are_spread_over_sizes_and_the_worst_come_first(full):
    evaluations = compare_labels(full)
    sizes = full.lesions["long_axis_mm"].to_numpy()
    shown = spread_lesions(evaluations, 3)
    assert sizes[shown[0]] == sizes.min()
    assert sizes[shown[-1]] == sizes.max()
    assert list(sizes[shown]) == sorted(sizes[shown])
    assert sorted(spread_lesions(evaluations, 100)) == list(range(len(full)))
    assert worst_lesions(evaluations[-1], 2)[0] == 2  # the empty prediction
    dice = evaluate_labels(full, "round1").lesions["dice"]
    assert worst_lesions(evaluations[0], 3) == list(dice.sort_values(kind="stable").index[:3])
