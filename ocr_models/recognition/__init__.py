"""Text recognition: what CRNN and PARSeq share. Data sets of words, their characters, decoding and evaluation."""

from ocr_models.recognition.labels import ExcludedLabelError, LabelRule
from ocr_models.recognition.reading import read_word_set
from ocr_models.recognition.word_set import Word, WordSet

__all__ = ["ExcludedLabelError", "LabelRule", "Word", "WordSet", "read_word_set"]
