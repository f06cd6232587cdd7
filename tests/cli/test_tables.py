import pandas as pd
import pytest

from scgde.cli._tables import rows_of_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.012345, "0.0123"),
        (999.4, "999"),
        (1_000.0, "1,000"),
        (-52_310.7, "-52,311"),
        (2.5e7, "2.5e+07"),
        (float("nan"), ""),
        (12_345, "12345"),
        ("CV01", "CV01"),
    ],
)
def test_numbers_have_few_digits_and_thousands_are_not_rounded(value, text):
    assert rows_of_text(pd.DataFrame({"column": [value]}, dtype=object)) == [[text]]
