"""Classes found by the name of their file."""

import pytest

from models import MODELS
from util.errors import UsageError, UserError
from util.registry import Registry


def test_registry_finds_a_class_whatever_its_case_and_underscores():
    assert MODELS.find("cycle_gan").__name__ == "CycleGANModel"
    assert "cycle_gan" in MODELS.names() and "base" not in MODELS.names()
    with pytest.raises(UsageError, match="--model cyclegan: expected one of colorcut, cut, cycle_gan"):
        MODELS.find("cyclegan")


@pytest.mark.parametrize(("package", "source", "found"), [
    ("zoo_a", "class MyOwnModell:\n    pass\n", "it defines MyOwnModell"),
    ("zoo_b", "from models.cut_model import CUTModel\n", "it defines no class"),
])  # fmt: skip
def test_registry_names_the_file_and_both_classes_where_they_do_not_match(
    tmp_path, monkeypatch, package, source, found
):
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").touch()
    (tmp_path / package / "my_own_model.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=f"^{package}/my_own_model.py must define a class named MyOwnModel; {found}$"):
        Registry(package, "model", "--model").find("my_own")
