"""Networks by name."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ulskit.errors import RegistryError, UsageError
from ulskit.model import create_model, list_models


def test_the_names_of_table_2_and_of_the_peer_are_there():
    assert {"ahrnet", "hrnet", "hrnet-de", "hrnet-de-da", "nnunet"} <= set(list_models())


def test_an_unknown_name_lists_near_ones():
    with pytest.raises(RegistryError, match=r"no network 'arhnet'; there is .*ahrnet"):
        create_model("arhnet")


def test_an_unknown_option_is_a_usage_error():
    with pytest.raises(UsageError, match=r"network 'ahrnet': .*'decodr'"):
        create_model("ahrnet", decodr=False)


def test_the_package_does_not_import_torch_until_asked():
    code = "import sys, ulskit.model; assert 'torch' not in sys.modules; assert 'create_model' in dir(ulskit.model)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_name_that_is_not_there_is_an_attribute_error():
    import ulskit.model

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ulskit.model.nothing
