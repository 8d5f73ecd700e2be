"""Run the notebooks and save them with pictures: `python notebooks/render.py [NOTEBOOK …]`.

A Plotly figure is a script, which GitHub does not run. So each is drawn here once by a headless
Chromium (`CHROMIUM` names it) and saved as PNG in place of its data, which keeps the files small.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from plotly.io import from_json

FOLDER = Path(__file__).resolve().parent
PLOTLY = "application/vnd.plotly.v1+json"
WIDTH, HEIGHT = 960, 420


def execute(path: Path) -> Any:
    """The notebook with new outputs; raises CellExecutionError if a cell does."""
    os.environ["PLOTLY_RENDERER"] = "plotly_mimetype"
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook,
            timeout=180,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            record_timing=False,
        ).execute()
    return notebook


def png(figure: dict[str, Any]) -> str:
    """A Plotly figure as PNG, in base64."""
    height = int(figure["layout"].get("height") or HEIGHT)
    drawn = from_json(json.dumps(figure), skip_invalid=True)
    drawn.update_layout(width=WIDTH, height=height)
    with tempfile.TemporaryDirectory() as folder:
        page, image = Path(folder, "page.html"), Path(folder, "page.png")
        body = drawn.to_html(full_html=False, config={"displayModeBar": False})
        page.write_text(f'<meta charset="utf-8"><body style="margin:0">{body}', encoding="utf-8")
        subprocess.run(
            [
                os.environ.get("CHROMIUM", "chromium"), "--headless", "--no-sandbox",
                "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=4000",
                f"--window-size={WIDTH},{height}", f"--screenshot={image}", page.as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=90,
        )  # fmt: skip
        return base64.b64encode(image.read_bytes()).decode()


def main(names: list[str]) -> None:
    """Run and save these notebooks, or all."""
    for path in [Path(name) for name in names] or sorted(FOLDER.glob("*.ipynb")):
        notebook = execute(path)
        for cell in notebook.cells:
            for output in cell.get("outputs", []):
                data = output.get("data", {})
                if PLOTLY in data:
                    output["data"] = {"image/png": png(data[PLOTLY]), "text/plain": "Figure"}
        nbformat.write(notebook, path)
        print(f"{path.name}: {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
