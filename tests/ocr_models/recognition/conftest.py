"""What the tests of word sets share."""

from __future__ import annotations

import pytest

from ocr_models.recognition import ExcludedLabelError, LabelRule


@pytest.fixture
def rule_of_lower_case() -> LabelRule:
    """Excludes capitals and empty transcriptions, and changes the others."""

    def rule(transcription: str) -> str:
        if not transcription:
            raise ExcludedLabelError("empty")
        if transcription != transcription.lower():
            raise ExcludedLabelError("with capitals")
        return f"{transcription}!"

    return rule
