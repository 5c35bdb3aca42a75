"""The database: connections and transactions (`database`), tables (`tables`), the two queues (`queue`), schema steps.

Everything that differs between SQLite and PostgreSQL is in `database`: how a transaction begins, how a claim skips what
others hold, and how two sorters keep out of one conversation.
"""
