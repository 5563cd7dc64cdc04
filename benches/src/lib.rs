//! Ratios against raw limits, in one run.
