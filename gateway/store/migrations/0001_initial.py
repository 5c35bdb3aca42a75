"""The first schema."""

from gateway.store.tables import TABLES


def up(migrator, db):
    db.create_tables(TABLES)
