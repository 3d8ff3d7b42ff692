// What Swift cannot import from sqlite3.h: macros that are casts.
#ifndef ROCK_CSQLITE_SHIM_H
#define ROCK_CSQLITE_SHIM_H

#include <sqlite3.h>

/// Tells a bind to copy what it is given.
static inline sqlite3_destructor_type rock_sqlite_copy(void) { return SQLITE_TRANSIENT; }

#endif
