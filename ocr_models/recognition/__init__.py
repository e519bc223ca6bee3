"""Text recognition: what CRNN and PARSeq share. Data sets of words, their characters, decoding and evaluation."""
