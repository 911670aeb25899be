"""Rules: pure functions and values. No I/O, no clock, no Flask; the same input gives the same answer."""
