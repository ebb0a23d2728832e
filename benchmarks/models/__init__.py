"""Models as other people write them, right and wrong, for the benchmarks."""
