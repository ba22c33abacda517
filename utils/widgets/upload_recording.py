"""Bring your own voice."""

from __future__ import annotations

from utils.widgets.base import write
from utils.widgets.upload_picture import UploadPicture


class UploadRecording(UploadPicture):
    """A recording of the learner's, from the microphone or from a file, as a picture of its sound.

    `on_picture(data)` gets the bytes of a WAV file, which is what a recording becomes in the browser, and whatever a
    chosen file holds; it returns the picture and a line of text, and its ValueError is shown, as in `UploadPicture`.
    """

    title = "Your own voice"
    caption = "Record a word, or choose a WAV file: it goes to the Python of this notebook and nowhere else."
    accept, label, record = ".wav,audio/wav", "Recording (WAV file)", 1.5

    def draw_still(self, figure) -> str:
        """Draw the widget as it stands now."""
        if self.picture is None:
            write(figure.subplots(), "Record a word of yours here.")
            return "a place to record a word, still empty"
        return super().draw_still(figure)
