-- By what a scan recognises the item of a list that a resource's newest version was made of, so that it need not be taken apart again.
ALTER TABLE resources ADD COLUMN print BYTEA;   -- NULL: none, or the newest version was reported by a client
