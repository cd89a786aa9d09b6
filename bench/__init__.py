"""Benchmarks: shares of what is possible, taken side by side in one run. No test is timed."""
