"""From T1, T2, T3 and T4 to answers: numbers in, numbers out."""
