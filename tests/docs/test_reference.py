"""The generated pages say what the code says now."""

import pytest

from tools.reference import FOLDER, pages

_PAGES = pages()


@pytest.mark.parametrize("name", _PAGES)
def test_the_page_is_up_to_date(name: str) -> None:
    assert (FOLDER / name).read_text() == _PAGES[name], "write it again: python -m tools.reference"
