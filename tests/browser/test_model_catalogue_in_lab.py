"""The catalogue of systems in a real JupyterLab: searched, filtered, sorted and opened, by mouse and by keyboard."""

from __future__ import annotations

import re

import pytest

CELL = "from utils.widgets import ModelCatalogue\n\nModelCatalogue()"
TITLE = "Models in the world"


@pytest.fixture
def widget(notebook):
    """The widget, with nothing searched or filtered and the oldest first."""
    widget = notebook.widget(TITLE)
    widget.get_by_label("Search").fill("")
    widget.get_by_label("Family").select_option("all")
    widget.get_by_label("Maker").select_option("all")
    widget.get_by_role("button", name=re.compile("^System")).click()
    widget.get_by_role("button", name=re.compile("^Date")).click()
    return widget


def names(widget) -> list[str]:
    return widget.locator("tbody th").all_inner_texts()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(notebook, widget, theme):
    notebook.theme(dark=theme == "dark")
    assert notebook.axe(widget) == []
    notebook.screenshot(f"model_catalogue_{theme}", widget)


def test_all_are_there_the_oldest_first(widget):
    everything = names(widget)
    assert len(everything) == 27
    assert everything[0] == "BERT"
    assert widget.locator(".course-text").inner_text().startswith("27 of 27 systems")


def test_a_search_finds_names_makers_and_mechanisms_as_one_types(widget):
    for typed, found in (
        ("anthropic", {"Claude 3.5 Sonnet", "Claude 3.5 Haiku"}),
        ("partial lora", {"InternLM-XComposer2"}),
    ):
        widget.get_by_label("Search").fill(typed)
        assert set(names(widget)) == found
    widget.get_by_label("Search").fill("no such thing")
    assert names(widget) == []
    assert widget.locator(".course-text").inner_text().startswith("0 of 27")


def test_filters_keep_one_family_of_one_maker(widget):
    widget.get_by_label("Family").select_option("generator")
    assert set(names(widget)) == {"DALL-E", "Sora", "Stable Diffusion"}
    widget.get_by_label("Maker").select_option("OpenAI")
    assert set(names(widget)) == {"DALL-E", "Sora"}
    widget.get_by_label("Family").select_option("not given")
    assert names(widget) == ["GPT-4V"]
    assert not widget.locator(".course-system").is_visible()  # what is open is not among them
    widget.get_by_role("button", name="GPT-4V", exact=True).click()
    assert widget.locator(".course-system").is_visible()
    assert widget.locator(".course-system").get_by_text("not given").count() == 3


def test_a_head_sorts_up_then_down_and_what_is_missing_stays_last(widget):
    head = widget.get_by_role("button", name=re.compile("^Parameters"))
    head.click()
    up = names(widget)
    assert up[0] == "BERT"
    assert widget.locator("th[aria-sort=ascending]").inner_text().startswith("Parameters")
    head.click()
    down = names(widget)
    assert down[0] == "DeepSeek-V3"
    assert widget.locator("th[aria-sort=descending]").count() == 1
    assert "GPT-4o" in up[14:]
    assert "GPT-4o" in down[14:]


def test_a_system_opens_by_keyboard_and_keeps_the_focus(notebook, widget):
    button = widget.get_by_role("button", name="Sora", exact=True)
    button.focus()
    notebook.page.keyboard.press("Enter")
    card = widget.locator(".course-system")
    assert "spacetime" not in card.inner_text()
    assert "patches of space and time" in card.inner_text()
    assert "not yet in this course" in card.inner_text()
    assert button.get_attribute("aria-pressed") == "true"
    assert notebook.page.evaluate("document.activeElement.textContent") == "Sora"
    link = card.get_by_role("link")
    assert link.get_attribute("href") == "https://openai.com/index/video-generation-models-as-world-simulators/"
    assert link.get_attribute("rel") == "noopener noreferrer"
    assert notebook.axe(widget) == []


def test_it_lives_on_without_python(notebook, widget):
    notebook.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    widget.get_by_label("Search").fill("deepseek")
    assert names(widget) == ["DeepSeek-V3"]
    assert notebook.errors == []
