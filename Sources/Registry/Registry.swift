// The registry: what is known of every sandbox, of API keys, of requests that may come twice, and of what is to be billed.
//
//   SandboxRegistry.swift   all of it in one screen: open, write, read, follow, back up
//   Sandboxes/              a sandbox's record, its states and legal moves, its JSON; the table of all and how it is listed
//   Store/                  transactions, and the one writer that brings many of them to the disk at once
//   Changes/                what happened, for those who wait for it
//   Keys/                   API keys
//   Catalog/                environments that were registered by name
//   Requests/               requests that a client may send twice
//   Log/                    the audit log and the billing entries
//   Time/                   moments, time zones, ISO 8601
//   SQLite/                 a thin layer over SQLite: connection, statements, migrations, backup, lock
//   Schema.swift            the tables
