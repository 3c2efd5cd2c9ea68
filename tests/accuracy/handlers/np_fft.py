"""Filters a signal in the frequency domain."""

import numpy as np


def handler(event, context):
    samples = event["samples"]
    time = np.arange(samples) / 1000.0
    signal = np.sin(2 * np.pi * 50 * time) + 0.5 * np.random.standard_normal(samples)
    spectrum = np.fft.rfft(signal)
    spectrum[samples // 8 :] = 0
    smooth = np.fft.irfft(spectrum, n=samples)
    return {"energy": float(np.dot(smooth, smooth))}
