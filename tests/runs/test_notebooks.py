"""Notebooks are executed by the Python of the library."""

import json
import sys

import nbformat
import pytest

from cgmhelpers.runs import notebooks


@pytest.mark.slow
def test_another_kernel_of_the_users_does_not_execute_the_notebooks(tmp_path, monkeypatch):
    """`ipykernel install --user` in another environment leaves one, under the same name."""
    kernel = tmp_path / "user" / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    told = {"argv": ["false"], "display_name": "Python 3", "language": "python"}
    kernel.write_text(json.dumps(told))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "user"))
    cells = [nbformat.v4.new_code_cell("import sys; print(sys.executable)")]
    (tmp_path / "notebooks").mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks" / "01_one.ipynb")
    monkeypatch.setattr(notebooks, "project_root", lambda: tmp_path)
    made = tmp_path / "run" / "executed" / "01_one.ipynb"
    notebooks.Executed("01_one", made, {}, {}).run()
    assert nbformat.read(made, 4).cells[-1].outputs[0].text.strip() == sys.executable
