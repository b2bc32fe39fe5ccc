"""Tests of the whole program, in a real terminal where it draws one."""
