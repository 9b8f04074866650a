"""Tables of points that readers bring."""

from __future__ import annotations

import numpy as np
import pytest

from core.uploads import ROWS, PointsForm
from tests.uploads.files import table
from ui.uploads import BYTES, Refused, read_points

PLAIN = read_points(table().encode())[0]


@pytest.mark.parametrize("data", [
    table().encode("utf-8-sig"), table(head="").encode(), table(between=";").encode(), table(between=";", decimal=",").encode(),
    table(between="\t").encode(), table().encode("utf-16"), table().replace("\n", "\r\n").encode(),
    ("\n" + table() + "\n\n").encode(),
], ids=["BOM", "no head", "semicolons", "decimal commas", "tabs", "utf-16", "carriage returns", "blank lines"])
def test_the_same_points_however_they_are_written(data):
    points, notes = read_points(data)
    np.testing.assert_array_equal(points.x_2N, PLAIN.x_2N)
    np.testing.assert_array_equal(points.y_N, PLAIN.y_N)
    assert points.names == ("a", "b") and len(notes) == 1 and "class A is “a”, class B “b”" in notes[0]


def test_each_axis_has_mean_0_and_deviation_1():
    np.testing.assert_allclose(PLAIN.x_2N.mean(1), 0, atol=1e-6)
    np.testing.assert_allclose(PLAIN.x_2N.std(1), 1, rtol=1e-6)


def test_rows_with_missing_values_are_left_out_and_counted():
    points, notes = read_points((table() + "1.5,,a\n,2,b\nnan,1,a\n1,2,\n").encode())
    np.testing.assert_array_equal(points.x_2N, PLAIN.x_2N)
    assert notes[:1] == ["4 rows without two numbers and a class are left out."]


def test_a_first_row_of_data_is_no_row_of_names():
    points, notes = read_points(("nan,1.0,a\n" + table(head="")).encode())
    np.testing.assert_array_equal(points.x_2N, PLAIN.x_2N)
    assert notes[:1] == ["1 row without two numbers and a class is left out."]


def test_classes_that_are_told_apart_by_marks_alone_keep_two_names():
    assert read_points(table(classes=("<a>", "[a]")).encode())[0].names == ("a 1", "a 2")


def test_names_in_any_alphabet():
    points, _ = read_points(table(classes=("gesund", "krank, ü")).replace("krank, ü", '"krank, ü"').encode())
    assert points.names == ("gesund", "krank, ü")
    points, _ = read_points(table(classes=("<b>x</b>", "&lt;")).encode())
    assert points.names == ("lt", "bxb")


def test_packed_and_unpacked():
    again = PointsForm().unpack(PointsForm().pack(PLAIN))
    np.testing.assert_array_equal(again.x_2N, PLAIN.x_2N)
    np.testing.assert_array_equal(again.y_N, PLAIN.y_N)
    assert again.names == PLAIN.names


@pytest.mark.parametrize(("data", "says"), [
    (b"", "empty"), (bytes(BYTES + 1), "10 MB"), (table(classes=("a",)).encode(), "one class"),
    (table(classes=("a", "b", "c")).encode(), "3 classes"), (table(rows=5).encode(), "20 is the least"),
    (table(rows=ROWS + 5).encode(), "2,000"), (b"\x89PNG\r\n\x1a\n" + bytes(300), "text"), (b"\0" * 500, "text"),
    (b"1,2\n" * 30, "2 columns"), (b"1,2,a,4\n" * 30, "4 columns"), (b"1,2,a\n" * 25 + b"1,3,b\n" * 25, "same number"),
    (b"x,y,a\n" * 30, "0 rows"), (table(rows=40).encode() + b"1e308,1,a\n-1e308,1,b\n", "beyond"),
    (("1,2,a\n" * 30 + "3,4,b\n").encode(), "One of the classes"), (b'"' + b"1,2,a\n" * 30000, ""),
])
def test_what_cannot_be_taken_is_refused_in_one_sentence(data, says):
    with pytest.raises(Refused) as refused:
        read_points(data)
    sentence = str(refused.value)
    assert says in sentence
    assert sentence[0].isupper() and sentence.endswith(".") and len(sentence) < 160


def test_cut_short_anywhere():
    whole = table().encode()
    for end in range(0, len(whole), 10):
        try:
            points, _ = read_points(whole[:end])
            assert np.isfinite(points.x_2N).all()
        except Refused:
            continue
