"""Two experiments from the outlook of the pruning paper, each against its plain counterpart.

`learning_rates`: coefficients of the loss change on squared parameter changes as learning rates of
single parameters. `reinitialisation`: parameters without influence drawn anew, to grow capacity.
"""
