"""Hand-written costs and gradients, right and wrong, and the digits they are trained on.

The models of the two public questions gradaudit started from. They are fixtures: of the test
suite, of the examples and of the README's first command. They depend on numpy alone.

- `autoencoder`, `three_matrix`: the two models, right;
- `question1`, `question2`: the programs of the questions, wrong as they were asked and answered;
- `slips`: a table of the usual slips, from `autoencoder_slips` and `three_matrix_slips`;
- `factories`: right models of any size, for the search through shapes;
- `digits`: 1,797 handwritten digits.
"""
