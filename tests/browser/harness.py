"""A real JupyterLab, a real Chromium, and what the browser tests do with them.

    page = lab.open("lesson.ipynb")      # a notebook below lab.root
    page.run_all()                       # returns when every cell is done
    page.type_in_cell("answer-2-3-1", "def f(x):\\n    return x")
    page.run_cell("answer-2-3-1")
    page.cell_output_text("check-2-3-1")
    assert page.axe(page.widget("Scene maker")) == []
    page.screenshot("scene_maker")       # tests/browser/screenshots/scene_maker.png

Nothing here reaches beyond this machine: Chromium resolves no name but the loopback address.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat

HERE = Path(__file__).parent
SCREENSHOTS = HERE / "screenshots"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL = "the browser tests need {what}: {how}"

# every cell in the DOM, no news, no question about saving
SETTINGS = {
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}


def find_chromium() -> str | None:
    """Return the path of an installed Chromium or Chrome, None when there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def why_not() -> str | None:
    """Return why the browser tests cannot run here and how to change that, None when they can."""
    try:
        import playwright  # noqa: F401
    except ImportError:
        return INSTALL.format(what="Playwright", how='pip install -e ".[test]" -c constraints.txt')
    if find_chromium() is None:
        return INSTALL.format(
            what="Chromium", how="apt-get install chromium (Debian), or install Chrome and put it on the PATH"
        )
    return None


class Server:
    """JupyterLab on a free port, serving the folder `root`, with settings of its own below `home`."""

    def __init__(self, root: Path, home: Path):
        self.root, self.token = root, secrets.token_hex(16)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        for plugin, values in SETTINGS.items():
            path = home / "settings" / f"{plugin}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values), encoding="utf-8")
        environment = os.environ | {
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
            "IPYTHONDIR": str(home / "ipython"),
        }
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"]
        command += [f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1"]
        command += [f"--IdentityProvider.token={self.token}", f"--ServerApp.root_dir={root}", "--LabApp.news_url=None"]
        command += ["--ServerApp.terminals_enabled=False"]
        # without it each answer of a live widget takes some 35 ms longer
        command += ["--ServerApp.jpserver_extensions={'utils.widgets.server': True}"]
        self.log = home / "lab.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=subprocess.STDOUT)

    def wait(self, seconds: float = 60) -> None:
        """Return when the server answers; RuntimeError with its log when it does not."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.process.poll() is None:
            try:
                with urllib.request.urlopen(self.url("api/status"), timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError(
            f"JupyterLab did not start:\n{self.log.read_text(encoding='utf-8', errors='replace')[-4000:]}"
        )

    def url(self, path: str) -> str:
        """Return the address of `path` with the token."""
        return f"http://127.0.0.1:{self.port}/{path}?token={self.token}"

    def stop(self) -> None:
        """Stop the server and the kernels that it started."""
        self.process.terminate()
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Lab:
    """A server and a browser of the Playwright `driver`; `root` is the folder that is served."""

    def __init__(self, driver, root: Path, home: Path):
        self.root = root
        self.server = Server(root, home)
        self._browser = driver.chromium.launch(
            executable_path=find_chromium(),
            args=[
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
            ]
            + (["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
        )
        self._context = self._browser.new_context(viewport={"width": 1180, "height": 900})
        self.server.wait()

    def write(self, name: str, *cells: str) -> Path:
        """Write a notebook of these code cells, with ids `cell-0`, `cell-1`, ..., and return its path."""
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(cells)],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)
        return path

    def open(self, path: str | Path) -> NotebookPage:
        """Open the notebook `path` (below `root`) in a tab of its own, and wait for its kernel."""
        relative = Path(path).relative_to(self.root) if Path(path).is_absolute() else Path(path)
        if not (self.root / relative).is_file():
            raise FileNotFoundError(f"there is no {relative} in {self.root}")
        return NotebookPage(self._context.new_page(), self.server, relative.as_posix())

    def close(self) -> None:
        """Stop the browser and the server."""
        self._browser.close()
        self.server.stop()


class NotebookPage:
    """One notebook in one tab; `page` is Playwright's own page."""

    def __init__(self, page, server: Server, path: str):
        self.page, self.path = page, path
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(server.url(f"lab/workspaces/{secrets.token_hex(6)}/tree/{path}"))
        page.wait_for_function("window.jupyterapp?.shell?.currentWidget?.context?.isReady", timeout=60_000)
        self.wait_idle()

    # ---- cells
    def run_all(self, timeout: float = 120) -> None:
        """Run every cell and return when all are done."""
        self.command("notebook:run-all-cells", wait=False)
        self.wait_idle(timeout)

    def run_cell(self, cell: str | int, timeout: float = 120) -> None:
        """Run one cell and return when it is done."""
        self._activate(cell)
        self.command("notebook:run-cell", wait=False)
        self.wait_idle(timeout)

    def wait_idle(self, timeout: float = 120) -> None:
        """Return when the kernel is idle and no cell waits for it."""
        idle = """() => {
            const panel = window.jupyterapp.shell.currentWidget;
            const kernel = panel?.sessionContext?.session?.kernel;
            const prompts = [...panel.node.querySelectorAll('.jp-InputPrompt')];
            const waits = prompts.some((node) => node.innerText.includes('*'));
            return kernel?.status === 'idle' && kernel?.connectionStatus === 'connected' && !waits;
        }"""
        # a command that was just given needs a moment before its star appears
        self.page.wait_for_timeout(100)
        self.page.wait_for_function(idle, timeout=timeout * 1000, polling=50)

    def command(self, name: str, arguments: dict | None = None, *, wait: bool = True) -> None:
        """Execute one of JupyterLab's commands; without `wait`, return before it has finished."""
        self.page.evaluate(
            """([name, arguments, wait]) => {
                const done = window.jupyterapp.commands.execute(name, arguments ?? {});
                return wait ? done.then(() => null) : null;
            }""",
            [name, arguments, wait],
        )

    def cell(self, cell: str | int):
        """Return the locator of a cell, by id or by index."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell").nth(self._index(cell))

    def type_in_cell(self, cell: str | int, text: str) -> None:
        """Replace what the cell holds by `text`, through its editor, and leave the editor."""
        self._activate(cell)
        editor = self.cell(cell).locator(".cm-content")
        editor.click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.press("Delete")
        # insertText, since typing letter by letter would add the editor's own indentation and brackets
        self.page.keyboard.insert_text(text)
        self.page.keyboard.press("Escape")

    def cell_output_text(self, cell: str | int) -> str:
        """Return the text that the cell's output shows."""
        return "\n".join(self.cell(cell).locator(".jp-OutputArea-output").all_inner_texts())

    def save(self) -> None:
        """Save the notebook to its file."""
        self.command("docmanager:save")

    def close(self) -> None:
        """Shut the kernel down and close the tab."""
        with contextlib.suppress(Exception):
            self.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        self.page.close()

    def _index(self, cell: str | int) -> int:
        if isinstance(cell, int):
            return cell
        ids = self.page.evaluate(
            "[...window.jupyterapp.shell.currentWidget.content.widgets].map((cell) => cell.model.id)"
        )
        if cell not in ids:
            raise KeyError(f"{self.path} has no cell {cell!r}; it has {', '.join(ids)}")
        return ids.index(cell)

    def _activate(self, cell: str | int) -> None:
        self.page.evaluate(
            """(index) => {
                const notebook = window.jupyterapp.shell.currentWidget.content;
                notebook.deselectAll();
                notebook.activeCellIndex = index;
                notebook.mode = 'command';
            }""",
            self._index(cell),
        )

    # ---- widgets
    def widget(self, title: str):
        """Return the locator of the widget with this title, once it is drawn."""
        found = self.page.locator(f'.course-widget[aria-label="{title}"]').first
        found.wait_for(timeout=30_000)
        found.scroll_into_view_if_needed()
        return found

    def pixels(self, canvas) -> str:
        """Return the pixels of a canvas as a data address: two pictures are equal when these are."""
        return canvas.evaluate("(node) => node.toDataURL()")

    def drawn(self, widget) -> int:
        """Return how often the widget was drawn so far."""
        return int(widget.get_attribute("data-drawn") or 0)

    def redraw_times(self, control, times: int = 20) -> list[float]:
        """Move a range input through `times` places; return the milliseconds from each move to the drawing of it."""
        return control.evaluate(
            """async (input, times) => {
                const root = input.closest('.course-widget');
                const low = Number(input.min), high = Number(input.max), step = Number(input.step);
                const taken = [];
                for (let i = 0; i < times; i += 1) {
                    const steps = Math.round((high - low) / step);
                    const value = low + step * Math.round(steps * (0.1 + 0.8 * ((i * 7) % times) / times));
                    if (Number(input.value) === value) continue;
                    input.value = value;
                    const start = performance.now();
                    const drawn = new Promise((done) => {
                        const observer = new MutationObserver(() => { observer.disconnect(); done(); });
                        observer.observe(root, { attributes: true, attributeFilter: ['data-drawn'] });
                    });
                    input.dispatchEvent(new Event('input', { bubbles: true }));
                    await drawn;
                    void root.offsetHeight; // count the layout
                    taken.push(performance.now() - start);
                    await new Promise((done) => setTimeout(done, 30));
                }
                return taken;
            }""",
            times,
        )

    # ---- looking at it
    def axe(self, locator) -> list[str]:
        """Run axe-core on an element; return one line for each violation, with what it was found on."""
        if not self.page.evaluate("Boolean(window.axe)"):
            source = gzip.decompress((HERE / "vendor" / "axe.min.js.gz").read_bytes()).decode()
            # JupyterLab's module loader would take axe for a module of its own
            self.page.evaluate("(source) => { (new Function('module', 'exports', 'define', source))(); }", source)
        violations = locator.evaluate("async (node) => (await window.axe.run(node)).violations")
        return [
            f"{one['id']} ({one['impact']}): {one['help']}: {node['html'][:160]} {node['failureSummary'][:300]}"
            for one in violations
            for node in one["nodes"]
        ]

    def screenshot(self, name: str, locator=None) -> Path:
        """Store a picture of the page, or of one element, as screenshots/NAME.png."""
        SCREENSHOTS.mkdir(exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        (locator or self.page).screenshot(path=path)
        return path

    def theme(self, dark: bool) -> None:
        """Change the notebook to JupyterLab's dark or light theme."""
        if self.page.evaluate("document.body.dataset.jpThemeLight") == str(not dark).lower():
            return
        self.command("apputils:change-theme", {"theme": "JupyterLab Dark" if dark else "JupyterLab Light"})
        self.page.wait_for_function(
            "(light) => document.body.dataset.jpThemeLight === light", arg=str(not dark).lower(), timeout=15_000
        )


def wait_for(locator, text: str) -> None:
    """Return when the element says `text`, a regular expression."""
    from playwright.sync_api import expect

    expect(locator).to_have_text(re.compile(text), timeout=10_000)


def says(widget, text: str) -> None:
    """Return when the line below a widget says `text`, a regular expression."""
    wait_for(widget.locator(".course-text"), text)


def slide(control, value) -> None:
    """Put a range input at `value`, as a drag that ends there does."""
    control.evaluate(
        "(node, value) => { node.value = value; node.dispatchEvent(new Event('input', {bubbles: true})); }", value
    )


def changes(notebook, canvas, act) -> bool:
    """Do `act` and wait for the widget to be drawn again; return whether the pixels of `canvas` are others then."""
    before, widget = notebook.pixels(canvas), canvas.evaluate_handle("(node) => node.closest('.course-widget')")
    drawn = widget.evaluate("(node) => Number(node.dataset.drawn ?? 0)")
    act()
    notebook.page.wait_for_function("([node, drawn]) => Number(node.dataset.drawn) > drawn", arg=[widget, drawn])
    return notebook.pixels(canvas) != before


def median(times: list[float]) -> str:
    """Return times in milliseconds as "median 12.3 ms of 20"."""
    return f"median {statistics.median(times):.1f} ms of {len(times)}"
