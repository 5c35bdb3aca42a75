"""Tables of options in TOML files that an admin owns; shared by `policy` (rules.toml) and `settings` (gateway.toml).

`tables` is the base of every table and describes it for the docs, `reading` turns text into checked tables, `problems`
says what is wrong in an admin's words, `positions` finds line and column (loaded only to print an error), `suggestions`
says "did you mean". What may fail: `ConfigurationError`, with every problem at once.
"""
