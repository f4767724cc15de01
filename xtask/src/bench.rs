//! Benchmarks: whole runs on real machines, compared within one run.
