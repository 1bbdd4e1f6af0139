"""Two roads to an answer, the compiled one and the interpreted one, and the tests that they always lead to the same."""
