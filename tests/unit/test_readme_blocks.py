"""Generated parts of documents are up to date."""

from passline.readme_blocks import README, traffic_block, with_block
from passline.registry import KERNELS, load_isas, load_study


def test_the_traffic_table_is_the_studys():
    text = README.read_text(encoding="utf-8")
    block = traffic_block(load_study(KERNELS / "softmax", load_isas()))
    assert with_block(text, block) == text, "run python -m passline.readme_blocks"
    assert "| **Two-Pass** | 2 N | 1 N | 12 | 16 |" in text
