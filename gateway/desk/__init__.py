"""Every read and write of tickets.

`facts` reads what a decision may know, `carry_out` turns a decision into rows, `letters` builds an outgoing mail from
its row,
`people` finds contacts, `show` reads for operators, `audit` proves that nothing was lost and nothing happened twice.
"""
