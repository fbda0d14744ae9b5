"""No cell of a CSV file is run by the spreadsheet that opens it."""

from pathlib import Path

import polars as pl
import pytest

from stages.page.spreadsheets import write_csv


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_text_that_would_be_run_is_escaped(start: str, tmp_path: Path) -> None:
    texts = [f"{start}HYPERLINK(1)", f"a{start}b", f"'{start}", None]
    frame = pl.DataFrame({"area": texts, "method": texts[::-1], "value": [-1.5, 1e-9, 2.0, None]})
    write_csv(frame, tmp_path / "a.csv")
    escaped = [f"'{start}HYPERLINK(1)", *texts[1:]]
    expected = frame.with_columns(area=pl.Series(escaped), method=pl.Series(escaped[::-1]))
    assert pl.read_csv(tmp_path / "a.csv").rows() == expected.rows()
