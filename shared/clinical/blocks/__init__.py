"""How each family of words of the DLT language is evaluated: one module a family."""
