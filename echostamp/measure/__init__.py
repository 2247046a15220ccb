"""Computes delay, loss and clock offset from T1, T2, T3 and T4; pure."""
