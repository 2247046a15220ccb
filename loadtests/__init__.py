"""
Tests of loads: they need minutes, a quiet machine, root, or many descriptors.

C{trial loadtests} runs them; C{trial echostamp tests} does not.
"""
