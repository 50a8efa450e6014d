"""Generated parts of documents are up to date."""

import pytest
import yaml

from passline import config_readme
from passline.readme_blocks import README, traffic_block, with_block
from passline.registry import KERNELS, load_isas, load_study
from passline.schema import SCHEMAS


def test_the_traffic_table_is_the_studys():
    text = README.read_text(encoding="utf-8")
    block = traffic_block(load_study(KERNELS / "softmax", load_isas()))
    assert with_block(text, block) == text, "run python -m passline.readme_blocks"
    assert "| **Two-Pass** | 2 N | 1 N | 12 | 16 |" in text


def test_the_configs_readme_is_the_schemas():
    assert config_readme.README.read_text(encoding="utf-8") == config_readme.text(), (
        "run python -m passline.config_readme"
    )
    assert "| `blocks[].together` |" in config_readme.text()
    assert "| `effort` | number | `1` |" in config_readme.text()


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.yaml")), ids=lambda path: path.stem)
def test_no_description_lost_what_follows_a_comma(path):
    """In a flow mapping of YAML an unquoted comma begins another key, without a value."""

    def nothing(document):
        if isinstance(document, dict):
            return [key for key, value in document.items() if value is None or nothing(value)]
        return [each for each in document if nothing(each)] if isinstance(document, list) else []

    assert not nothing(yaml.safe_load(path.read_text(encoding="utf-8")))
