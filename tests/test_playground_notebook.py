"""The playground as a widget in a real notebook, with a kernel that hears of it."""

import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import urlopen

import nbformat
import pytest

import browser

CELLS = [
    "from descent.playground import Playground\n"
    "widget = Playground(\n"
    "    config={'methods': ['gd', 'adam'], 'start': [-5, -2]},\n"
    "    options={'compact': True},\n"
    ")\n"
    "widget",
    "import json\nprint('config', json.dumps(widget.config))",
    "widget.config = {'surface': 'booth', 'methods': ['newton']}",
]
QUIET = {  # JupyterLab would ask other hosts for news and updates
    "@jupyterlab/apputils-extension:notification": {
        "checkForUpdates": False,
        "fetchNews": "false",
    }
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Start JupyterLab on a folder with one notebook; yield the notebook's address."""
    pytest.importorskip("jupyterlab")
    browser.require()
    folder = tmp_path_factory.mktemp("lab")
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in CELLS]
    )
    notebook.metadata.kernelspec = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    (folder / "work").mkdir()
    nbformat.write(notebook, folder / "work" / "play.ipynb")
    (folder / "settings").mkdir()
    (folder / "settings" / "overrides.json").write_text(json.dumps(QUIET))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(8)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
    command += [f"--IdentityProvider.token={token}", "--ServerApp.port_retries=0"]
    command += [f"--ServerApp.root_dir={folder / 'work'}"]
    command += [f"--LabApp.app_settings_dir={folder / 'settings'}"]
    own = {name: str(folder / name) for name in ("JUPYTER_CONFIG_DIR", "IPYTHONDIR")}
    own |= {name: str(folder / name) for name in ("JUPYTER_DATA_DIR",)}
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(
            command, stdout=log, stderr=log, env=os.environ | own, cwd=folder
        )
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(f"{address}/api?token={token}", server, folder / "log")
            yield f"{address}/doc/tree/play.ipynb?token={token}"
        finally:
            server.terminate()
            server.wait(timeout=30)


def wait_for(address, server, log, seconds=60):
    end = time.monotonic() + seconds
    while True:
        try:
            return urlopen(address, timeout=5).close()
        except (URLError, TimeoutError, ConnectionError):
            running = server.poll() is None and time.monotonic() < end
            assert running, f"JupyterLab did not start:\n{log.read_text()[-2000:]}"
            time.sleep(0.2)


@pytest.fixture
def notebook(lab):
    """Yield the open notebook's page; it must ask nothing of another host."""
    with browser.launched() as chromium:
        page = chromium.new_page(viewport={"width": 1200, "height": 1600})
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(lab)
        page.locator(".jp-Notebook .jp-Cell").nth(2).wait_for(timeout=60_000)
        page.locator("[data-status=idle]").first.wait_for(timeout=60_000)
        yield page
        foreign = [url for url in asked if not local(url)]
        assert asked and not foreign


def local(url):
    return re.match(r"(https?|ws)://127\.0\.0\.1:\d+/|blob:|data:", url)


def run(page, number):
    """Run a cell and wait for its end."""
    cell = page.locator(".jp-Notebook .jp-Cell").nth(number)
    cell.locator(".jp-InputArea-editor").click()
    page.keyboard.press("Control+Enter")
    prompt = cell.locator(".jp-InputPrompt")
    end = time.monotonic() + 90
    while not re.fullmatch(r"\[\d+\]:", prompt.inner_text().strip()):
        assert time.monotonic() < end, f"cell {number} did not end"
        page.wait_for_timeout(100)
    return cell


def kernels_config(page):
    """Return the widget's config as the kernel knows it."""
    text = run(page, 1).locator(".jp-OutputArea-output").inner_text()
    return json.loads(text.partition("config ")[2])


def until(page, condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true in time"
        page.wait_for_timeout(100)


def test_widget_and_kernel_keep_each_other_informed(notebook):
    page = notebook
    run(page, 0)
    stage = page.locator(".stage")
    stage.wait_for(timeout=60_000)
    assert page.locator("path.taken").count() == 2
    assert page.locator(".all").get_attribute("data-theme") == "light"
    assert kernels_config(page)["start"] == [-5, -2]

    # the start is dragged, and the kernel hears of it
    stage.scroll_into_view_if_needed()
    handle = page.get_by_role("slider", name="Start").bounding_box()
    x, y = handle["x"] + 22, handle["y"] + 22
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y - 20)
    page.mouse.move(x + 120, y - 40)
    page.mouse.up()
    text = page.get_by_role("slider", name="Start").get_attribute("aria-valuetext")
    until(page, lambda: kernels_config(page)["start"] != [-5, -2])
    config = kernels_config(page)
    assert config["start"][0] > -5 and config["start"][1] > -2
    assert [entry["method"] for entry in config["methods"]] == ["gd", "adam"]
    assert text

    # keys are for the playground, not for the notebook's commands
    page.locator(".all").get_by_role("slider", name="Step", exact=True).focus()
    for key in ("b", "a", "x", "ArrowLeft"):
        page.keyboard.press(key)
    assert page.locator(".jp-Notebook .jp-Cell").count() == 3
    until(page, lambda: kernels_config(page)["view"]["step"] == 99)

    # and what the kernel sets is shown
    run(page, 2)
    until(page, lambda: page.locator(".caption").inner_text().startswith("Booth"))
    assert page.locator("path.taken").count() == 1
