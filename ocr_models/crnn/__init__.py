"""CRNN: a text recogniser; convolutions, a bidirectional LSTM and CTC (Shi, Bai and Yao, TPAMI 2017)."""
