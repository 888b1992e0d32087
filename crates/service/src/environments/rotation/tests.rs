//! Rotations with a rotator of the tests' own, which keeps what it made like a cloud would.
